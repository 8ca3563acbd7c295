import { useMemo } from "react";
import type { Lines } from "./useLineage";
import { drawnOf } from "./lineage";
import { LINE_PX } from "./Waterfall";

const GUTTER_PX = 36;
const BEYOND_PX = 80;

/** Thin arcs from an output to where it was used, beside the names of the steps. What they say stands in words beside each step. */
export function Arcs({ lines, first, last, chosen }: { lines: Lines; first: number; last: number; chosen: string | null }) {
  const drawn = useMemo(() => drawnOf(lines.arcs, lines.rows, { first, last }, chosen), [lines, first, last, chosen]);
  const height = (last - first + 1) * LINE_PX;
  const y = (row: number): number => Math.max(-BEYOND_PX, Math.min(height + BEYOND_PX, (row - first + 0.5) * LINE_PX));
  return (
    <div className="hg-line hg-over" aria-hidden="true" style={{ transform: `translateY(${first * LINE_PX}px)`, height }}>
      <svg width={GUTTER_PX} height={height} className="hg-arcs">
        {drawn.map((arc, place) => {
          const begin = y(arc.begin);
          const end = y(arc.end) + (arc.end > arc.begin ? -4 : 4);
          const bulge = Math.min(GUTTER_PX - 4, 8 + (place % 4) * 3 + Math.sqrt(Math.abs(end - begin)) * 1.2);
          return (
            <g key={`${arc.from} ${arc.to}`} className={arc.isChosen ? "hg-arc hg-arc-chosen" : "hg-arc"}>
              <path
                d={`M 1 ${begin} C ${bulge} ${begin}, ${bulge} ${end}, 5 ${end}`}
                strokeWidth={1 + arc.share}
                strokeDasharray={arc.isPassedOn ? "3 3" : undefined}
              />
              <path className="hg-arc-head" d={`M 1 ${end} l 5 -3 l 0 6 z`} />
            </g>
          );
        })}
      </svg>
    </div>
  );
}
