import { useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import { type Shared, keyOf, refreshOf, timesOf } from "@/shell/view";
import { keptWithin } from "../series/kept";

export type Metric = Schemas["MetricItem"];
export type Point = Schemas["MetricSeriesPoint"];

/** The metrics that applications have sent. */
export function useMetrics(view: Shared) {
  return useQuery({
    queryKey: ["metrics", view.project],
    queryFn: ({ signal }) => {
      const query = view.project ? { project: view.project } : {};
      return ask(api.GET("/api/v1/metrics", { params: { query }, signal }));
    },
    refetchInterval: refreshOf(view),
  });
}

const DAYS_MS = 4 * 86_400_000;

/** By the hour, or over more than a few days by the day: metrics are kept by the hour. */
export function intervalOf(view: Shared): "hour" | "day" {
  const { from, to } = timesOf(view);
  return Date.parse(to) - Date.parse(from) > DAYS_MS ? "day" : "hour";
}

/** What one metric came to over the time that all pages share; all of that time together where no interval is named. */
export function usePoints(view: Shared, name: string, groupBy: string | undefined, interval: "hour" | "day" | undefined) {
  const by = JSON.stringify([name, groupBy, interval]);
  return useQuery({
    queryKey: ["metric-points", ...keyOf(view), by],
    queryFn: ({ signal }) => {
      const query = {
        ...timesOf(view),
        ...(view.project ? { project: view.project } : {}),
        // What an application calls its environment stands among what series are told apart by.
        ...(view.environment ? { attribute: [`deployment.environment.name=${view.environment}`] } : {}),
        ...(groupBy ? { group_by: groupBy } : {}),
        ...(interval ? { interval } : {}),
        name,
      };
      return ask(api.GET("/api/v1/metrics/series", { params: { query }, signal }));
    },
    placeholderData: keptWithin(by),
    refetchInterval: refreshOf(view),
  });
}
