// The calls that a budget counts, as a filter of requests. Pure.

import type { Patch } from "@/shell/view";
import type { Budget } from "./burn";

/** The calls in a budget's present window; those of one without an end are the last 90 days'. */
export function callsOf(budget: Budget, now: number): Patch {
  const { provider, model, ...others } = budget.scope as Record<string, string | undefined>;
  const target = provider ?? (model?.includes("/") ? model : undefined);
  const times = budget.window_start
    ? { from: budget.window_start, to: new Date(now).toISOString(), range: null }
    : { range: "90d", from: null, to: null };
  return {
    ...others,
    ...(budget.key ? { key: budget.key } : {}),
    ...(target ? { target } : {}),
    ...(model && !model.includes("/") ? { model } : {}),
    ...times,
  };
}
