// What a person says of a call, trace, step or session, as the API takes it. Pure.

import type { Schemas } from "@/api";

export type Feedback = Schemas["Feedback"];
export type NameInUse = Schemas["NameInUse"];

/** What it is said of: one of these, but that a step comes with its trace. */
export type Subject =
  | { request_id: string }
  | { trace_id: string }
  | { trace_id: string; span_id: string }
  | { session: string };

/** What feedback may say besides, and here does not. */
export const NOTHING = {
  source: "person" as const,
  ...{ at: null, request_id: null, trace_id: null, span_id: null, session: null, user: null, business_id: null },
};

/** An id of its own for what is given: said again, it is said twice. Works without a secure context, too. */
export function newId(): string {
  const digits = [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0"));
  return `console-${digits.join("")}`;
}

export type Kind = "number" | "boolean" | "text";

export const KINDS: Record<Kind, string> = { boolean: "yes or no", number: "a number", text: "a category" };

export interface Draft {
  name: string;
  /** What was chosen, itself or by giving a value; null where it is as the name says. */
  kind: Kind | null;
  /** "yes" or "no", digits, or a word. */
  value: string;
  comment: string;
}

/** A draft whose kind is known. */
export interface Filled extends Draft {
  kind: Kind;
}

export const EMPTY: Draft = { name: "", kind: null, value: "", comment: "" };

/** A draft with the kind that was chosen, else that of its name: names in use may come after the name was typed. */
export function filled(draft: Draft, inUse: readonly NameInUse[]): Filled {
  return { ...draft, kind: draft.kind ?? inUse.find((each) => each.name === draft.name)?.kind ?? "boolean" };
}

export function draftOf(said: Feedback): Draft {
  const { name, value, comment } = said;
  if (typeof value === "boolean") {
    return { name, kind: "boolean", value: value ? "yes" : "no", comment };
  }
  return { name, kind: typeof value === "number" ? "number" : "text", value: String(value), comment };
}

/** The value that a draft means; null where it is none yet. */
export function valueOf(draft: Filled): boolean | number | string | null {
  const text = draft.value.trim();
  switch (draft.kind) {
    case "boolean":
      return text === "yes" ? true : text === "no" ? false : null;
    case "number": {
      const number = Number(text.replace(",", "."));
      return text === "" || !Number.isFinite(number) ? null : number;
    }
    case "text":
      return text === "" ? null : text;
  }
}

/** A draft under a name that is in use takes what that name takes. */
export function named(draft: Draft, name: string, inUse: readonly NameInUse[]): Draft {
  const known = inUse.find((each) => each.name === name);
  return known && known.kind !== draft.kind ? { ...draft, name, kind: null, value: "" } : { ...draft, name };
}

/** "1 to 5 so far" of numbers: what others gave under this name. */
export function givenText(name: string, inUse: readonly NameInUse[]): string {
  const known = inUse.find((each) => each.name === name && each.kind === "number");
  return known?.least === undefined || known.least === null ? "" : `${known.least} to ${known.most} so far`;
}

/** Why a draft can't be given yet; empty where it can. */
export function missing(draft: Filled): string {
  if (draft.name.trim() === "") {
    return "name what is scored";
  }
  return valueOf(draft) === null ? `say ${KINDS[draft.kind]}` : "";
}
