// What is watched of models, and how its numbers read. Pure.

import type { Schemas } from "@/api";
import type { Mark } from "@/core/Chart";
import { duration, money, percent } from "@/core/format";
import type { Tone } from "@/core/Values";
import type { Patch } from "@/shell/view";

export type Alarm = Schemas["AlarmView"];
export type Change = Alarm["changes"][number];
export type Watch = Schemas["TrafficWatch"];
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

/** Where alarms of a watch say that it changed, as marks of its charts. */
export function changesOf(pages: readonly { items: readonly Alarm[] }[] | undefined, isOf: (watch: string) => boolean): Mark[] {
  return (pages ?? [])
    .flatMap((page) => page.items)
    .filter((each) => isOf(each.watch))
    .map((each): Mark => ({ at: each.since, name: "changed" }))
    .sort((one, other) => one.at.localeCompare(other.at));
}

/** The page of a watch of live traffic. */
export function pathOfWatch(watch: Pick<Watch, "id">): string {
  return `/drift/traffic/${watch.id}`;
}

/** The watch of live traffic that an alarm is of; null for other alarms. */
export function watchOf(alarm: Alarm): string | null {
  return alarm.kind === "traffic" ? (alarm.watch.split("/").at(-1) ?? null) : null;
}

const HOUR_MS = 3_600_000;

/** The calls that a watch has seen, whatever time and project one looks at. */
export function callsOfWatch(watch: Watch): Patch {
  const [prompt, version] = promptOf(watch.prompt);
  return {
    target: watch.target,
    model: watch.model,
    project: watch.project,
    environment: null,
    range: null,
    prompt,
    prompt_version: version,
    release: watch.release || null,
    from: new Date(Date.parse(watch.since)).toISOString(),
    to: new Date(Date.parse(watch.last_hour) + HOUR_MS).toISOString(),
  };
}

/** A prompt and its version; of calls with several, the first, since calls are asked for by one. */
function promptOf(used: string): [string | null, string | null] {
  const [name, version] = (used.split(", ")[0] ?? "").split("@");
  return [name || null, name ? (version ?? null) : null];
}

/** The signal that speaks most for a change, and which way; empty while nothing does. */
export function mostOf(watch: Watch): string {
  const sides = watch.signals.flatMap((each) => [
    { evidence: each.evidence_up ?? 0, words: `${SIGNALS[each.signal] ?? each.signal}, more` },
    { evidence: each.evidence_down ?? 0, words: `${SIGNALS[each.signal] ?? each.signal}, less` },
  ]);
  const most = sides.sort((one, other) => other.evidence - one.evidence)[0];
  return most && most.evidence > 1 ? most.words : "";
}

/** Where a signal usually lies, as far as it is watched. */
export function usualOf(signal: Watch["signals"][number]): string {
  const { signal: name, usual_low: low, usual_high: high } = signal;
  if (low === null && high === null) {
    return "–";
  }
  if (low === null || high === null) {
    return low === null ? `up to ${valueOf(name, high)}` : `from ${valueOf(name, low)}`;
  }
  return `${valueOf(name, low)} to ${valueOf(name, high)}`;
}
