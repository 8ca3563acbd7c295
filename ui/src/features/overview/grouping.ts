// By what the overview's charts can be told apart. Pure.

import type { Schemas } from "@/api";
import type { GroupName } from "../series/useSeries";

export type Grouping = GroupName | "user";

export const GROUPINGS: [Grouping | "", string][] = [
  ["", "All"],
  ["project", "Project"],
  ["model", "Model"],
  ["target", "Target"],
  ["prompt", "Prompt"],
  ["release", "Release"],
  ["key", "Key"],
  ["user", "User"],
];

/** What an address asks for; null for all together. */
export function groupingOf(text: string | undefined): Grouping | null {
  return GROUPINGS.find(([name]) => name !== "" && name === text)?.[0] || null;
}

export interface UserBar {
  user: string;
  calls: number;
  cost: string | null;
  callShare: number;
  costShare: number;
}

type Row = Pick<Schemas["CostRow"], "requests" | "cost_usd"> & { user?: string | null };

/** Rows by user with how they are against the largest of them. */
export function barsOf(rows: readonly Row[]): UserBar[] {
  const most = Math.max(1, ...rows.map((row) => row.requests));
  const dearest = Math.max(...rows.map((row) => Number(row.cost_usd ?? 0))) || 1;
  return rows.map((row) => ({
    user: row.user ?? "",
    calls: row.requests,
    cost: row.cost_usd,
    callShare: row.requests / most,
    costShare: Number(row.cost_usd ?? 0) / dearest,
  }));
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
