// What is known of an experiment, in words and in filters that lead to its calls. Pure.

import type { Schemas } from "@/api";
import { count, duration, money } from "@/core/format";
import type { Tone } from "@/core/Values";
import type { Patch } from "@/shell/view";

export type Report = Schemas["headgate.experiments.report.Report"];
export type Metric = Schemas["MetricReport"];
export type Comparison = Schemas["headgate.experiments.report.Comparison"];

export const STATES: Record<Report["state"], [Tone, string]> = {
  running: ["good", "running"],
  stopped: ["quiet", "stopped"],
  replaced: ["quiet", "replaced"],
  removed: ["quiet", "removed"],
};

export const FINDINGS: Record<Comparison["finding"], [Tone, string]> = {
  better: ["good", "better"],
  worse: ["bad", "worse"],
  same: ["accent", "the same, but for less than matters"],
  holds: ["good", "holds"],
  broken: ["bad", "broken"],
  open: ["quiet", "not known yet"],
  none: ["quiet", "no number"],
};

export const ROLES: { role: Metric["role"]; title: string; what: string }[] = [
  { role: "decision", title: "What decides", what: "whether an arm is better, however often one looks" },
  { role: "guardrail", title: "Guardrails", what: "what must not get worse by more than its margin" },
  { role: "exploratory", title: "Looked at beside", what: "decides nothing" },
];

/** Evidence from which on the split is taken for broken: one false alarm in a thousand. */
export const MISMATCH = 1000;

/** A value of a metric: points are hundredths, so that a mean of them is a percentage. */
export function valueOf(value: number | null, scale: string): string {
  if (value === null) {
    return "–";
  }
  return scale === "points" ? `${digits(value)} %` : inScale(value, scale);
}

/** What a metric's differences are in: parts of the baseline where it asks for them. */
export function changeScale(metric: Metric): string {
  return metric.is_relative ? "%" : metric.scale;
}

/** A difference of two values, with its sign. */
export function changeOf(value: number | null, scale: string): string {
  if (value === null) {
    return "–";
  }
  const sign = value > 0 ? "+" : value < 0 ? "−" : "";
  const size = Math.abs(value);
  return sign + (scale === "points" ? `${digits(size)} points` : inScale(size, scale));
}

/** An interval of a difference. */
export function spanOf(low: number, high: number, scale: string): string {
  const [from, to] = [changeOf(low, scale), changeOf(high, scale)];
  return scale === "points" ? `${from.replace(" points", "")} to ${to}` : `${from} to ${to}`;
}

function inScale(value: number, scale: string): string {
  switch (scale) {
    case "%":
      return `${digits(value)} %`;
    case "USD":
      return money(value);
    case "ms":
      return duration(value);
    default:
      return digits(value);
  }
}

/** Three digits that count. */
export function digits(value: number): string {
  if (value === 0) {
    return "0";
  }
  return Math.abs(value) >= 1000 ? count(Math.round(value)) : Number(value.toPrecision(3)).toString();
}

const MINUTE_MS = 60_000;

/** The calls of an experiment, or of an arm: from its first to its last, whatever time and project one looks at. */
export function callsOf(report: Report, until: string | null, more: Patch = {}): Patch {
  const from = Date.parse(report.first_exposure_at ?? report.started_at) - MINUTE_MS;
  return {
    experiment: report.version,
    project: null,
    environment: null,
    range: null,
    from: new Date(from).toISOString(),
    to: until ?? new Date(Math.ceil(Date.now() / MINUTE_MS) * MINUTE_MS).toISOString(),
    ...more,
  };
}

/** The calls behind a metric of an arm. */
export function callsBehind(metric: Metric, arm: string): Patch {
  switch (metric.measure) {
    case "errors":
      return { arm, status: "error" };
    case "refusals":
      return { arm, code: "content_policy_violation" };
    default:
      return { arm };
  }
}

export function splitWords(report: Report): string {
  const evidence = report.ratio_evidence;
  if (evidence === null) {
    return "no unit yet";
  }
  return report.is_sound
    ? `as it was meant: evidence of ${digits(evidence)} against it, where ${count(MISMATCH)} would be a mismatch`
    : `not as it was meant: evidence of ${digits(evidence)} against it, where ${count(MISMATCH)} is a mismatch`;
}

/** How many units are complete for a metric, where these are others than those whose window is over. */
export function waitsWords(metric: Metric, report: Report): string {
  const complete = metric.complete ?? {};
  if (report.arms.every((arm) => (complete[arm.name] ?? arm.complete) === arm.complete)) {
    return "";
  }
  const units = report.arms.map((arm) => `${count(complete[arm.name] ?? 0)} of ${arm.name}`).join(", ");
  return `Complete units so far: ${units}. It waits ${daysOf(metric.arrives_days)} beyond the window, for what comes late.`;
}

export function daysOf(days: number): string {
  const [value, unit] = days >= 1 ? [days, "day"] : days * 24 >= 1 ? [days * 24, "hour"] : [days * 86_400, "second"];
  return `${digits(value)} ${unit}${value === 1 ? "" : "s"}`;
}
