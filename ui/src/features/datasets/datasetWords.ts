// What a case asks and where it came from, and what came of taking cases from calls. Pure.

import type { Schemas } from "@/api";
import { type Said, saidIn } from "../messages/conversation";

export type Case = Schemas["Page_Case_"]["items"][number];
export type Taken = Schemas["Taken"];

export const ORIGINS: Record<string, string> = {
  file: "a file",
  request: "a call",
  trace: "a trace",
  feedback: "feedback on a call",
};

export function pathOf(dataset: string): string {
  return `/datasets/${encodeURIComponent(dataset)}`;
}

/** What a case asks, as messages. */
export function askedOf(one: Case): Said[] {
  if (one.body) {
    return saidIn(one.body);
  }
  if (one.input !== null && one.input !== undefined) {
    return saidIn({ messages: one.input });
  }
  return [{ role: "variables", parts: [{ kind: "value", text: JSON.stringify(one.variables ?? {}, null, 2) }] }];
}

/** The first line of what a case asks, for lists: of its last message. */
export function lineOf(one: Case): string {
  const parts = askedOf(one).at(-1)?.parts ?? [];
  const text = parts.map((part) => ("text" in part ? part.text : part.kind)).join(" ");
  return text.replace(/\s+/g, " ").slice(0, 300);
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

const calls = (number: number): string => `${number} ${number === 1 ? "call" : "calls"}`;

/** What came of taking cases from calls, with what was no case and why. */
export function takenWords(taken: Taken): string[] {
  const { added } = taken;
  const said = [`${calls(taken.calls)} found; ${added.added} new ${added.added === 1 ? "case" : "cases"} in ${added.name}, version ${added.version}.`];
  if (taken.without_body > 0) {
    said.push(`${calls(taken.without_body)}: what was asked is not on record.`);
  }
  if (taken.other_dialects > 0) {
    said.push(`${calls(taken.other_dialects)}: not of OpenAI's chat route, which cases are written for.`);
  }
  if (taken.repeated > 0) {
    said.push(`${calls(taken.repeated)}: the same question as another of them.`);
  }
  return said;
}

/** What came of taking cases from traces, with what was no case and why. */
export function spanWords(taken: Schemas["TakenSpans"]): string[] {
  const { added } = taken;
  const said = [
    `${calls(taken.spans)} of models found; ${added.added} new ${added.added === 1 ? "case" : "cases"} in ${added.name}, version ${added.version}.`,
  ];
  const why: [number, string][] = [
    [taken.recorded, "made through here: each can be added from its own page, or from the list of requests."],
    [taken.without_content, "sent without what was asked."],
    [taken.cut, "too long to be kept whole."],
    [taken.untold, "not to be said on OpenAI's chat route, which cases are written for."],
    [taken.repeated, "the same question as another of them."],
  ];
  return [...said, ...why.filter(([many]) => many > 0).map(([many, reason]) => `${calls(many)}: ${reason}`)];
}
