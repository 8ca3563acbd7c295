// One trace as lines: which are shown, what stands below each, and where its bar lies. Pure.

import type { Schemas } from "@/api";
import { NO_TOKENS, type Usage } from "./tokens";

export type Node = Schemas["Node"];
export type SpanLine = Schemas["SpanLine"];
export type Kind = Node["kind"];

/** What the calls of a step, and of all below it, come to. */
export interface Sum {
  calls: number;
  usage: Usage;
  usd: number;
  unpriced: number;
  failed: number;
}

export interface Line {
  node: Node;
  /** The id of its span, or of the call that no span tells of. */
  key: string;
  place: number;
  /** The place of the step above it, -1 at a root. */
  above: number;
  /** The place after the last step below it. */
  end: number;
  sum: Sum;
}

export function keyOf(node: Node, place: number): string {
  return node.span_id ?? node.request_id ?? `step ${place}`;
}

/** What only the whole trace says of a step. */
const UNTOLD = {
  ...{ started_at: "", counted: false, on_critical_path: false, critical: [], estimated: false, flags: [] },
  ...{ status_message: null, provider: null, agent: null, service: null, cost_source: null, first_token_ms: null },
  ...{ problem: null, content: null },
};

/** Steps that came by time, in the order in which they are drawn; one whose parent has not come stands at the top. */
export function drawn(steps: readonly SpanLine[]): Node[] {
  const places = new Map(steps.map((step, place) => [step.span_id, place]));
  const below = new Map<number, number[]>();
  steps.forEach((step, place) => {
    const above = (step.parent_id && places.get(step.parent_id)) ?? -1;
    // Only what began before can be above: so there are no rings.
    const parent = above !== "" && above < place ? above : -1;
    below.set(parent, [...(below.get(parent) ?? []), place]);
  });
  const found: Node[] = [];
  const waiting = [...(below.get(-1) ?? [])].reverse().map((place) => ({ place, depth: 0 }));
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { place, depth } = next;
    const step = steps[place] as SpanLine;
    found.push({ ...UNTOLD, ...step, depth, self_ms: step.duration_ms });
    waiting.push(...[...(below.get(place) ?? [])].reverse().map((each) => ({ place: each, depth: depth + 1 })));
  }
  return found;
}

/** Steps in the order in which they are drawn, each with what is below it. */
export function linesOf(nodes: readonly Node[]): Line[] {
  const way: number[] = [];
  const lines = nodes.map((node, place): Line => {
    way.length = Math.min(way.length, node.depth);
    const above = way.at(-1) ?? -1;
    way[node.depth] = place;
    return { node, key: keyOf(node, place), place, above, end: place + 1, sum: ownOf(node) };
  });
  for (let place = lines.length - 1; place >= 0; place -= 1) {
    const line = lines[place] as Line;
    const above = lines[line.above];
    if (above) {
      above.end = Math.max(above.end, line.end);
      addTo(above.sum, line.sum);
    }
  }
  return lines;
}

function ownOf(node: Node): Sum {
  const isCounted = node.counted;
  return {
    calls: isCounted ? 1 : 0,
    usage: { ...((isCounted && node.usage) || NO_TOKENS) },
    usd: isCounted && node.cost_usd ? Number(node.cost_usd) : 0,
    unpriced: isCounted && !node.cost_usd ? 1 : 0,
    failed: node.status === "error" ? 1 : 0,
  };
}

/** In place: a trace may have thirty thousand steps. */
function addTo(sum: Sum, more: Sum): void {
  sum.calls += more.calls;
  sum.usage.input += more.usage.input;
  sum.usage.cache_read += more.usage.cache_read;
  sum.usage.cache_write += more.usage.cache_write;
  sum.usage.output += more.usage.output;
  sum.usage.reasoning += more.usage.reasoning;
  sum.usd += more.usd;
  sum.unpriced += more.unpriced;
  sum.failed += more.failed;
}

export const SHOWS = { all: "All", calls: "Model calls", failed: "Failed", critical: "Critical path" } as const;
export type Shows = keyof typeof SHOWS;

const MODELS: readonly Kind[] = ["llm", "embedding", "reranker"];

export function isOfModel(node: Node): boolean {
  return MODELS.includes(node.kind);
}

function matches(node: Node, shows: Shows, text: string): boolean {
  if (shows === "failed" && node.status !== "error") {
    return false;
  }
  if (shows === "calls" && !isOfModel(node)) {
    return false;
  }
  if (shows === "critical" && !node.on_critical_path) {
    return false;
  }
  if (text === "") {
    return true;
  }
  const said = [node.name, node.kind, node.model, node.tool, node.agent, node.service, node.status_message, ...(node.flags ?? [])];
  return said.some((each) => each?.toLowerCase().includes(text));
}

const UNKNOWN = "unknown";

/** The model of a call as sums name it. */
function modelOf({ provider, model }: Node): string {
  return provider && model ? `${provider}/${model}` : (model ?? UNKNOWN);
}

/** The step that made a call, as sums name it: the nearest above that is no call of a model itself. */
function makerOf(lines: readonly Line[], line: Line): string {
  let above = lines[line.above];
  while (above && isOfModel(above.node)) {
    above = lines[above.above];
  }
  return (above ?? line).node.name || UNKNOWN;
}

/** Which calls a number of a trace counts, as the address says it: all, those of a model, or of the step that made them. */
export function countedAs(by: "all" | "model" | "step", name = ""): string {
  return by === "all" ? by : `${by} ${name}`;
}

function isCounted(lines: readonly Line[], line: Line, counted: string): boolean {
  const [by, ...rest] = counted.split(" ");
  const name = rest.join(" ");
  if (!line.node.counted) {
    return false;
  }
  return by === "model" ? modelOf(line.node) === name : by === "step" ? makerOf(lines, line) === name : true;
}

/** The calls that a number counts. */
export function callsCounted(lines: readonly Line[], counted: string): Line[] {
  return lines.filter((line) => isCounted(lines, line, counted));
}

/** The lines that are wanted, with the steps above them, without what is folded away. */
export function shownOf(
  lines: readonly Line[],
  folded: ReadonlySet<string>,
  shows: Shows,
  text: string,
  counted: string | null = null,
): Line[] {
  const wanted = text.trim().toLowerCase();
  const isAll = shows === "all" && wanted === "" && counted === null;
  const kept = isAll ? null : new Uint8Array(lines.length);
  if (kept) {
    for (const line of lines) {
      if (matches(line.node, shows, wanted) && (counted === null || isCounted(lines, line, counted))) {
        for (let place = line.place; place >= 0 && !kept[place]; place = (lines[place] as Line).above) {
          kept[place] = 1;
        }
      }
    }
  }
  const found: Line[] = [];
  for (let place = 0; place < lines.length; ) {
    const line = lines[place] as Line;
    if (kept && !kept[place]) {
      place += 1;
      continue;
    }
    found.push(line);
    place = folded.has(line.key) ? line.end : place + 1;
  }
  return found;
}

/** Everything that has something below it, so that roots and what is right below them stay. */
export function foldable(lines: readonly Line[], depth: number): Set<string> {
  return new Set(lines.filter((line) => line.node.depth >= depth && line.end > line.place + 1).map((line) => line.key));
}

export interface Window {
  from: number;
  to: number;
}

/** A stretch of time from the address, such as `120-340` (milliseconds); all of it where none is said. */
export function windowOf(text: string | undefined, total: number): Window {
  const [from, to] = (text ?? "").split("-").map(Number);
  if (from !== undefined && to !== undefined && from >= 0 && to > from && from < total) {
    return { from, to: Math.min(to, Math.max(total, from + 0.001)) };
  }
  return { from: 0, to: Math.max(total, 0.001) };
}

export interface Stretch {
  /** Percent of the width. */
  left: number;
  width: number;
}

/** Where a stretch of time lies in the window; null where outside. */
export function stretchOf(begin: number, end: number, window: Window): Stretch | null {
  if (end < window.from || begin > window.to) {
    return null;
  }
  const whole = window.to - window.from;
  const left = (Math.max(begin, window.from) - window.from) / whole;
  const right = (Math.min(end, window.to) - window.from) / whole;
  return { left: left * 100, width: Math.max(0, right - left) * 100 };
}

/** Round instants for a ruler, at most `most` of them. */
export function ticksOf(window: Window, most = 6): number[] {
  const whole = window.to - window.from;
  const rough = whole / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  const found: number[] = [];
  for (let at = Math.ceil(window.from / step) * step; at <= window.to + step / 1e6; at += step) {
    found.push(at);
  }
  return found;
}

export interface Held {
  line: Line;
  from: number;
  to: number;
}

/** The critical path in the order of time: which step held the trace up when. */
export function criticalPath(lines: readonly Line[]): Held[] {
  const found = lines.flatMap((line) => (line.node.critical ?? []).map((held): Held => ({ line, from: held.begin_ms, to: held.end_ms })));
  return found.sort((one, other) => one.from - other.from);
}
