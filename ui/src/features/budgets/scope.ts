// The calls that a budget counts, as a filter of requests. Pure.

import type { Patch } from "@/shell/view";
import type { Budget } from "./burn";

/** The calls in a budget's present window, of all environments; those of one without an end are the last 90 days'. */
export function callsOf(budget: Budget, now: number): Patch {
  const { provider, model, ...others } = budget.scope as Record<string, string | undefined>;
  const target = provider ?? (model?.includes("/") ? model : undefined);
  const times = budget.window_start
    ? { from: budget.window_start, to: new Date(now).toISOString(), range: null }
    : { range: "90d", from: null, to: null };
  return {
    ...others,
    environment: null,
    ...(budget.key ? { key: budget.key } : {}),
    ...(target ? { target } : {}),
    ...(model && !model.includes("/") ? { model } : {}),
    ...times,
  };
}

/** What of a call decides which budgets count it. */
export interface Counted {
  project: string;
  key: string;
  user: string | null;
  model: string;
  target: string | null;
  tags: readonly string[];
}

/** Whether a budget counts a call, as the gateway decides it: all parts of its scope must match. */
export function counts(budget: Pick<Budget, "scope" | "key">, call: Counted): boolean {
  if (budget.key && budget.key !== call.key) {
    return false;
  }
  const target = call.target ?? "";
  const values: Record<string, readonly string[]> = {
    project: [call.project],
    key: [call.key],
    // Without a user a call counts under its key.
    user: [call.user ?? call.key],
    provider: [target.split("/")[0] ?? ""],
    model: [call.model, target],
    tag: call.tags,
  };
  return Object.entries(budget.scope as Record<string, string>).every(([name, wanted]) =>
    wanted === "*" ? (values[name] ?? []).some((value) => value !== "") : (values[name] ?? []).includes(wanted),
  );
}
