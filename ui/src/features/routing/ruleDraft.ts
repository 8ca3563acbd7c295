// A rule as it is written in a form, and what the API takes. Pure.

import type { Rule } from "./ruleWords";

export type Verb = "becomes" | "at least" | "at most" | "is taken out";
export const VERBS: Verb[] = ["becomes", "at least", "at most", "is taken out"];

export interface ParameterLine {
  name: string;
  verb: Verb;
  value: string;
}

export interface TextLine {
  old: string;
  new: string;
}

/** A header of the call and what it says, letter by letter. */
export interface HeaderLine {
  name: string;
  value: string;
}

export interface RuleDraft {
  name: string;
  project: string;
  template: string;
  forModel: string;
  tag: string;
  parameters: ParameterLine[];
  texts: TextLine[];
  model: string;
  percent: string;
  expiresAt: string;
  note: string;
  headers: HeaderLine[];
}

export const NO_PARAMETER: ParameterLine = { name: "", verb: "becomes", value: "" };
export const NO_HEADER: HeaderLine = { name: "", value: "" };
export const HEADERS_MAX = 8;
export const NO_TEXT: TextLine = { old: "", new: "" };

export const NEW: RuleDraft = {
  name: "",
  project: "",
  template: "",
  forModel: "",
  tag: "",
  parameters: [NO_PARAMETER],
  texts: [],
  model: "",
  percent: "100",
  expiresAt: "",
  note: "",
  headers: [],
};

export function draftOf(rule: Rule): RuleDraft {
  const set = Object.entries(rule.set as Record<string, unknown>).map(
    ([name, value]): ParameterLine => ({ name, verb: "becomes", value: typeof value === "string" ? value : JSON.stringify(value) }),
  );
  const clamps = Object.entries(rule.clamp).flatMap(([name, { least, most }]): ParameterLine[] => [
    ...(least === null || least === undefined ? [] : [{ name, verb: "at least" as const, value: String(least) }]),
    ...(most === null || most === undefined ? [] : [{ name, verb: "at most" as const, value: String(most) }]),
  ]);
  const removed = rule.remove.map((name): ParameterLine => ({ name, verb: "is taken out", value: "" }));
  return {
    name: rule.name,
    project: rule.match.project ?? "",
    template: rule.match.template ?? "",
    forModel: rule.match.model ?? "",
    tag: rule.match.tag ?? "",
    parameters: [...set, ...clamps, ...removed],
    texts: rule.replace.map((each) => ({ old: each.old, new: each.new })),
    model: rule.model ?? "",
    percent: String(Number((rule.share * 100).toPrecision(6))),
    expiresAt: rule.expires_at ?? "",
    note: rule.note,
    headers: Object.entries(rule.match.headers ?? {}).map(([name, value]) => ({ name, value: String(value) })),
  };
}

/** A number, a truth or a list where it reads as one, else the text itself. */
export function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What the API takes: only what is said. */
export function bodyOf(draft: RuleDraft): Record<string, unknown> {
  const lines = draft.parameters.map((each) => ({ ...each, name: each.name.trim() })).filter((each) => each.name !== "");
  const set = Object.fromEntries(lines.filter((each) => each.verb === "becomes").map((each) => [each.name, valueOf(each.value)]));
  const clamp: Record<string, { least?: unknown; most?: unknown }> = {};
  for (const each of lines) {
    if (each.verb === "at least" || each.verb === "at most") {
      clamp[each.name] = { ...clamp[each.name], [each.verb === "at least" ? "least" : "most"]: valueOf(each.value) };
    }
  }
  const match = Object.fromEntries(
    Object.entries({ project: draft.project, template: draft.template, model: draft.forModel, tag: draft.tag })
      .map(([name, value]) => [name, value.trim()])
      .filter(([, value]) => value !== ""),
  );
  const named = draft.headers.map(({ name, value }) => [name.trim(), value.trim()] as const).filter(([name]) => name !== "");
  return {
    match: { ...match, ...(named.length > 0 ? { headers: Object.fromEntries(named) } : {}) },
    set,
    clamp,
    remove: lines.filter((each) => each.verb === "is taken out").map((each) => each.name),
    replace: draft.texts.filter((each) => each.old !== ""),
    model: draft.model.trim() || null,
    share: Number(draft.percent) / 100,
    expires_at: draft.expiresAt.trim() || null,
    note: draft.note.trim(),
  };
}
