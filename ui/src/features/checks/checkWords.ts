// What is known of a run of a check: read from its report, which its client wrote. Pure.

import { isRecord, type Schemas } from "@/api";
import { percent } from "@/core/format";
import type { Tone } from "@/core/Values";
import type { Patch } from "@/shell/view";

export type RunItem = Schemas["Page_RunItem_"]["items"][number];
export type Result = Schemas["Page_KeptResult_"]["items"][number];

export const VERDICTS: Record<string, [Tone, string]> = {
  met: ["good", "passes"],
  "not met": ["bad", "fails"],
  open: ["warn", "asks for more"],
};

const MINUTE_MS = 60_000;

/** The calls of a run, its judges' among them, whatever time one looks at. */
export function callsOf(run: RunItem): Patch {
  return {
    tag: `run:${run.id}`,
    project: run.project,
    environment: null,
    range: null,
    from: new Date(Date.parse(run.started_at) - MINUTE_MS).toISOString(),
    to: new Date(Date.parse(run.changed_at) + MINUTE_MS).toISOString(),
  };
}

export const RUNS: [Tone, string] = ["accent", "has not ended"];

export function verdictOf(verdict: string | null): [Tone, string] {
  return verdict === null ? RUNS : (VERDICTS[verdict] ?? ["quiet", verdict]);
}

export interface Requirement {
  scorer: string;
  at_least: number;
  error: number;
  verdict: string;
  units: number;
  unit: string;
  mean: number | null;
  low: number | null;
  high: number | null;
  missing: number;
  /** Empty where no judge marks, else "corrected" (decided without the judge's errors) or "as said" (on its word). */
  judged: string;
  said: number | null;
  marked: number | null;
  sentence: string;
}

/** A score by a judge without the judge's errors; no estimate where it can't be told, and the sentence says why. */
export interface Correction {
  scorer: string;
  judge: string;
  by_judge: number | null;
  marks: number;
  estimate: number | null;
  low: number | null;
  high: number | null;
  sentence: string;
}

export interface Report {
  sentence: string;
  hint: string;
  cost_usd: string | null;
  calls: number | null;
  calls_planned: number | null;
  requirements: Requirement[];
  corrections: Correction[];
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);

/** A report as far as it can be read: what isn't there has no number. */
export function reportOf(report: unknown): Report | null {
  if (!isRecord(report)) {
    return null;
  }
  const listed = (name: string) => (Array.isArray(report[name]) ? report[name].filter(isRecord) : []);
  return {
    sentence: text(report["sentence"]),
    hint: text(report["hint"]),
    cost_usd: text(report["cost_usd"]).replace(/^\$/, "") || null,
    calls: number(report["calls"]),
    calls_planned: number(report["calls_planned"]),
    requirements: listed("requirements").map((each) => ({
      scorer: text(each["scorer"]),
      at_least: number(each["at_least"]) ?? 0,
      error: number(each["error"]) ?? 0,
      verdict: text(each["verdict"]),
      units: number(each["units"]) ?? 0,
      unit: text(each["unit"]) || "case",
      mean: number(each["mean"]),
      low: number(each["low"]),
      high: number(each["high"]),
      missing: number(each["missing"]) ?? 0,
      judged: text(each["judged"]),
      said: number(each["said"]),
      marked: number(each["marked"]),
      sentence: text(each["sentence"]),
    })),
    corrections: listed("corrections").map((each) => ({
      scorer: text(each["scorer"]),
      judge: text(each["judge"]),
      by_judge: number(each["by_judge"]),
      marks: number(each["marks"]) ?? 0,
      estimate: number(each["estimate"]),
      low: number(each["low"]),
      high: number(each["high"]),
      sentence: text(each["sentence"]),
    })),
  };
}

/** An interval of a share; nothing where there is none. */
export function spanOf(low: number | null, high: number | null): string {
  return low === null || high === null ? "" : `${percent(low)} to ${percent(high)}`;
}

/** A difference of two shares in points, with its sign. */
export function pointsOf(difference: number): string {
  const points = Math.round(difference * 1000) / 10;
  return `${points > 0 ? "+" : points < 0 ? "−" : ""}${Math.abs(points)} points`;
}

/** What became of a result by one scorer. */
export function markOf(result: Result, scorer: string): { score: number | null; reason: string } {
  if (result.problem) {
    return { score: 0, reason: result.problem };
  }
  const mark = result.marks?.[scorer];
  return mark ? { score: mark.score, reason: mark.reason ?? "" } : { score: null, reason: "it was not marked" };
}

export function scorersOf(results: readonly Result[]): string[] {
  return [...new Set(results.flatMap((each) => Object.keys(each.marks ?? {})))].sort();
}
