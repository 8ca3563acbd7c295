import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { useMay } from "@/shell/session";
import { type Shared, refreshOf } from "@/shell/view";
import type { Watch } from "./driftWords";

export function useAlarms(view: Shared, openOnly: boolean) {
  return useInfiniteQuery({
    queryKey: ["drift alarms", openOnly],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { open_only: openOnly, limit: 50, ...(pageParam ? { next: pageParam } : {}) };
      return ask(api.GET("/api/v1/drift/alarms", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
    refetchInterval: refreshOf(view),
  });
}

export function useAlarm(id: string) {
  return useQuery({
    queryKey: ["drift alarm", id],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/drift/alarms/{alarm_id}", { params: { path: { alarm_id: Number(id) } }, signal })),
  });
}

export function useWatches(view: Shared, phase: string, target: string | undefined) {
  return useInfiniteQuery({
    queryKey: ["drift traffic", phase, target],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = {
        limit: 100,
        ...(phase ? { phase: phase as Watch["phase"] } : {}),
        ...(target ? { target } : {}),
        ...(pageParam ? { next: pageParam } : {}),
      };
      return ask(api.GET("/api/v1/drift/traffic", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
    refetchInterval: refreshOf(view),
  });
}

/** As the client reads it, which takes tuples for lists. */
export type Detail = NonNullable<ReturnType<typeof useWatch>["data"]>;

export function useWatch(id: string, view: Shared) {
  return useQuery({
    queryKey: ["drift watch", id],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/drift/traffic/{watch_id}", { params: { path: { watch_id: id } }, signal })),
    refetchInterval: refreshOf(view),
  });
}

export function useServed(view: Shared) {
  return useQuery({
    queryKey: ["drift served"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/drift/traffic/served", { signal })),
    enabled: useMay("snapshots:read"),
    refetchInterval: refreshOf(view),
  });
}

export function useCanaries(view: Shared) {
  return useQuery({
    queryKey: ["canaries"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/drift/canaries", { signal })),
    enabled: useMay("snapshots:read"),
    refetchInterval: refreshOf(view),
  });
}

export function useCanary(name: string, view: Shared) {
  return useQuery({
    queryKey: ["canary", name],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/drift/canaries/{name}", { params: { path: { name } }, signal })),
    refetchInterval: refreshOf(view),
  });
}

export function useSignals(name: string, view: Shared) {
  return useQuery({
    queryKey: ["canary signals", name],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/drift/canaries/{name}/signals", { params: { path: { name } }, signal })),
    refetchInterval: refreshOf(view),
  });
}

/** What is asked again once an alarm was acknowledged or a canary runs. */
export const DRIFT = ["drift alarms", "drift alarm", "canaries", "canary", "canary signals", "drift traffic", "drift watch", "timeline", "audit"];
