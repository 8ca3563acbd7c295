// How versions of a prompt do, in words, and where the calls behind a number are. Pure.

import type { Schemas } from "@/api";
import { percent } from "@/core/format";
import type { Patch } from "@/shell/view";

export type Outcomes = Schemas["PromptOutcomes"];
export type Outcome = Schemas["VersionOutcome"];
export type Said = Schemas["VersionFeedback"];
type Estimate = Schemas["OutcomeEstimate"];

/** The filter of the list that holds the calls which a number counts, and no others. */
export function callsOf(found: Outcomes, more: Patch = {}): Patch {
  return {
    project: found.project,
    environment: found.environment === "" ? "-" : found.environment,
    range: null,
    prompt: found.name,
    from: found.since,
    to: found.until,
    ...more,
  };
}

/** A share in percent or a mean, then its interval: "62 % (51 to 72)". */
export function estimateText(of: "share" | "mean", estimate: Estimate): string {
  const one = (value: number): string => (of === "share" ? percent(value) : numberText(value));
  if (estimate.low === null || estimate.high === null) {
    return one(estimate.value);
  }
  const low = of === "share" ? percent(estimate.low).replace(" %", "") : numberText(estimate.low);
  return `${one(estimate.value)} (${low} to ${one(estimate.high)})`;
}

export function numberText(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** The names of feedback that any version has, the most frequent first. */
export function namesSaid(found: Outcomes): string[] {
  const answers = new Map<string, number>();
  for (const version of found.versions) {
    for (const said of version.feedback) {
      answers.set(said.name, (answers.get(said.name) ?? 0) + said.answers);
    }
  }
  return [...answers].sort((one, other) => other[1] - one[1] || one[0].localeCompare(other[0])).map(([name]) => name);
}

/** The least and the most that a scale has to show for one name of feedback. */
export function scaleOf(found: Outcomes, name: string): [number, number] {
  const all = found.versions.flatMap((version) => version.feedback.filter((each) => each.name === name));
  if (all.every((each) => each.of !== "mean")) {
    return [0, 1];
  }
  const ends = all.flatMap(({ estimate }) => (estimate ? [estimate.value, estimate.low ?? 0, estimate.high ?? 0] : []));
  return [Math.min(0, ...ends), Math.max(...ends, 0)];
}

/** The cost of a call on each day that had one. */
export function costsByDay(outcome: Outcome): (number | null)[] {
  return outcome.calls_by_day.map((calls, day) => (calls > 0 ? Number(outcome.cost_usd_by_day[day]) / calls : null));
}

export function failedByDay(outcome: Outcome): (number | null)[] {
  return outcome.calls_by_day.map((calls, day) => (calls > 0 ? (outcome.failed_by_day[day] ?? 0) / calls : null));
}

/** All tokens that went in, and out, for one call. */
export function tokensOf(outcome: Outcome): [number, number] {
  const { input, cache_read, cache_write, output, reasoning } = outcome.usage;
  const calls = Math.max(1, outcome.measured);
  return [(input + cache_read + cache_write) / calls, (output + reasoning) / calls];
}
