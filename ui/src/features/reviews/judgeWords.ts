// What a judge's findings and marks are called, and how they read. Pure.

import type { Schemas } from "@/api";
import { percent } from "@/core/format";

export type Finding = Schemas["Finding"];
export type Scale = "yes_no" | "one_to_five" | "pairwise";

export const SCALES: Record<Scale, string> = {
  yes_no: "yes or no",
  one_to_five: "1 to 5",
  pairwise: "which of two",
};

export const RULES: Record<string, string> = {
  random: "chance chose it: it is of the random sample",
  uncertain: "the judge was not sure",
  disagreement: "users and the judge differ",
  thumbs_down: "a user was not content",
  check: "a check asked for it",
  hand: "somebody sent it here",
};

export const SCOPES: { scope: Finding["scope"]; title: string; what: string }[] = [
  { scope: "score", title: "How good the answers are", what: "the judge's own score says less than the corrected one" },
  { scope: "agreement", title: "How far it agrees with people", what: "on the answers that both have marked" },
  { scope: "bias", title: "What it leans to", what: "beyond what people take of the same answers" },
  { scope: "repeatability", title: "Whether it says the same again", what: "asked once more" },
];

export function pathOf(judge: string): string {
  return `/reviews/${encodeURIComponent(judge)}`;
}

/** The ends of the scale that a finding is measured on; none for what is counted. */
export function endsOf(finding: Finding, scale: Scale): [number, number] | null {
  switch (finding.name) {
    case "score":
    case "corrected score":
      return scale === "one_to_five" ? [1, 5] : [0, 1];
    case "marks for half the width":
      return null;
    case "kappa":
      return [-1, 1];
    default:
      return finding.scope === "bias" ? [-1, 1] : [0, 1];
  }
}

/** A number of a finding as it reads: a share, points, a mark, or a count. */
export function valueOf(value: number, finding: Finding, scale: Scale): string {
  const ends = endsOf(finding, scale);
  if (ends === null) {
    return String(Math.round(value));
  }
  if (ends[1] === 5 || finding.name === "kappa") {
    return value.toFixed(2);
  }
  if (ends[0] === -1) {
    const points = Math.round(value * 100);
    return `${points > 0 ? "+" : points < 0 ? "−" : ""}${Math.abs(points)} points`;
  }
  return percent(value);
}

export interface Choice {
  /** What the API takes. */
  value: boolean | number | string;
  /** The key that chooses it. */
  key: string;
  title: string;
}

/** What one may say of an answer. Of a pair, first and second stand for whichever of a and b is shown there. */
export function choicesOf(scale: string, shown: string): Choice[] {
  switch (scale) {
    case "yes_no":
      return [
        { value: true, key: "y", title: "Yes" },
        { value: false, key: "n", title: "No" },
      ];
    case "pairwise": {
      const [first, second] = shown === "ba" ? ["b", "a"] : ["a", "b"];
      return [
        { value: first as string, key: "1", title: "The first is better" },
        { value: second as string, key: "2", title: "The second is better" },
        { value: "tie", key: "3", title: "Neither" },
      ];
    }
    default:
      return [1, 2, 3, 4, 5].map((each) => ({ value: each, key: String(each), title: String(each) }));
  }
}

/** A mark as it was said; of a pair by its place, where one knows how it was shown. */
export function markOf(value: unknown, scale: string, shown: string): string {
  if (value === null || value === undefined) {
    return "no verdict";
  }
  if (scale === "pairwise" && shown === "") {
    return String(value);
  }
  return choicesOf(scale, shown).find((each) => each.value === value)?.title ?? String(value);
}
