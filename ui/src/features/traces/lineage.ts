// Which text went from one step into another: what is drawn of it, and ways back. Pure.

import type { Schemas } from "@/api";
import type { Line } from "./lines";

export type Edge = Omit<Schemas["Edge"], "fragments"> & { fragments?: number[][] };
export type Lineage = Omit<Schemas["TraceLineage"], "edges"> & { edges: Edge[] };
export type Context = Schemas["Context"];
export type SourceKind = Schemas["Share"]["source"];

/** All that went from one step into another, as one line. */
export interface Arc {
  from: string;
  to: string;
  /** The largest part that it is of any text that it went into; 0 where only structure says so. */
  share: number;
  /** The same stood in an earlier input already, as history does. */
  isRepeated: boolean;
  /** It became an output, as of a step around the one that made it. */
  isPassedOn: boolean;
}

export function arcsOf(edges: readonly Edge[]): Arc[] {
  const found = new Map<string, Arc>();
  for (const edge of edges) {
    if (edge.from_span === edge.to_span) {
      continue;
    }
    const name = `${edge.from_span} ${edge.to_span}`;
    const before = found.get(name);
    const isPassedOn = edge.to_part.startsWith("/output");
    found.set(name, {
      from: edge.from_span,
      to: edge.to_span,
      share: Math.max(before?.share ?? 0, edge.share_of_input),
      isRepeated: (before?.isRepeated ?? true) && edge.repeated,
      isPassedOn: (before?.isPassedOn ?? true) && isPassedOn,
    });
  }
  return [...found.values()];
}

/** In which row each step is drawn: in its own, or in that of the nearest step above that is shown. */
export function rowsOf(lines: readonly Line[], shown: readonly Line[]): Map<string, number> {
  const own = new Map(shown.map((line, row) => [line.place, row]));
  const rows: (number | undefined)[] = [];
  const found = new Map<string, number>();
  for (const line of lines) {
    const row = own.get(line.place) ?? rows[line.above];
    rows.push(row);
    if (row !== undefined) {
      found.set(line.key, row);
    }
  }
  return found;
}

export interface DrawnArc extends Arc {
  begin: number;
  end: number;
  isChosen: boolean;
}

const DRAWN_MAX = 150;

/** The arcs to draw over some rows: those of the chosen step, else what was first taken over anywhere. */
export function drawnOf(
  arcs: readonly Arc[],
  rows: ReadonlyMap<string, number>,
  seen: { first: number; last: number },
  chosen: string | null,
): DrawnArc[] {
  const found: DrawnArc[] = [];
  const touches = arcs.some((arc) => arc.from === chosen || arc.to === chosen);
  for (const arc of arcs) {
    const isChosen = arc.from === chosen || arc.to === chosen;
    const begin = rows.get(arc.from);
    const end = rows.get(arc.to);
    const isWanted = touches ? isChosen : !arc.isRepeated;
    if (!isWanted || begin === undefined || end === undefined || begin === end) {
      continue;
    }
    if (Math.max(begin, end) >= seen.first && Math.min(begin, end) <= seen.last) {
      found.push({ ...arc, begin, end, isChosen });
    }
  }
  return found.sort((one, other) => other.share - one.share).slice(0, DRAWN_MAX);
}

/** A way back: from a step to the one that most of its answer came from, and on from there. */
export function wayBack(edges: readonly Edge[], key: string): string[] {
  const into = new Map<string, Edge[]>();
  for (const edge of edges) {
    into.set(edge.to_span, [...(into.get(edge.to_span) ?? []), edge]);
  }
  const way = [key];
  for (;;) {
    const all = (into.get(way.at(-1) ?? "") ?? []).filter((edge) => !way.includes(edge.from_span));
    const ofAnswer = all.filter((edge) => edge.to_part.startsWith("/output"));
    const best = (ofAnswer.length > 0 ? ofAnswer : all).reduce<Edge | null>((one, other) => (one && weight(one) >= weight(other) ? one : other), null);
    if (best === null || way.length > 20) {
      return way;
    }
    way.push(best.from_span);
  }
}

const weight = (edge: Edge): number => edge.share_of_input * (edge.repeated ? 0.5 : 1);

/** Texts of one other step that went into this one, or out of it, the largest part first. */
export interface Link {
  key: string;
  share: number;
  how: Edge["how"];
  isRepeated: boolean;
  parts: string[];
  quote: string;
}

/** What went into a step (or came out of it), by the other step; `content` is that of this step. */
export function linksOf(edges: readonly Edge[], key: string, direction: "into" | "out", content: unknown): Link[] {
  const found = new Map<string, Link>();
  for (const edge of edges) {
    const [here, there, part] =
      direction === "into" ? [edge.to_span, edge.from_span, edge.to_part] : [edge.from_span, edge.to_span, edge.from_part];
    if (here !== key || there === key) {
      continue;
    }
    const share = direction === "into" ? edge.share_of_input : edge.share_of_source;
    const before = found.get(there);
    const quote = quoteOf(edge, direction, content);
    found.set(there, {
      key: there,
      share: Math.max(before?.share ?? 0, share),
      how: before?.how === "content" ? "content" : edge.how,
      isRepeated: (before?.isRepeated ?? true) && edge.repeated,
      parts: [...new Set([...(before?.parts ?? []), part])],
      quote: (before?.quote.length ?? 0) >= quote.length ? (before?.quote ?? "") : quote,
    });
  }
  return [...found.values()].sort((one, other) => other.share - one.share);
}

const QUOTE_MAX = 240;

/** The longest stretch that both texts have, as it stands in this step's. */
function quoteOf(edge: Edge, direction: "into" | "out", content: unknown): string {
  const value = at(content, direction === "into" ? edge.to_part : edge.from_part);
  if (typeof value !== "string") {
    return "";
  }
  let best: [number, number] = [0, 0];
  for (const fragment of edge.fragments ?? []) {
    const [fromStart = 0, fromEnd = 0, toStart = 0, toEnd = 0] = fragment;
    const [start, end] = direction === "into" ? [toStart, toEnd] : [fromStart, fromEnd];
    if (end - start > best[1] - best[0]) {
      best = [start, end];
    }
  }
  // Places are counted in characters, not in halves of them.
  const text = Array.from(value.length > 200_000 ? value.slice(0, 200_000) : value).slice(best[0], best[1]);
  return text.length > QUOTE_MAX ? `${text.slice(0, QUOTE_MAX).join("")} …` : text.join("");
}

/** What a JSON Pointer (RFC 6901) leads to. */
export function at(value: unknown, pointer: string): unknown {
  let found = value;
  for (const step of pointer.split("/").slice(1)) {
    if (typeof found !== "object" || found === null) {
      return undefined;
    }
    found = (found as Record<string, unknown>)[step.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return found;
}

export const SOURCES: Record<SourceKind, { colour: string; word: string }> = {
  system: { colour: "purple", word: "instructions" },
  prompt: { colour: "mark", word: "prompt" },
  variable: { colour: "yellow", word: "variable" },
  history: { colour: "blue", word: "history" },
  document: { colour: "green", word: "document" },
  tool_result: { colour: "orange", word: "result of a tool" },
  answer: { colour: "sky", word: "answer of a model" },
  tools: { colour: "vermillion", word: "tools on offer" },
  unknown: { colour: "line", word: "unknown" },
};
