import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import { ChartTable } from "./ChartTable";
import * as format from "./format";

export interface Line {
  label: string;
  /** The name of a colour: `--hg-NAME` of the style. */
  colour: string;
  values: (number | null)[];
  /** Lines that differ by colour alone can't be told apart by everybody. */
  dash?: number[];
  /** Whether it is only the edge of a band, and not drawn itself. */
  isEdge?: boolean;
}

/** What lies between two lines, by their places. */
export interface Band {
  low: number;
  high: number;
  colour: string;
}

export interface Mark {
  at: string;
  name: string;
}

interface ChartProps {
  title: string;
  /** Instants, as the API gives them. */
  at: string[];
  lines: Line[];
  form?: "line" | "bars";
  height?: number;
  write: (value: number) => string;
  marks?: Mark[];
  bands?: Band[];
  /** Dragging over the chart chooses a time. */
  onSelect?: (from: string, to: string) => void;
  /** The end of the last step. */
  end?: string;
}

interface Under {
  place: number;
  left: number;
  marks: Mark[];
}

const NO_BANDS: Band[] = [];

/** Lines or stacked bars over time, with what changed as thin marks. What it shows stands in a table, a button away. */
export function Chart({ title, at, lines, form = "line", height = 160, write, marks = [], bands = NO_BANDS, onSelect, end }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [under, setUnder] = useState<Under | null>(null);
  const hovered = useRef(false);
  const times = useMemo(() => at.map((each) => Date.parse(each) / 1000), [at]);
  const data = useMemo(() => dataOf(times, lines, form), [times, lines, form]);
  const shape = `${form}|${lines.map((line) => line.label + line.colour).join("|")}|${height}`;
  const latest = useRef({ times, marks, write, onSelect, end });
  latest.current = { times, marks, write, onSelect, end };
  const [theme, setTheme] = useState(0);

  useEffect(() => {
    const observer = new MutationObserver(() => setTheme((each) => each + 1));
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-mantine-color-scheme"] });
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const element = place.current;
    if (!element) {
      return;
    }
    const options = optionsOf(element, lines, { form, height, bands }, latest, setUnder, hovered);
    const made = new uPlot(options, data, element);
    plot.current = made;
    const resize = new ResizeObserver(() => made.setSize({ width: element.clientWidth || 300, height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
      plot.current = null;
    };
    // Data come by the effect below: a chart is not made anew for them.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shape, theme]);

  useEffect(() => {
    // A chart never jumps under the cursor: new points wait until it has gone.
    if (!hovered.current) {
      plot.current?.setData(data);
    }
  }, [data]);
  useEffect(() => plot.current?.redraw(false), [marks]);

  return (
    <figure className="hg-chart">
      <div ref={place} className="hg-plot" role="img" aria-label={summary({ title, at, lines, form, marks, write })} />
      <ChartTable title={title} at={at} end={end} lines={lines} write={write} marks={marks} isSummed={form === "bars"} onSelect={onSelect} />
      {under && <Tip under={under} at={at} lines={lines} write={write} width={place.current?.clientWidth ?? 300} />}
    </figure>
  );
}

function Tip(props: { under: Under; at: string[]; lines: Line[]; write: (value: number) => string; width: number }) {
  const { under, at, lines, write, width } = props;
  const instant = at[under.place];
  if (instant === undefined) {
    return null;
  }
  const style = under.left > width / 2 ? { right: width - under.left + 12 } : { left: under.left + 12 };
  return (
    <div className="hg-tip" style={style}>
      <div className="hg-soft">{format.moment(instant)}</div>
      {lines.map((line, place) => {
        const value = line.values[under.place];
        return (
          <div key={`${place} ${line.label}`} className="hg-tip-line">
            <span className="hg-swatch" style={{ background: `var(--hg-${line.colour})` }} />
            <span>{line.label}</span>
            <span className="hg-number">{value === null || value === undefined ? "–" : write(value)}</span>
          </div>
        );
      })}
      {under.marks.map((mark) => (
        <div key={mark.at + mark.name} className="hg-tip-mark">
          {mark.name}
        </div>
      ))}
    </div>
  );
}

/** The names of lines with what they come to, each leading to the rows behind it. */
export function Legend({ entries }: { entries: { line: Line; value?: React.ReactNode }[] }) {
  return (
    <ul className="hg-legend">
      {entries.map(({ line, value }, place) => (
        <li key={`${place} ${line.label}`}>
          <span className="hg-swatch" style={{ background: `var(--hg-${line.colour})` }} aria-hidden="true" />
          <span data-fact>{line.label}</span> {value}
        </li>
      ))}
    </ul>
  );
}

function dataOf(times: number[], lines: Line[], form: "line" | "bars"): uPlot.AlignedData {
  if (form === "line") {
    return [times, ...lines.map((line) => line.values)];
  }
  // Stacked: the whole is drawn first, and what stands below it over that.
  const sums = new Array<number>(times.length).fill(0);
  const stacked = lines.map((line) =>
    line.values.map((value, place) => {
      sums[place] = (sums[place] ?? 0) + (value ?? 0);
      return sums[place] ?? 0;
    }),
  );
  return [times, ...stacked.reverse()];
}

type Latest = React.RefObject<{
  times: number[];
  marks: Mark[];
  write: (value: number) => string;
  onSelect: ((from: string, to: string) => void) | undefined;
  end: string | undefined;
}>;

function optionsOf(
  element: HTMLElement,
  lines: Line[],
  look: { form: "line" | "bars"; height: number; bands: Band[] },
  latest: Latest,
  setUnder: (under: Under | null) => void,
  hovered: React.RefObject<boolean>,
): uPlot.Options {
  const { form, height, bands } = look;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(`--hg-${name}`).trim() || "#888";
  const drawn = form === "bars" ? [...lines].reverse() : lines;
  const axis = { stroke: colour("soft"), font: "11px system-ui, sans-serif", ticks: { show: false } };
  return {
    width: element.clientWidth || 300,
    height,
    legend: { show: false },
    // A time under the last step stands half beyond it.
    padding: [8, 18, 0, 0],
    cursor: { y: false, points: { show: form === "line" }, drag: { x: latest.current.onSelect !== undefined, y: false } },
    scales: {
      x: { time: true, range: (_, low, high) => rangeOf(latest, low, high) },
      y: { range: (_, __, high) => [0, Number.isFinite(high) && high > 0 ? high * 1.08 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 70, values: "{HH}:{mm}" as never, ...timeAxis() },
      {
        ...axis,
        grid: { stroke: colour("line"), width: 1 },
        size: 58,
        space: height < LOW ? 20 : 34,
        ...(isWhole(latest.current.write) ? { incrs: WHOLE_STEPS } : {}),
        values: (_, values) => {
          const written = values.map((value) => (value === null ? "" : latest.current.write(value)));
          return written.map((text, place) => (text === written[place - 1] ? "" : text));
        },
      },
    ],
    series: [
      {},
      ...drawn.map((line) => ({
        label: line.label,
        stroke: line.isEdge ? "transparent" : colour(line.colour),
        width: form === "bars" || line.isEdge ? 0 : 1.5,
        ...(line.dash ? { dash: line.dash } : {}),
        ...(form === "bars"
          ? { fill: colour(line.colour), paths: uPlot.paths.bars?.({ size: [0.86, 40], gap: 0, align: 1 }) as uPlot.Series.PathBuilder }
          : { spanGaps: false }),
        points: form === "bars" || line.isEdge ? { show: false } : { show: true, size: 4, filter: alone },
      })),
    ],
    bands: bands.map((band) => ({
      series: [band.high + 1, band.low + 1] as [number, number],
      fill: `color-mix(in srgb, ${colour(band.colour)} 20%, transparent)`,
    })),
    hooks: {
      draw: [(plot) => drawMarks(plot, latest.current.marks, colour("mark"))],
      setCursor: [(plot) => setUnder(underOf(plot, latest, hovered))],
      setSelect: [(plot) => select(plot, latest)],
    },
  };
}

/** A chart that is lower has room for two lines of its scale if they stand closer. */
const LOW = 120;

const WHOLE_STEPS = Array.from({ length: 15 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

/** Whether what is drawn is counted: its axis would write a half as a whole, and say 1 where half of it stands. */
function isWhole(write: (value: number) => string): boolean {
  return [write(0), write(1)].includes(write(0.5));
}

/** Where a value stands between two gaps, and no line shows it. */
function alone(plot: uPlot, series: number): number[] {
  const values = plot.data[series] ?? [];
  const isGap = (value: number | null | undefined): boolean => value === null || value === undefined;
  return Array.from(values, (_, place) => place).filter(
    (place) => !isGap(values[place]) && isGap(values[place - 1]) && isGap(values[place + 1]),
  );
}

function rangeOf(latest: Latest, low: number, high: number): [number, number] {
  const { end } = latest.current;
  return [low, end ? Date.parse(end) / 1000 : high];
}

function timeAxis(): Partial<uPlot.Axis> {
  return {
    values: (_, splits) => {
      const wide = (splits.at(-1) ?? 0) - (splits[0] ?? 0) > 2 * 86_400;
      const isFine = (splits[1] ?? Infinity) - (splits[0] ?? 0) < 60;
      if (isFine) {
        return splits.map((split) => format.clock(split * 1000).slice(0, 8));
      }
      return splits.map((split) => {
        const text = format.moment(split * 1000);
        return wide || text.endsWith("00:00") ? text.slice(5, 10) : text.slice(11);
      });
    },
  };
}

function underOf(plot: uPlot, latest: Latest, hovered: React.RefObject<boolean>): Under | null {
  const place = plot.cursor.idx;
  const left = plot.cursor.left ?? -1;
  hovered.current = left >= 0;
  if (place === null || place === undefined || left < 0) {
    return null;
  }
  const near = latest.current.marks.filter(
    (mark) => Math.abs(plot.valToPos(Date.parse(mark.at) / 1000, "x") - left) < 5,
  );
  return { place, left: left + (plot.bbox.left / devicePixelRatio), marks: near.slice(0, 6) };
}

function select(plot: uPlot, latest: Latest): void {
  const { onSelect } = latest.current;
  if (!onSelect || plot.select.width < 6) {
    return;
  }
  const from = plot.posToVal(plot.select.left, "x") * 1000;
  const to = plot.posToVal(plot.select.left + plot.select.width, "x") * 1000;
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  onSelect(new Date(from).toISOString(), new Date(to).toISOString());
}

function drawMarks(plot: uPlot, marks: Mark[], colour: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.fillStyle = colour;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.font = `${10 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textBaseline = "top";
  ctx.textAlign = "left";
  const right = bbox.left + bbox.width;
  for (const [place, mark] of marks.entries()) {
    const x = Math.round(plot.valToPos(Date.parse(mark.at) / 1000, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) {
      continue;
    }
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x - 4 * devicePixelRatio, bbox.top);
    ctx.lineTo(x + 4 * devicePixelRatio, bbox.top);
    ctx.lineTo(x, bbox.top + 5 * devicePixelRatio);
    ctx.fill();
    // Its name stands beside it where there is room up to the next one; else it shows under the cursor.
    const following = marks[place + 1];
    const end = following ? plot.valToPos(Date.parse(following.at) / 1000, "x", true) : right;
    drawName(ctx, mark.name, x + 6 * devicePixelRatio, bbox.top, Math.min(end, right) - x - 10 * devicePixelRatio);
  }
  ctx.restore();
}

const NAME_MIN = 46;

function drawName(ctx: CanvasRenderingContext2D, name: string, x: number, y: number, room: number): void {
  if (room < NAME_MIN * devicePixelRatio) {
    return;
  }
  let shown = name;
  while (shown.length > 1 && ctx.measureText(shown === name ? name : `${shown}…`).width > room) {
    shown = shown.slice(0, -1);
  }
  ctx.fillText(shown === name ? name : `${shown}…`, x, y);
}

/** What a chart shows, in words: how much in all where it adds up, the most, and what stands last. */
export function summary({ title, at, lines, form, marks, write }: Pick<ChartProps, "title" | "at" | "lines" | "form" | "marks" | "write">): string {
  const parts = lines.map((line) => {
    const known = line.values.filter((value): value is number => value !== null);
    if (known.length === 0) {
      return `${line.label}: nothing`;
    }
    const sum = form === "bars" ? `${write(known.reduce((all, each) => all + each, 0))} in all, ` : "";
    return `${line.label}: ${sum}at most ${write(Math.max(...known))}, last ${write(known.at(-1) ?? 0)}`;
  });
  const first = at[0];
  const changed = marks && marks.length > 0 ? ` What changed: ${marks.map((mark) => mark.name).slice(0, CHANGES_SAID).join("; ")}.` : "";
  return `${title}, from ${first ? format.moment(first) : "nothing"} in ${at.length} steps. ${parts.join("; ")}.${changed}`;
}

const CHANGES_SAID = 3;
