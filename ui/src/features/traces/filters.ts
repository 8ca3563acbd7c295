// The filters of the list of traces: each stands in the address under its own name. Pure.

import type { FilterField } from "../listing/FilterMenu";
import type { Search } from "@/shell/view";
import { type Shared, timesOf } from "@/shell/view";

export const FIELDS = {
  status: "Status",
  flag: "Flag",
  name: "Name",
  model: "Model",
  provider: "Provider",
  agent: "Agent",
  tool: "Tool",
  service: "Service",
  user: "User",
  session: "Session",
  tag: "Tag",
  key: "Key",
  release: "Release",
  prompt: "Prompt",
  kind: "Kind",
  operation: "Operation",
  finish: "Ended by",
  attribute: "Attribute",
  min_duration_ms: "At least ms",
  max_duration_ms: "At most ms",
  min_cost_usd: "At least $",
  max_cost_usd: "At most $",
  min_tokens: "At least tokens",
  max_tokens: "At most tokens",
  score: "Score",
  text: "Text",
} as const;

/** What no facet can be clicked for. */
export const WRITTEN = [
  { name: "score", title: "Score", hint: "csat>=4, helpful:false, outcome:resolved" },
  { name: "min_duration_ms", title: "At least so many ms", hint: "2000", isNumber: true },
  { name: "max_duration_ms", title: "At most so many ms", hint: "10000", isNumber: true },
  { name: "min_cost_usd", title: "At least so many $", hint: "0.05", isNumber: true },
  { name: "max_cost_usd", title: "At most so many $", hint: "1", isNumber: true },
  { name: "min_tokens", title: "At least so many tokens", hint: "1000", isNumber: true },
  { name: "max_tokens", title: "At most so many tokens", hint: "100000", isNumber: true },
  { name: "session", title: "Session", hint: "its id" },
  { name: "key", title: "Key", hint: "its id" },
] satisfies FilterField[];

export type Field = keyof typeof FIELDS;

export type Filters = Partial<Record<Field, string>>;

export const SORTS = { newest: "Newest", slowest: "Slowest", dearest: "Dearest" } as const;
export type Sort = keyof typeof SORTS;

export function filtersOf(search: Search): Filters {
  const found: Filters = {};
  for (const name of Object.keys(FIELDS) as Field[]) {
    const value = search[name];
    if (value) {
      found[name] = value;
    }
  }
  return found;
}

export function sortOf(search: Search): Sort {
  const found = search["sort"] ?? "";
  return Object.hasOwn(SORTS, found) ? (found as Sort) : "newest";
}

/** The query of the API. A range that follows has no end, so that new traces are in it. */
export function queryOf(view: Shared, filters: Filters, from?: string): Record<string, string> {
  const times = timesOf(view);
  return {
    ...(view.project ? { project: view.project } : {}),
    ...(view.environment ? { environment: view.environment } : {}),
    from: from ?? times.from,
    ...(view.to ? { to: view.to } : {}),
    ...filters,
  };
}
