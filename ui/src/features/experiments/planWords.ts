// What one asks of a plan, as the address has it, and what it comes to. Pure.

import type { Schemas } from "@/api";
import { count } from "@/core/format";
import type { Search } from "@/shell/view";

type Whole = Schemas["headgate.experiments.planning.PlanRequest"];
/** What is left out has the server's default. */
export type Asked = Partial<Whole> & Pick<Whole, "effect">;
export type Planned = Schemas["Plan"];

/** How the baseline is said: measured on feedback that is on record, or given. */
export const BASELINES = {
  metric: "measured on feedback",
  calls: "measured on calls",
  rate: "a share of units",
  mean: "a mean and its deviation",
} as const;
export type Baseline = keyof typeof BASELINES;

export const KINDS: Record<NonNullable<Asked["kind"]>, string> = {
  event: "whether it came",
  answer: "a mean of answers",
  amount: "a sum of amounts",
};

/** Sums of a unit's calls that are measured. */
export const MEASURES: Record<Exclude<NonNullable<Asked["measure"]>, "feedback">, string> = {
  cost: "cost, in USD",
  latency: "time taken, in ms",
  errors: "errors",
  refusals: "refusals",
  tokens: "tokens, in and out",
  output_tokens: "tokens out",
};

export const UNITS: NonNullable<Asked["unit"]>[] = ["user", "session", "trace", "call"];

export const LOOKS: Record<Planned["lines"][number]["looks"], string> = {
  one: "once, at the end",
  planned: "always, best at the plan",
  every: "always, at every size alike",
};

export const DEFAULTS: Search = { by: "metric", kind: "event", measure: "cost", unit: "user", arms: "2", power: "80", days: "28", window: "7" };

const FIELDS = ["effect", "by", "metric", "measure", "per", "kind", "rate", "mean", "deviation", "unit", "model", "window", "days", "per_day", "arms", "power"];

/** What of an address is of the plan; the rest is of all pages, and may change meanwhile. */
export function saidIn(search: Search): Search {
  return Object.fromEntries(FIELDS.flatMap((name) => (search[name] === undefined ? [] : [[name, search[name]]])));
}

/** Sums of a unit's calls, by the names that the server knows; any other name is one of feedback. */
const SUMS = ["calls", "sessions", "cost", "latency", "errors", "refusals", "tokens", "output_tokens"];

/** What a ratio is divided by. */
export function divisorOf(per: string | undefined): keyof typeof DIVISORS {
  const name = per?.trim() ?? "";
  return name === "" ? "none" : SUMS.includes(name) ? "calls" : "feedback";
}

/** What is said beside it. */
export const DIVISORS = {
  none: "such as calls, sessions, cost, tokens or a name of feedback; left out, by unit",
  calls: "a sum of units' calls",
  feedback: "the name of feedback",
} as const;

const TEXTS = ["metric", "model"] as const;

/** What the address asks, or what of it is no number; null where nothing is asked yet. */
export function askedOf(search: Search): Asked | string | null {
  const said = { ...DEFAULTS, ...search };
  if (!search["effect"]?.trim()) {
    return null;
  }
  const wrong: string[] = [];
  const number = (name: string, text: string | undefined): number => {
    const value = Number((text ?? "").trim().replace(/%$/, ""));
    if (!text?.trim() || !Number.isFinite(value)) {
      wrong.push(`${name} is ${text?.trim() ? `“${text.trim()}”, which is no number` : "not given"}`);
    }
    return value;
  };
  const isRelative = search["effect"].trim().endsWith("%");
  const effect = number("The difference", search["effect"]) / (isRelative ? 100 : 1);
  const by = (said["by"] ?? "metric") in BASELINES ? (said["by"] as Baseline) : "metric";
  const asked: Asked = {
    effect,
    is_relative: isRelative,
    kind: said["kind"] as never,
    unit: said["unit"] as never,
    arms: number("The number of arms", said["arms"]),
    power: number("The chance", said["power"]) / 100,
    days: number("The days looked at", said["days"]),
    window_s: 86_400 * number("The days of a unit", said["window"]),
  };
  if (by === "calls") {
    asked.measure = said["measure"] as never;
  }
  if ((by === "calls" || by === "metric") && said["per"]?.trim()) {
    asked.per = said["per"].trim();
  }
  for (const name of TEXTS) {
    if (said[name]?.trim() && (name === "model" || by === "metric")) {
      asked[name] = said[name].trim();
    }
  }
  if (by === "rate") {
    asked.rate = number("The share", said["rate"]) / 100;
  } else if (by === "mean") {
    asked.deviation = number("The deviation", said["deviation"]);
    if (said["mean"]?.trim()) {
      asked.mean = number("The mean", said["mean"]);
    }
  } else if (by === "metric" && !asked.metric) {
    wrong.push("no feedback is named");
  }
  if (said["per_day"]?.trim()) {
    asked.per_day = number("Units a day", said["per_day"]);
  }
  return wrong.length > 0 ? `${wrong.join("; ")}.` : asked;
}

/** What is planned, in one sentence. */
export function planSentence(found: Planned): string {
  const best = found.lines.find((line) => line.looks === "planned");
  if (!best) {
    return "";
  }
  const days = best.days === null ? "nobody can say how many days, since no unit came" : `about ${daysOf(best.days)}`;
  return `${count(best.units)} units of two arms, ${count(best.units_in_all)} in all: ${days}, and it may be looked at all the time.`;
}

export function daysOf(days: number): string {
  return days < 10 ? `${days.toFixed(1)} days` : `${count(Math.ceil(days))} days`;
}

/** A number with three digits that tell. */
export function figure(value: number | null): string {
  return value === null ? "–" : Number(value.toPrecision(3)).toString();
}
