// The filters of the list of requests: each stands in the address under its own name.

import type { FilterField } from "../listing/FilterMenu";
import type { Search } from "@/shell/view";
import { type Shared, timesOf } from "@/shell/view";

export const FIELDS = {
  status: "Status",
  code: "Error",
  model: "Model",
  target: "Target",
  prompt: "Prompt",
  prompt_version: "Version",
  release: "Release",
  key: "Key",
  user: "User",
  session: "Session",
  tag: "Tag",
  trace_id: "Trace",
  experiment: "Experiment",
  arm: "Arm",
  crossed: "Not served by",
  unknown: "Unknown prompt",
  min_duration_ms: "At least ms",
  price: "Price",
  shadow: "Shadows",
  text: "Text",
  id: "Id",
  finish: "Ended by",
  same_request: "Same request as",
  same_opening: "Same opening as",
} as const;

/** What no facet can be clicked for. */
export const WRITTEN = [
  { name: "min_duration_ms", title: "At least so many ms", hint: "2000", isNumber: true },
  { name: "session", title: "Session", hint: "its id; - for none" },
  { name: "price", title: "Price", hint: "known or unknown" },
  { name: "id", title: "A part of its id", hint: "six of its first or last digits" },
  { name: "trace_id", title: "Trace", hint: "its id" },
  { name: "experiment", title: "Experiment", hint: "its name" },
  { name: "arm", title: "Arm of an experiment", hint: "its name; - for none" },
] satisfies FilterField[];

export type Field = keyof typeof FIELDS;

export type Filters = Partial<Record<Field, string>>;

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

/** The query of the API. A range that follows has no end, so that new calls are in it. */
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
