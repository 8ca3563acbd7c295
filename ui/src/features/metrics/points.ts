// Points of a metric as lines of a chart. Pure.

import type { Line } from "@/core/Chart";
import { colourOf, dashOf } from "../series/groupLooks";
import type { Point } from "./useMetrics";

export type Measure = "count" | "sum" | "mean" | "p95" | "last";

export const MEASURES: Record<Measure, string> = {
  count: "How many",
  sum: "Sum",
  mean: "Mean",
  p95: "p95, estimated",
  last: "Last",
};

/** What can be said of each kind: a gauge has no sum, a sum no quantiles. */
export const OF_KIND: Record<Point["kind"], Measure[]> = {
  histogram: ["mean", "p95", "count", "sum"],
  sum: ["sum"],
  gauge: ["last"],
};

export function valueOf(point: Point, measure: Measure): number | null {
  switch (measure) {
    case "count":
      return point.count;
    case "sum":
      return point.sum;
    case "mean":
      return point.count > 0 ? point.sum / point.count : null;
    case "p95":
      return point.quantiles?.p95 ?? null;
    case "last":
      return point.last;
  }
}

const LINES_MAX = 8;
const STEPS_MAX = 500;
export const STEP_MS = { hour: 3_600_000, day: 86_400_000 };

/** Each step from the first to the last, whether something was measured in it or not. */
export function stepsOf(points: Point[], interval: "hour" | "day"): string[] {
  const starts = points.flatMap((each) => (each.start ? [Date.parse(each.start)] : []));
  if (starts.length === 0) {
    return [];
  }
  const [first, last] = [Math.min(...starts), Math.max(...starts)];
  const length = Math.min(STEPS_MAX, (last - first) / STEP_MS[interval] + 1);
  return Array.from({ length }, (_, place) => new Date(first + place * STEP_MS[interval]).toISOString());
}

/** A line for each group, those first of which most was measured. */
export function linesOf(points: Point[], at: string[], measure: Measure): Line[] {
  const groups = new Map<string, Point[]>();
  for (const point of points) {
    groups.set(point.group, [...(groups.get(point.group) ?? []), point]);
  }
  const size = (of: Point[]): number => of.reduce((sum, each) => sum + each.count, 0);
  const largest = [...groups].sort(([, one], [, other]) => size(other) - size(one)).slice(0, LINES_MAX);
  return largest.map(([group, of], place) => {
    const values = new Map(of.map((each) => [Date.parse(each.start ?? ""), valueOf(each, measure)]));
    return {
      label: group || "all",
      colour: colourOf(place),
      ...dashOf(place),
      values: at.map((instant) => values.get(Date.parse(instant)) ?? null),
    };
  });
}

/** A measured number with its unit: `{token}` is told as tokens, seconds as they are. */
export function written(value: number, unit: string): string {
  const text = Math.abs(value) < 100_000 ? Number(value.toPrecision(6)).toLocaleString("en-US", { maximumFractionDigits: 6 }) : Math.round(value).toLocaleString("en-US");
  const word = unit.replaceAll(/[{}]/g, "");
  return word && word !== "1" ? `${text} ${word}` : text;
}
