import { useMemo } from "react";
import { count, percent } from "@/core/format";
import { KINDS } from "./Kind";
import { short } from "./Waterfall";
import { type Held, type Line, type Window, criticalPath } from "./lines";

/** Finer stretches can't be told apart. */
const SLOTS = 400;
const NAMED = 3;

interface CriticalPathProps {
  lines: readonly Line[];
  window: Window;
  total: number;
  onChoose: (line: Line) => void;
}

/** What held the trace up, as one strip of time, and in words where most of it went. */
export function CriticalPath({ lines, window, total, onChoose }: CriticalPathProps) {
  const path = useMemo(() => criticalPath(lines), [lines]);
  const longest = useMemo(() => longestOf(path), [path]);
  const strip = useMemo(() => stripOf(path, window), [path, window]);
  if (path.length === 0 || total <= 0) {
    return null;
  }
  return (
    <div className="hg-critical">
      <p>
        <span className="hg-soft">Held up by </span>
        {longest.map(({ line, ms, steps }) => (
          <button key={line.key} type="button" className="hg-link" onClick={() => onChoose(line)}>
            {line.node.name || "a step without a name"} <span className="hg-number hg-soft">
              {percent(ms / total)}
              {steps > 1 && ` in ${count(steps)} steps`}
            </span>
          </button>
        ))}
      </p>
      <div className="hg-critical-strip" aria-hidden="true">
        {strip.map(({ held, begin, end }) => (
          <span
            key={begin}
            className={`hg-bar-${KINDS[held.line.node.kind].colour}`}
            title={`${held.line.node.name}: ${short(held.to - held.from)}`}
            style={{ left: `${(begin * 100) / SLOTS}%`, width: `${((end - begin) * 100) / SLOTS}%` }}
            onClick={() => onChoose(held.line)}
          />
        ))}
      </div>
    </div>
  );
}

/** What held the trace up longest, by the names of steps; each with the longest of them. Pure. */
export function longestOf(path: readonly Held[]): { line: Line; ms: number; steps: number }[] {
  const sums = new Map<string, { held: Held; ms: number; lines: Set<Line> }>();
  for (const held of path) {
    const name = `${held.line.node.kind} ${held.line.node.name}`;
    const sum = sums.get(name) ?? { held, ms: 0, lines: new Set() };
    sum.ms += held.to - held.from;
    sum.lines.add(held.line);
    sum.held = held.to - held.from > sum.held.to - sum.held.from ? held : sum.held;
    sums.set(name, sum);
  }
  const found = [...sums.values()].map(({ held, ms, lines }) => ({ line: held.line, ms, steps: lines.size }));
  return found.sort((one, other) => other.ms - one.ms).slice(0, NAMED);
}

/** The path as a strip of so many slots: each shows what held the trace up longest in it, like neighbours as one. Pure. */
export function stripOf(path: readonly Held[], window: Window): { held: Held; begin: number; end: number }[] {
  const slots = new Array<{ held: Held; ms: number } | undefined>(SLOTS);
  const slot = (window.to - window.from) / SLOTS;
  for (const held of path) {
    const first = Math.max(0, Math.floor((held.from - window.from) / slot));
    const last = Math.min(SLOTS - 1, Math.floor((held.to - window.from) / slot));
    for (let place = first; place <= last; place += 1) {
      const begin = window.from + place * slot;
      const ms = Math.min(held.to, begin + slot) - Math.max(held.from, begin);
      if (ms > (slots[place]?.ms ?? 0)) {
        slots[place] = { held, ms };
      }
    }
  }
  const found: { held: Held; begin: number; end: number }[] = [];
  slots.forEach((each, place) => {
    const before = found.at(-1);
    if (each && before && before.end === place && before.held.line === each.held.line) {
      before.end = place + 1;
    } else if (each) {
      found.push({ held: each.held, begin: place, end: place + 1 });
    }
  });
  return found;
}
