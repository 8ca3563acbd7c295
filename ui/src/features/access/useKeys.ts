import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Schemas, api, ask } from "@/api";
import { useMay } from "@/shell/session";
import { type Shared, timesOf } from "@/shell/view";

export type Key = Schemas["KeyView"];

/** The keys of a project, or of all; page after page. */
export function useKeyPages(project: string | undefined) {
  return useInfiniteQuery({
    queryKey: ["key pages", project],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: 500, ...(project ? { project } : {}), ...(pageParam ? { next: pageParam } : {}) };
      return ask(api.GET("/api/v1/keys", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
  });
}

/** What each key's calls were and cost in the time that is looked at. */
export function useTraffic(view: Shared): Map<string, Schemas["CostRow"]> {
  const costs = useQuery({
    queryKey: ["costs", "key", view.project, view.range, view.from, view.to],
    queryFn: ({ signal }) => {
      const query = { group_by: "key" as const, limit: 500, ...timesOf(view), ...(view.project ? { project: view.project } : {}) };
      return ask(api.GET("/api/v1/costs", { params: { query }, signal }));
    },
    enabled: useMay("costs:read"),
    staleTime: 30_000,
  });
  const items = costs.data?.items;
  return useMemo(() => new Map(items?.flatMap((each) => (each.key ? [[each.key, each]] : []))), [items]);
}

export function useRoles() {
  return useQuery({
    queryKey: ["roles"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/roles", { signal })),
    staleTime: Infinity,
  });
}

/** The names of keys by their ids: who did something is said by name where one may know it. */
export function useKeyNames(): (id: string) => string {
  const keys = useQuery({
    queryKey: ["keys"],
    queryFn: () => ask(api.GET("/api/v1/keys", { params: { query: { limit: 500 } } })),
    enabled: useMay("keys:read"),
    staleTime: 60_000,
  });
  const items = keys.data?.items;
  return useMemo(() => {
    const names = new Map(items?.map((each) => [each.id, each.name]));
    return (id) => names.get(id) ?? id;
  }, [items]);
}
