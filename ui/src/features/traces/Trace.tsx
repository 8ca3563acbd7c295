import { IconArrowLeft, IconMessages } from "@tabler/icons-react";
import { useParams } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";
import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Duration, Instant } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared, useView } from "@/shell/view";
import { InTrace, TraceCost, TraceState } from "./columns";
import { Arcs } from "./Arcs";
import { AddTracesToDataset } from "../datasets/AddToDataset";
import { Exports } from "./Exports";
import { CriticalPath } from "./CriticalPath";
import { FirstSteps } from "./FirstSteps";
import { SidePanel } from "./SidePanel";
import { TraceSummary } from "./TraceSummary";
import { useArcs, useShowsLineage } from "./useLineage";
import { useLineKeys } from "./useLineKeys";
import { type TraceDetail, useFirstSteps, useTrace } from "./useTrace";
import { Waterfall, short } from "./Waterfall";
import { type Line, SHOWS, type Shows, type Window, callsCounted, countedAs, foldable, linesOf, shownOf, windowOf } from "./lines";

export default function Trace() {
  const { id } = useParams({ strict: false });
  const view = useShared();
  const { search } = useView();
  const first = useFirstSteps(id ?? "", search["of"]);
  const trace = useTrace(view, id ?? "", search["of"]);
  if (trace.isPending && first.data?.next) {
    return <FirstSteps page={first.data} />;
  }
  return (
    <>
      {!trace.data && <h1 className="hg-visually-hidden">One trace</h1>}
      <Answered of={trace} what="the trace">
        {(detail) => <Shown key={detail.trace_id + detail.project} detail={detail} />}
      </Answered>
    </>
  );
}

const SETTLE_MS = 150;

/** The step that is chosen: at once on the page, and in the address when one has come to rest. */
function useChosen(lines: readonly Line[]) {
  const { search, set } = useView();
  const call = search["call"];
  // Who comes from a call's page sees its step.
  const ofCall = useMemo(() => (call ? lines.find((line) => line.node.request_id === call)?.key : undefined), [call, lines]);
  const opened = search["span"] ?? ofCall ?? null;
  const [chosen, setChosen] = useState<string | null>(opened);
  useEffect(() => setChosen(opened), [opened]);
  useEffect(() => {
    if (opened === null || chosen === null || chosen === opened) {
      return;
    }
    const timer = setTimeout(() => set({ span: chosen }, true), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [chosen, opened, set]);
  return { chosen, opened, setChosen };
}

function useFolding(lines: readonly Line[]) {
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const fold = useCallback((line: Line, isFolded: boolean) => {
    setFolded((before) => {
      const next = new Set(before);
      if (isFolded) {
        next.add(line.key);
      } else {
        next.delete(line.key);
      }
      return next;
    });
  }, []);
  /** Unfolds what a step lies in. */
  const reveal = useCallback(
    (line: Line) => {
      setFolded((before) => {
        const next = new Set(before);
        for (let place = line.above; place >= 0; place = lines[place]?.above ?? -1) {
          next.delete(lines[place]?.key ?? "");
        }
        return next.size === before.size ? before : next;
      });
    },
    [lines],
  );
  return { folded, fold, reveal, setFolded };
}

function Shown({ detail }: { detail: TraceDetail }) {
  const { search, set } = useView();
  const lines = useMemo(() => linesOf(detail.spans), [detail.spans]);
  const { chosen, opened, setChosen } = useChosen(lines);
  const { folded, fold, reveal, setFolded } = useFolding(lines);
  const shows = Object.hasOwn(SHOWS, search["show"] ?? "") ? (search["show"] as Shows) : "all";
  const find = search["find"] ?? "";
  const counted = search["counted"] ?? null;
  const shown = useMemo(() => shownOf(lines, folded, shows, find, counted), [lines, folded, shows, find, counted]);
  const window = useMemo(() => windowOf(search["zoom"], detail.duration_ms), [search, detail.duration_ms]);

  const choose = useCallback((line: Line) => setChosen(line.key), [setChosen]);
  const open = useCallback(
    (line: Line) => {
      reveal(line);
      setChosen(line.key);
      set({ span: line.key });
    },
    [reveal, set, setChosen],
  );
  const close = useCallback(() => {
    if (opened !== null) {
      set({ span: null, call: null, tab: null }, true);
    }
    return opened !== null;
  }, [opened, set]);
  const onFold = useCallback((line: Line) => fold(line, !folded.has(line.key)), [fold, folded]);
  const onZoom = useCallback((next: Window) => set({ zoom: `${next.from.toFixed(3)}-${next.to.toFixed(3)}` }), [set]);
  useEffect(() => {
    const found = opened === null ? undefined : lines.find((each) => each.key === opened);
    if (found) {
      reveal(found);
    }
  }, [opened, lines, reveal]);
  useLineKeys({ shown, lines, chosen, folded, choose, open, fold, close });

  const named = useMemo(() => new Map(lines.map((each) => [each.key, each])), [lines]);
  const line = opened === null ? null : (named.get(opened) ?? null);
  const arcs = useArcs(detail, lines, shown);
  const over = useCallback(
    (first: number, last: number) => arcs && <Arcs lines={arcs} first={first} last={last} chosen={chosen} />,
    [arcs, chosen],
  );
  const isZoomed = search["zoom"] !== undefined;
  return (
    <div className="hg-trace">
      <Head detail={detail} />
      <div className="hg-trace-bar">
        <Showing shows={shows} />
        <Finding key={find} text={find} />
        {isZoomed && (
          <button type="button" className="hg-chip" onClick={() => set({ zoom: null })}>
            {short(window.from)} to {short(window.to)}: show all of it
          </button>
        )}
        {counted !== null && (
          <button type="button" className="hg-chip" onClick={() => set({ counted: null })}>
            {count(callsCounted(lines, counted).length)} calls{counted === "all" ? "" : <> of <Text>{counted.slice(counted.indexOf(" ") + 1)}</Text></>}: show all
            steps
          </button>
        )}
        <span className="hg-spring" />
        <span className="hg-soft" role="status">
          {shown.length === lines.length ? `${count(lines.length)} steps` : `${count(shown.length)} of ${count(lines.length)} steps`}
        </span>
        <LineageSwitch detail={detail} />
        <button type="button" className="hg-button hg-quiet-button" onClick={() => setFolded(folded.size > 0 ? new Set() : foldable(lines, 1))}>
          {folded.size > 0 ? "Unfold all" : "Fold all"}
        </button>
      </div>
      <CriticalPath lines={lines} window={window} total={detail.duration_ms} onChoose={open} />
      <div className="hg-trace-columns">
        {shown.length > 0 ? (
          <Waterfall
            shown={shown}
            folded={folded}
            chosen={chosen}
            window={window}
            onChoose={open}
            onFold={onFold}
            onZoom={onZoom}
            over={over}
          />
        ) : (
          <Empty title="No step matches" />
        )}
        <aside className="hg-side" aria-label={line ? "the step" : "the trace"}>
          {line ? <SidePanel detail={detail} line={line} named={named} onClose={close} /> : <TraceSummary detail={detail} />}
        </aside>
      </div>
    </div>
  );
}

/** Arcs from outputs to where they were used. */
function LineageSwitch({ detail }: { detail: TraceDetail }) {
  const { set } = useView();
  const isOn = useShowsLineage(detail);
  return (
    <button
      type="button"
      className="hg-button"
      aria-pressed={isOn}
      title="Arcs lead from what a step gave to the steps that read it"
      onClick={() => set({ lineage: isOn ? "off" : "on" }, true)}
    >
      Lineage
    </button>
  );
}

function Head({ detail }: { detail: TraceDetail }) {
  return (
    <header className="hg-call-head">
      <To path="/traces" className="hg-icon-button" aria-label="back to traces">
        <IconArrowLeft size={16} stroke={1.6} />
      </To>
      <h1>{detail.name ? <Text>{detail.name}</Text> : "A trace without a name"}</h1>
      <TraceState errors={detail.errors} status={detail.status} />
      <span className="hg-soft">
        <Instant at={detail.started_at} />
      </span>
      <Duration ms={detail.duration_ms} />
      <TraceCost of={detail} />
      <InTrace of={detail} counted={countedAs("all")}>
        {count(detail.calls)} {detail.calls === 1 ? "call" : "calls"}
      </InTrace>
      <span className="hg-spring" />
      <AddTracesToDataset projects={[detail.project]} of={{ trace_ids: [detail.trace_id], span_ids: [], filters: {} }} what="This trace" />
      <Exports detail={detail} />
      {detail.session && (
        <To path={`/sessions/${encodeURIComponent(detail.session)}`} filter={{ of: detail.project }} className="hg-button">
          <IconMessages size={14} stroke={1.6} aria-hidden="true" /> Session
        </To>
      )}
    </header>
  );
}

function Showing({ shows }: { shows: Shows }) {
  const { set } = useView();
  return (
    <div className="hg-choices" role="group" aria-label="which steps">
      {(Object.keys(SHOWS) as Shows[]).map((each) => (
        <button
          key={each}
          type="button"
          className="hg-button"
          aria-pressed={each === shows}
          onClick={() => set({ show: each === "all" ? null : each }, true)}
        >
          {SHOWS[each]}
        </button>
      ))}
    </div>
  );
}

function Finding({ text }: { text: string }) {
  const { set } = useView();
  const [written, setWritten] = useState(text);
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        set({ find: written.trim() }, true);
      }}
    >
      <input
        type="search"
        className="hg-input"
        aria-label="name, model or tool of a step"
        placeholder="Name, model, tool"
        value={written}
        onChange={(event) => setWritten(event.currentTarget.value)}
      />
    </form>
  );
}
