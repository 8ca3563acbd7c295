import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { type Schemas, api, ask } from "@/api";
import { type Shared, keyOf, refreshOf, timesOf } from "@/shell/view";
import { useTail } from "../listing/useTail";
import { type Filters, type Sort, queryOf } from "./filters";

export type Item = Schemas["TraceItem"];

const PAGE = 100;
export const placeOf = (item: { project: string; trace_id: string }): string => `${item.trace_id} ${item.project}`;

/** Traces by pages, and those that come in or grow while one looks; only the newest ones follow. */
export function useTraces(view: Shared, filters: Filters, sort: Sort) {
  const key = useMemo(() => ["traces", ...keyOf(view), filters, sort], [view, filters, sort]);
  // The beginning stands still while one scrolls: a page that follows belongs to the one before.
  const from = useRef<{ key: unknown; from: string } | null>(null);
  if (from.current?.key !== key) {
    from.current = { key, from: timesOf(view).from };
  }
  const pages = useInfiniteQuery({
    queryKey: key,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { ...queryOf(view, filters, from.current?.from), sort, limit: PAGE, ...(pageParam ? { next: pageParam } : {}) };
      return ask(api.GET("/api/v1/traces", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
    staleTime: Infinity,
    gcTime: 60_000,
  });
  const tail = useTail<Item>({
    address: () => `/api/v1/traces/stream?${new URLSearchParams(queryOf(view, filters)).toString()}`,
    kind: "trace",
    keyOf: placeOf,
    name: JSON.stringify(key),
    isOn: view.isLive && sort === "newest" && pages.isSuccess,
  });
  const items = useMemo(() => listedWith(pages.data?.pages.flatMap((page) => page.items) ?? [], tail.items), [pages.data, tail.items]);
  return { pages, items, tail };
}

/** What was listed, as it is by now, with what came in since above it. */
export function listedWith(listed: Item[], came: Item[]): Item[] {
  const now = new Map(came.map((item) => [placeOf(item), item]));
  const kept = listed.map((item) => {
    const again = now.get(placeOf(item));
    now.delete(placeOf(item));
    return again ?? item;
  });
  return [...now.values(), ...kept];
}

/** What the traces of a filter have in common. */
export function useTraceFacets(view: Shared, filters: Filters) {
  return useQuery({
    queryKey: ["trace-facets", ...keyOf(view), filters],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/traces/facets", { params: { query: queryOf(view, filters) }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: refreshOf(view),
  });
}

/** Traces over time: those of the list, whatever it is filtered by. */
export function useTraceCounts(view: Shared, filters: Filters) {
  return useQuery({
    queryKey: ["trace-counts", ...keyOf(view), filters],
    queryFn: ({ signal }) => {
      const query = { ...queryOf(view, filters), ...timesOf(view) };
      return ask(api.GET("/api/v1/traces/counts", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: refreshOf(view),
  });
}
