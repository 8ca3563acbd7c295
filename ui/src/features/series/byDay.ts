// Sums by user, tag, session and prompt are kept by whole days alone: which time they count, and which calls stand behind. Pure.

import type { Patch } from "@/shell/view";
import type { Series } from "./useSeries";

export type ByDay = "user" | "tag" | "session";

/** Whether sums by it are kept by whole days alone. */
export function isByDay(by: string): by is ByDay {
  return by === "user" || by === "tag" || by === "session";
}

/** The time that charts count, where it is another than the one that was asked for: of days, and of the newest calls. */
export function countedTime(by: string, series: Pick<Series, "begin" | "end" | "counted_from">): Patch {
  return isByDay(by) ? { from: series.counted_from ?? series.begin, to: series.end, range: null } : {};
}

/** A chart says nothing of steps before the calls that were counted. */
export function since<Value>(series: Pick<Series, "at" | "counted_from">, values: readonly Value[]): (Value | null)[] {
  const from = series.counted_from;
  return from === null ? [...values] : values.map((each, place) => (Date.parse(series.at[place + 1] ?? series.at[place] ?? "") <= Date.parse(from) ? null : each));
}

/** The whole days (UTC) that a time touches. */
export function wholeDays({ from, to }: { from: string; to: string }): { from: string; to: string } {
  const edge = (at: string, up: boolean): string => {
    const days = Date.parse(at) / 86_400_000;
    return new Date((up ? Math.ceil(days) : Math.floor(days)) * 86_400_000).toISOString();
  };
  return { from: edge(from, false), to: edge(to, true) };
}
