import { useState } from "react";
import { ChartTable } from "./ChartTable";
import * as format from "./format";
import { runsOf } from "./runs";
import { useWidth } from "./useWidth";
import type { Tone } from "./Values";

export interface ClosingProps {
  title: string;
  /** Instants, as the API gives them; each list has a value for each, null where there was none. */
  at: string[];
  low: (number | null)[];
  value: (number | null)[];
  high: (number | null)[];
  /** What the interval has to be clear of. */
  bound: (number | null)[];
  boundName: string;
  /** The smallest difference that matters. */
  least: number | null;
  tone: Tone;
  /** What changed meanwhile: thin marks, whose names show under the cursor. */
  marks?: { at: string; name: string }[];
  write: (value: number) => string;
  writeSpan: (low: number, high: number) => string;
}

const HEIGHT = 150;
const LEFT = 92;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 22;
/** The first intervals are as wide as nothing is known; what is beyond this many of the last is cut. */
const WIDTHS_SHOWN = 3;

/** An interval that closes in over time, about the line that it has to be clear of. */
export function Closing(props: ClosingProps) {
  const { title, at, low, value, high, bound, boundName, least, tone, marks = [], write, writeSpan } = props;
  const { place, width } = useWidth<HTMLElement>(600);
  const [under, setUnder] = useState<number | null>(null);
  const [bottom, top] = reachOf(props);
  const x = (step: number): number => LEFT + ((width - LEFT - RIGHT) * step) / Math.max(1, at.length - 1);
  const y = (of: number): number =>
    TOP + (HEIGHT - TOP - BOTTOM) * (1 - (Math.min(top, Math.max(bottom, of)) - bottom) / (top - bottom));
  const runs = runsOf(low, high);
  const ticks = ticksOf(bottom, top);
  const [begin, end] = [Date.parse(at[0] ?? ""), Date.parse(at.at(-1) ?? "")];
  const drawn = marks
    .map((mark) => ({ ...mark, step: ((Date.parse(mark.at) - begin) / (end - begin)) * (at.length - 1) }))
    .filter((mark) => mark.step >= 0 && mark.step <= at.length - 1);
  const line = (values: (number | null)[], run: number[]): string =>
    run.flatMap((step) => (values[step] === null || values[step] === undefined ? [] : [`${x(step)},${y(values[step])}`])).join(" ");
  return (
    <figure ref={place} className={`hg-closing hg-${tone}`}>
      <svg
        width={width}
        height={HEIGHT}
        role="img"
        aria-label={summary(props)}
        onPointerMove={(event) => {
          const { left } = event.currentTarget.getBoundingClientRect();
          const step = ((event.clientX - left - LEFT) / (width - LEFT - RIGHT)) * (at.length - 1);
          setUnder(Math.max(0, Math.min(at.length - 1, Math.round(step))));
        }}
        onPointerLeave={() => setUnder(null)}
      >
        {ticks.map((tick) => (
          <g key={tick}>
            <line className="hg-grid" x1={LEFT} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {write(tick)}
            </text>
          </g>
        ))}
        {[0, Math.floor((at.length - 1) / 2), at.length - 1].map((step, number) => (
          <text key={`${step} ${number}`} x={x(step)} y={HEIGHT - 6} textAnchor={(["start", "middle", "end"] as const)[number]}>
            {at[step] && format.moment(at[step])}
          </text>
        ))}
        {runs.map((run) => (
          <g key={run[0]}>
            <polygon className="hg-band" points={`${line(high, run)} ${line(low, [...run].reverse())}`} />
            <polyline className="hg-edge" points={line(high, run)} />
            <polyline className="hg-edge" points={line(low, run)} />
            <polyline className="hg-middle" points={line(value, run)} />
          </g>
        ))}
        {least !== null &&
          [least, -least].map((each) => (
            <line key={each} className="hg-least" x1={LEFT} x2={width - RIGHT} y1={y(each)} y2={y(each)} />
          ))}
        <polyline className="hg-bound" points={line(bound, bound.map((_, step) => step))} />
        {drawn.map((mark) => (
          <line key={mark.at + mark.name} className="hg-mark" x1={x(mark.step)} x2={x(mark.step)} y1={TOP} y2={HEIGHT - BOTTOM} />
        ))}
        {under !== null && <line className="hg-under" x1={x(under)} x2={x(under)} y1={TOP} y2={HEIGHT - BOTTOM} />}
      </svg>
      <ChartTable
        title={title}
        at={at}
        lines={[
          { label: "from", values: low },
          { label: "most likely", values: value },
          { label: "to", values: high },
          { label: boundName, values: bound },
        ]}
        write={write}
        marks={marks}
      />
      <figcaption className="hg-soft">
        <span className="hg-bound-key" aria-hidden="true" /> {boundName}
        {least !== null && (
          <>
            {" "}
            <span className="hg-least-key" aria-hidden="true" /> least that matters, {write(least)} either way
          </>
        )}
        <span className="hg-visually-hidden">{title}</span>
      </figcaption>
      {under !== null && at[under] && (
        <div className="hg-tip" style={x(under) > width / 2 ? { right: width - x(under) + 12 } : { left: x(under) + 12 }}>
          <div className="hg-soft">{format.moment(at[under])}</div>
          {low[under] === null || high[under] === null || low[under] === undefined || high[under] === undefined ? (
            "no interval yet"
          ) : (
            <div className="hg-number">{writeSpan(low[under], high[under])}</div>
          )}
          {drawn
            .filter((mark) => Math.abs(x(mark.step) - x(under)) < 8)
            .map((mark) => (
              <div key={mark.at + mark.name} className="hg-tip-mark">
                {mark.name}
              </div>
            ))}
        </div>
      )}
    </figure>
  );
}

/** The ends of the axis: the last interval, what it has to be clear of, and some of what came before. */
export function reachOf(of: Pick<ClosingProps, "low" | "high" | "bound" | "least">): [number, number] {
  const lows = of.low.filter(isKnown);
  const highs = of.high.filter(isKnown);
  const low = lows.at(-1) ?? 0;
  const high = highs.at(-1) ?? 0;
  const middle = (low + high) / 2;
  const half = (WIDTHS_SHOWN * (high - low)) / 2;
  const named = [...of.bound.filter(isKnown).slice(-1), ...(of.least === null ? [] : [of.least, -of.least])];
  const bottom = Math.min(Math.max(Math.min(...lows, low), middle - half), low, ...named);
  const top = Math.max(Math.min(Math.max(...highs, high), middle + half), high, ...named);
  const room = (top - bottom) * 0.06 || Math.abs(top) * 0.1 || 1;
  return [bottom - room, top + room];
}

function isKnown(value: number | null): value is number {
  return value !== null;
}

function ticksOf(bottom: number, top: number): number[] {
  const rough = (top - bottom) / 4;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * size).find((each) => each >= rough) ?? rough;
  const first = Math.ceil(bottom / step);
  const count = Math.floor(top / step) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, place) => Number(((first + place) * step).toPrecision(12)));
}

function summary({ title, at, low, high, writeSpan }: ClosingProps): string {
  const known = low.flatMap((from, step) => {
    const [to, instant] = [high[step] ?? null, at[step]];
    return from === null || to === null || instant === undefined ? [] : [`${writeSpan(from, to)} on ${format.moment(instant)}`];
  });
  return known.length === 0 ? `${title}: no interval.` : `${title}. First ${known[0]}; last ${known.at(-1)}.`;
}
