// Where a call's messages came from, put beside the messages as they are shown. Pure.

import type { Schemas } from "@/api";
import type { Stretch } from "@/core/Painted";
import type { Said } from "../messages/conversation";

export type Provenance = Schemas["Provenance"];
type Template = Schemas["UsedTemplate"];

const SAYS: Record<string, string> = {
  history: "of the conversation before",
  unknown: "nobody knows where from",
  document: "retrieved",
  tool: "what a tool answered",
};

/** File, line, version and commits of a template, or the name of what else it was. */
export function tipOf(piece: { origin: string; name: string }, templates: Template[]): string {
  if (piece.origin === "template") {
    const found = templates.find((each) => each.name === piece.name);
    if (!found) {
      return piece.name;
    }
    if (found.kind === "managed") {
      return `prompt ${found.prompt}, version ${found.version}`;
    }
    const line = found.line === null ? "" : `, line ${found.line}`;
    const commits = [found.first_commit, found.last_commit].flatMap((each) => (each ? [each.slice(0, 10)] : []));
    return `${found.name}${line}, version ${found.version}, commits ${commits.join(" to ") || "unknown"}`;
  }
  if (piece.origin === "variable") {
    return `variable ${piece.name}`;
  }
  if (piece.origin === "document") {
    return `${SAYS["document"]}: ${piece.name}`;
  }
  return piece.name || (SAYS[piece.origin] ?? piece.origin);
}

/** The stretches of the texts of messages, by the text that they make up. */
export function stretchesOf(found: Provenance | undefined): Map<string, Stretch[]> {
  const all = new Map<string, Stretch[]>();
  for (const text of found?.texts ?? []) {
    const whole = text.pieces.map((piece) => piece.text).join("");
    all.set(
      whole,
      text.pieces.map((piece) => ({ text: piece.text, origin: piece.origin, tip: tipOf(piece, found?.templates ?? []) })),
    );
  }
  return all;
}

/** The whole text of a message, as stretches make it up. */
export function textOf(said: Said): string {
  return said.parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("\n");
}

/** Whether anything is known that is worth a look: a template, a variable or a rule. */
export function tellsSomething(found: Provenance | undefined): boolean {
  return found?.shares.some((each) => each.origin !== "unknown" && each.origin !== "history") ?? false;
}
