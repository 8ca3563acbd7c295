// By what the overview's charts can be told apart. Pure.

import type { Schemas } from "@/api";
import type { GroupName, SeriesGroup } from "../series/useSeries";

export type Grouping = GroupName;

export const GROUPINGS: [Grouping | "", string][] = [
  ["", "All"],
  ["project", "Project"],
  ["environment", "Environment"],
  ["model", "Model"],
  ["target", "Target"],
  ["prompt", "Prompt"],
  ["release", "Release"],
  ["key", "Key"],
  ["user", "User"],
  ["tag", "Tag"],
];

/** What an address asks for; null for all together. */
export function groupingOf(text: string | undefined): Grouping | null {
  return GROUPINGS.find(([name]) => name !== "" && name === text)?.[0] || null;
}

type Latency = "duration_p50_ms" | "duration_p95_ms" | "duration_p99_ms" | "first_token_p50_ms" | "first_token_p95_ms";

/** What the chart of latencies can be of, as an address says it. */
export const LATENCIES: Record<string, { title: string; field: Latency }> = {
  p50: { title: "p50", field: "duration_p50_ms" },
  p95: { title: "p95", field: "duration_p95_ms" },
  p99: { title: "p99", field: "duration_p99_ms" },
  first_p50: { title: "first token p50", field: "first_token_p50_ms" },
  first_p95: { title: "first token p95", field: "first_token_p95_ms" },
};
export const LATENCY_DEFAULT = "p95";

export function latencyOf(text: string | undefined): string {
  return text !== undefined && Object.hasOwn(LATENCIES, text) ? text : LATENCY_DEFAULT;
}

/** All calls of each step. */
export function callsOf(group: Pick<SeriesGroup, "ok" | "client_errors" | "server_errors" | "unknown">): number[] {
  return group.ok.map((each, place) => each + (group.client_errors[place] ?? 0) + (group.server_errors[place] ?? 0) + (group.unknown[place] ?? 0));
}

/** Failed calls of each step; null where that is not known of all calls. */
export function errorsOf(group: Pick<SeriesGroup, "client_errors" | "server_errors" | "unknown">): (number | null)[] {
  return group.client_errors.map((each, place) => ((group.unknown[place] ?? 0) > 0 ? null : each + (group.server_errors[place] ?? 0)));
}

export interface ValueBar {
  value: string;
  calls: number;
  cost: string | null;
  callShare: number;
  costShare: number;
}

type Row = Pick<Schemas["CostRow"], "requests" | "cost_usd"> & { user?: string | null; tag?: string | null };

/** Rows by user or tag with how they are against the largest of them. */
export function barsOf(rows: readonly Row[]): ValueBar[] {
  const most = Math.max(1, ...rows.map((row) => row.requests));
  const dearest = Math.max(...rows.map((row) => Number(row.cost_usd ?? 0))) || 1;
  return rows.map((row) => ({
    value: row.user ?? row.tag ?? "",
    calls: row.requests,
    cost: row.cost_usd,
    callShare: row.requests / most,
    costShare: Number(row.cost_usd ?? 0) / dearest,
  }));
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
