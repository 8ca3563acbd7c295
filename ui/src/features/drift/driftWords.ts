// What is watched of models, and how its numbers read. Pure.

import type { Schemas } from "@/api";
import { duration, money, percent } from "@/core/format";
import type { Tone } from "@/core/Values";
import type { Patch } from "@/shell/view";

export type Alarm = Schemas["AlarmView"];
export type Change = Alarm["changes"][number];
export type Target = Schemas["CanaryView"]["targets"][number];

export const SIGNALS: Record<string, string> = {
  score: "right answers",
  new_answer: "answers not among the usual ones",
  wording: "distance from the usual wording",
  length: "characters an answer",
  tokens: "tokens an answer",
  refused: "refusals",
  mismatched: "answers that break their schema",
  cut: "answers that a limit cuts",
  tools: "answers that call tools",
  errors: "errors",
  cost: "cost of a call",
  latency: "time of a call",
  first_token: "time to the first token",
};

export const PHASES: Record<Target["phase"], [Tone, string]> = {
  reference: ["quiet", "learns what is usual"],
  watching: ["good", "no change is known"],
  alarmed: ["bad", "has changed"],
};

export const KINDS: Record<string, string> = {
  canary: "a canary's answers",
  traffic: "live traffic",
  served: "what answers say of themselves",
};

/** A value of a signal in its own unit; how many characters, seconds or dollars, else a share. */
export function valueOf(signal: string, value: number | null): string {
  if (value === null) {
    return "nothing";
  }
  switch (signal) {
    case "length":
    case "tokens":
      return String(Number(value.toPrecision(3)));
    case "cost":
      return money(value);
    case "latency":
    case "first_token":
      return duration(value * 1000);
    default:
      return percent(value);
  }
}

/** A figure with its interval, where there is one. */
export function figureOf(signal: string, figure: Change["before"]): string {
  const { mean, low, high } = figure;
  const value = valueOf(signal, mean);
  return low === null || high === null ? value : `${value} (${valueOf(signal, Math.max(0, low))} to ${valueOf(signal, high)})`;
}

/** The name of the canary that an alarm is of; null for other watches. */
export function canaryOf(alarm: Alarm): string | null {
  const end = `/${alarm.target}`;
  return alarm.kind === "canary" && alarm.watch.startsWith("canary/") && alarm.watch.endsWith(end)
    ? alarm.watch.slice("canary/".length, -end.length)
    : null;
}

const MINUTE_MS = 60_000;

/** The calls of a target between two times; of a canary only those that it made. */
export function callsOf(target: string, from: string, to: string | null, canary: string | null): Patch {
  const rounded = (at: number): string => new Date(at).toISOString();
  return {
    target,
    tag: canary ? `canary:${canary}` : null,
    project: null,
    environment: null,
    range: null,
    from: rounded(Date.parse(from) - MINUTE_MS),
    to: rounded(to ? Date.parse(to) + MINUTE_MS : Math.ceil(Date.now() / MINUTE_MS) * MINUTE_MS),
  };
}
