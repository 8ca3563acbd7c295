import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { useMay } from "@/shell/session";
import { type Shared, refreshOf } from "@/shell/view";

/** As the client reads it, which takes pairs of numbers for lists. */
export type Shown = NonNullable<ReturnType<typeof useRollout>["data"]>;

export function useRollouts(view: Shared) {
  return useQuery({
    queryKey: ["rollouts"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/rollouts", { signal })),
    enabled: useMay("rollouts:read"),
    refetchInterval: refreshOf(view),
  });
}

export function useRollout(name: string, view: Shared) {
  return useQuery({
    queryKey: ["rollout", name],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/rollouts/{name}", { params: { path: { name } }, signal })),
    refetchInterval: refreshOf(view),
  });
}

/** What is asked again once one was moved. */
export const ROLLOUTS = ["rollouts", "rollout", "experiment", "experiment looks", "timeline", "audit"];
