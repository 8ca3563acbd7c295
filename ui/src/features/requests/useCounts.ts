import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import { type Shared, keyOf, refreshOf, timesOf } from "@/shell/view";
import { type SeriesFilter, useSeries } from "../series/useSeries";
import { type Filters, queryOf } from "./filters";

export type Counts = Pick<Schemas["RequestCounts"], "at" | "end" | "ok" | "client_errors" | "server_errors" | "counted_from">;

/** By these sums are kept. */
const SUMMED = ["model", "target", "prompt", "release", "key"] as const;
const CLASSES = ["ok", "error", "4xx", "5xx"];

/** The filter of sums that counts the same calls; null where only the calls themselves tell. */
export function summedOf(view: Shared, filters: Filters): SeriesFilter | null {
  const found: SeriesFilter = { latencies: "no", ...(view.environment ? { environment: view.environment } : {}) };
  for (const [name, value] of Object.entries(filters)) {
    const summed = SUMMED.find((each) => each === name);
    if (summed) {
      found[summed] = value;
    } else if (name !== "status" || !CLASSES.includes(value)) {
      return null;
    }
  }
  return found;
}

/** Calls over time that match: from sums where these are kept, else counted as far as is quick. */
export function useCounts(view: Shared, filters: Filters): Counts | undefined {
  const summed = summedOf(view, filters);
  const series = useSeries(view, summed ?? {}, summed !== null);
  const counted = useQuery({
    queryKey: ["counts", ...keyOf(view), filters],
    queryFn: ({ signal }) => {
      const query = { ...queryOf(view, filters), ...timesOf(view) };
      return ask(api.GET("/api/v1/requests/counts", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: refreshOf(view),
    enabled: summed === null,
  });
  if (summed === null) {
    return counted.data;
  }
  const group = series.data?.groups[0];
  return series.data && group ? { ...series.data, ...group, counted_from: null } : undefined;
}
