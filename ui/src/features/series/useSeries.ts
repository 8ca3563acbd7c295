import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import { type Shared, keyOf, refreshOf, timesOf } from "@/shell/view";

export type Series = Schemas["Series"];
export type SeriesGroup = Schemas["SeriesGroup"];
export type GroupName = "project" | "model" | "target" | "prompt" | "release" | "key";

export interface SeriesFilter {
  group_by?: GroupName;
  model?: string;
  target?: string;
  prompt?: string;
  release?: string;
  key?: string;
  /** Left out they are quicker. */
  latencies?: "no";
}

/** What charts show, for the filter that all pages share and for more. Sums are kept without environments. */
export function useSeries(view: Shared, filter: SeriesFilter = {}, enabled = true) {
  return useQuery({
    queryKey: ["series", ...keyOf(view), filter],
    queryFn: ({ signal }) => {
      const query = { ...timesOf(view), ...(view.project ? { project: view.project } : {}), ...filter };
      return ask(api.GET("/api/v1/series", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: refreshOf(view),
    enabled,
  });
}
