import { useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import { type Shared, keyOf, refreshOf, timesOf } from "@/shell/view";
import { keptWithin } from "./kept";

export type Series = Schemas["Series"];
export type SeriesGroup = Schemas["SeriesGroup"];
export type GroupName = "project" | "model" | "target" | "provider" | "prompt" | "release" | "key" | "environment" | "user" | "tag";

export interface SeriesFilter {
  group_by?: GroupName;
  model?: string;
  target?: string;
  prompt?: string;
  release?: string;
  key?: string;
  /** In place of the one that all pages share. */
  environment?: string;
  /** Left out they are quicker. */
  latencies?: "no";
  /** Whether each kind of failure is counted by group, too. */
  failing_groups?: "yes";
}

/** What charts show, for the filter that all pages share and for more. */
export function useSeries(view: Shared, filter: SeriesFilter = {}, enabled = true) {
  const by = filter.group_by ?? "";
  return useQuery({
    queryKey: ["series", ...keyOf(view), filter, by],
    queryFn: ({ signal }) => {
      const shared = { ...(view.project ? { project: view.project } : {}), ...(view.environment ? { environment: view.environment } : {}) };
      const query = { ...timesOf(view), ...shared, ...filter };
      return ask(api.GET("/api/v1/series", { params: { query }, signal }));
    },
    placeholderData: keptWithin(by),
    refetchInterval: refreshOf(view),
    enabled,
  });
}
