import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useMemo, useRef } from "react";
import { compact, count, duration, money } from "@/core/format";
import { Text } from "@/core/Text";
import { useWidth } from "@/core/useWidth";
import { KINDS, KindSign } from "./Kind";
import { tokensIn, tokensOut } from "./tokens";
import { type Line, type Window, stretchOf, ticksOf } from "./lines";

export const LINE_PX = 26;
/** How wide a time on the ruler is. */
const TICK_PX = 44;

interface WaterfallProps {
  shown: readonly Line[];
  folded: ReadonlySet<string>;
  chosen: string | null;
  window: Window;
  onChoose: (line: Line) => void;
  onFold: (line: Line) => void;
  onZoom: (window: Window) => void;
  /** What is drawn over the lines that are in sight: given the first and the last of them. */
  over?: (first: number, last: number) => React.ReactNode;
}

/** Tree and waterfall in one: each step a line, with its bar on the time that all share. */
export function Waterfall({ shown, folded, chosen, window, onChoose, onFold, onZoom, over }: WaterfallProps) {
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    overscan: 16,
    getItemKey: (place) => (shown[place] as Line).key,
  });
  const chosenAt = useMemo(() => shown.findIndex((line) => line.key === chosen), [shown, chosen]);
  useEffect(() => {
    if (chosenAt >= 0) {
      virtual.scrollToIndex(chosenAt);
    }
    // Only another choice moves the list, not each line that comes or goes.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [chosen]);
  const items = virtual.getVirtualItems();
  return (
    <div
      ref={scroller}
      className="hg-waterfall"
      role="treegrid"
      aria-label="steps of the trace"
      aria-rowcount={shown.length + 1}
      aria-activedescendant={items.some((item) => item.index === chosenAt) ? `step-${chosenAt}` : undefined}
      tabIndex={0}
    >
      <div role="rowgroup" className="hg-waterfall-head">
        <div role="row" className="hg-line" aria-rowindex={1}>
          <div role="columnheader">Step</div>
          <div role="columnheader" aria-label="Time">
            <Ruler window={window} onZoom={onZoom} />
          </div>
          <div role="columnheader" className="hg-right">
            Duration
          </div>
          <div role="columnheader" className="hg-right">
            Tokens
          </div>
          <div role="columnheader" className="hg-right">
            Cost
          </div>
        </div>
      </div>
      <div role="rowgroup" className="hg-waterfall-body" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const line = shown[item.index] as Line;
          return (
            <OneLine
              key={line.key}
              line={line}
              place={item.index}
              start={item.start}
              isFolded={folded.has(line.key)}
              isChosen={line.key === chosen}
              window={window}
              onChoose={onChoose}
              onFold={onFold}
            />
          );
        })}
        {over?.(items[0]?.index ?? 0, items.at(-1)?.index ?? 0)}
      </div>
    </div>
  );
}

/** The time that all bars share; dragging over it looks closer. */
function Ruler({ window, onZoom }: { window: Window; onZoom: (window: Window) => void }) {
  const { place, width } = useWidth<HTMLDivElement>(300);
  const mark = useRef<HTMLDivElement>(null);
  const begun = useRef<number | null>(null);
  const whole = window.to - window.from;
  function shareOf(event: React.PointerEvent): number {
    const box = place.current?.getBoundingClientRect();
    return box ? Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) : 0;
  }
  function draw(from: number, to: number): void {
    mark.current?.style.setProperty("left", `${Math.min(from, to) * 100}%`);
    mark.current?.style.setProperty("width", `${Math.abs(to - from) * 100}%`);
  }
  return (
    <div
      ref={place}
      className="hg-ruler"
      title="Drag to look closer"
      onPointerDown={(event) => {
        begun.current = shareOf(event);
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => begun.current !== null && draw(begun.current, shareOf(event))}
      onPointerUp={(event) => {
        const [from, to] = [begun.current ?? 0, shareOf(event)].sort((one, other) => one - other) as [number, number];
        begun.current = null;
        draw(0, 0);
        if (to - from > 0.01) {
          onZoom({ from: window.from + from * whole, to: window.from + to * whole });
        }
      }}
    >
      {ticksOf(window, Math.max(1, Math.min(5, Math.floor(width / TICK_PX)))).filter((at) => at - window.from < whole * 0.94).map((at) => (
        <span key={at} className="hg-tick" style={{ left: `${((at - window.from) / whole) * 100}%` }}>
          {at === 0 ? "0" : short(at)}
        </span>
      ))}
      <div ref={mark} className="hg-ruler-mark" />
    </div>
  );
}

/** An instant on the ruler: below a millisecond in microseconds. */
export function short(ms: number): string {
  if (ms > 0 && ms < 1) {
    return `${Math.round(ms * 1000)} µs`;
  }
  return ms < 10 ? `${Number(ms.toFixed(2))} ms` : duration(ms);
}

interface OneLineProps {
  line: Line;
  place: number;
  start: number;
  isFolded: boolean;
  isChosen: boolean;
  window: Window;
  onChoose: (line: Line) => void;
  onFold: (line: Line) => void;
}

const OneLine = memo(function OneLine(props: OneLineProps) {
  const { line, place, start, isFolded, isChosen, window, onChoose, onFold } = props;
  const { node } = line;
  const hasBelow = line.end > line.place + 1;
  return (
    <div
      id={`step-${place}`}
      role="row"
      aria-rowindex={place + 2}
      aria-level={node.depth + 1}
      aria-selected={isChosen}
      {...(hasBelow ? { "aria-expanded": !isFolded } : {})}
      className={`hg-line hg-opens ${isChosen ? "hg-chosen" : ""}`}
      style={{ transform: `translateY(${start}px)` }}
      onClick={() => onChoose(line)}
    >
      <div role="gridcell" className="hg-step-name" style={{ paddingLeft: Math.min(node.depth, 24) * 14 }}>
        {hasBelow ? (
          <button
            type="button"
            tabIndex={-1}
            className="hg-fold"
            aria-label={isFolded ? "unfold" : "fold"}
            onClick={(event) => {
              event.stopPropagation();
              onFold(line);
            }}
          >
            {isFolded ? "▸" : "▾"}
          </button>
        ) : (
          <span className="hg-fold" />
        )}
        <KindSign kind={node.kind} />
        <span className="hg-ellipsis" title={node.name}>
          <Text>{node.name}</Text>
        </span>
        {isFolded && <span className="hg-below">{count(line.end - line.place - 1)} below</span>}
        {node.status === "error" && <span className="hg-failed-word">failed</span>}
        {isFolded && node.status !== "error" && line.sum.failed > 0 && (
          <span className="hg-failed-word">{count(line.sum.failed)} failed</span>
        )}
        {(node.flags?.length || node.problem) && <span className="hg-flag-word">{node.problem ?? "flag"}</span>}
      </div>
      <div role="gridcell" className="hg-bar-cell">
        <Bar line={line} window={window} />
      </div>
      <div role="gridcell" className="hg-right hg-number">
        {short(node.duration_ms)}
      </div>
      <Tokens line={line} />
      <Cost line={line} />
    </div>
  );
});

function Bar({ line, window }: { line: Line; window: Window }) {
  const { node } = line;
  const begin = node.offset_ms;
  const where = stretchOf(begin, begin + node.duration_ms, window);
  if (where === null) {
    return null;
  }
  const colour = KINDS[node.kind].colour;
  return (
    <>
      <div
        className={`hg-bar hg-bar-${colour} ${node.status === "error" ? "hg-bar-failed" : ""}`}
        style={{ left: `${where.left}%`, width: `max(2px, ${where.width}%)` }}
      />
      {(node.critical ?? []).map(({ begin_ms: from, end_ms: to }) => {
        const held = stretchOf(from, to, window);
        return held && <div key={from} className="hg-held" style={{ left: `${held.left}%`, width: `max(1px, ${held.width}%)` }} />;
      })}
    </>
  );
}

/** Of the step itself where it is a call that counts, else of all calls below it. */
function Tokens({ line }: { line: Line }) {
  const { node, sum } = line;
  const own = node.usage;
  if (sum.calls === 0 && !own) {
    return <div role="gridcell" className="hg-right" />;
  }
  const usage = node.counted || sum.calls === 0 ? (own ?? sum.usage) : sum.usage;
  const said = `${compact(tokensIn(usage))} → ${compact(tokensOut(usage))}`;
  return (
    <div role="gridcell" className={`hg-right hg-number ${node.counted ? "" : "hg-soft"}`} title={titleOf(line)}>
      {node.counted || sum.calls === 0 ? said : `Σ ${said}`}
    </div>
  );
}

function Cost({ line }: { line: Line }) {
  const { node, sum } = line;
  if (node.counted) {
    return (
      <div role="gridcell" className="hg-right hg-number" title={node.cost_usd ? `$${node.cost_usd}` : "no price is known"}>
        {node.estimated && "≈"}
        {node.cost_usd ? money(node.cost_usd) : <span className="hg-unknown">unknown</span>}
      </div>
    );
  }
  if (sum.calls === 0) {
    return <div role="gridcell" className="hg-right" />;
  }
  const isNoneKnown = sum.unpriced === sum.calls;
  return (
    <div role="gridcell" className="hg-right hg-number hg-soft" title={titleOf(line)}>
      {isNoneKnown ? <span className="hg-unknown">unknown</span> : `${sum.unpriced > 0 ? "≥ " : ""}${money(sum.usd)}`}
    </div>
  );
}

function titleOf({ node, sum }: Line): string {
  if (node.counted) {
    return "";
  }
  if (sum.calls === 0) {
    return "not counted: another step tells of the same call";
  }
  return `${count(sum.calls)} calls below`;
}
