import { useMemo } from "react";
import { percent } from "@/core/format";
import { KINDS } from "./Kind";
import { short } from "./Waterfall";
import { type Held, type Line, type Window, criticalPath, stretchOf } from "./lines";

/** Narrower stretches can't be told apart. */
const PERCENT_MIN = 0.06;
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
  if (path.length === 0 || total <= 0) {
    return null;
  }
  return (
    <div className="hg-critical">
      <p>
        <span className="hg-soft">Held up by </span>
        {longest.map(({ line, ms }) => (
          <button key={line.key} type="button" className="hg-link" onClick={() => onChoose(line)}>
            {line.node.name || "a step without a name"} <span className="hg-number hg-soft">{percent(ms / total)}</span>
          </button>
        ))}
      </p>
      <div className="hg-critical-strip" aria-hidden="true">
        {path.map((held, place) => {
          const where = stretchOf(held.from, held.to, window);
          return where === null || where.width < PERCENT_MIN ? null : (
            <span
              key={place}
              className={`hg-bar-${KINDS[held.line.node.kind].colour}`}
              title={`${held.line.node.name}: ${short(held.to - held.from)}`}
              style={{ left: `${where.left}%`, width: `${where.width}%` }}
              onClick={() => onChoose(held.line)}
            />
          );
        })}
      </div>
    </div>
  );
}

/** The steps that held the trace up longest. Pure. */
export function longestOf(path: readonly Held[]): { line: Line; ms: number }[] {
  const sums = new Map<Line, number>();
  for (const held of path) {
    sums.set(held.line, (sums.get(held.line) ?? 0) + held.to - held.from);
  }
  const found = [...sums].map(([line, ms]) => ({ line, ms }));
  return found.sort((one, other) => other.ms - one.ms).slice(0, NAMED);
}
