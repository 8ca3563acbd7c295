// What a study of contexts is of: read from its definition, which its client wrote. Pure.

import { isRecord, type Schemas } from "@/api";
import type { Tone } from "@/core/Values";

export type StudyItem = Schemas["StudyItem"];
export type Group = Schemas["Group"];

const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function studyOf(study: StudyItem): { of: string; judge: string; repeats: number | null } {
  const told: Record<string, unknown> = isRecord(study.definition) ? study.definition : {};
  const narrowed = ["model", "tag"].filter((name) => text(told[name])).map((name) => `${name} ${text(told[name])}`);
  const of = study.dataset
    ? [`cases of ${text(told["dataset"]) || study.dataset}`, ...narrowed]
    : [`calls since ${text(told["since"]) || "some time"}`, ...narrowed];
  return { of: of.join(", "), judge: text(told["judge"]), repeats: typeof told["repeats"] === "number" ? told["repeats"] : null };
}

export const DID: Record<Group["did"], Tone> = {
  helped: "good",
  harmed: "bad",
  used: "accent",
  "nothing shows": "quiet",
  "can't be told": "warn",
};

/** The ways in which pieces are grouped, as headings. */
export const WAYS: [Group["by"], string, string][] = [
  ["kind", "By kind", "what pieces are"],
  ["source", "By source", "the name of the document or tool"],
  ["document", "By document", "the same text in several cases"],
  ["position", "By position", "where among the pieces of a call"],
];

export function signed(value: number): string {
  const rounded = Math.round(value * 100) / 100;
  return `${rounded > 0 ? "+" : rounded < 0 ? "−" : ""}${Math.abs(rounded).toFixed(2)}`;
}

/** A share's interval, outwards to whole percent. */
export function within(low: number, high: number): string {
  return `${Math.floor(low * 100)}–${Math.ceil(high * 100)} %`;
}
