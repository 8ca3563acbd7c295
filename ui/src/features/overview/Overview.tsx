import { useMemo } from "react";
import { Chart, Legend, type Line } from "@/core/Chart";
import { compact, count, duration, money } from "@/core/format";
import { Answered, Loading } from "@/core/States";
import { State } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared, useView } from "@/shell/view";
import { burnOf, meterOf } from "../budgets/burn";
import { callsOf } from "../budgets/scope";
import { useBudgets } from "../budgets/useBudgets";
import { dashOf } from "../series/groupLooks";
import { useMarks } from "../series/useMarks";
import { type Series, type SeriesGroup, useSeries } from "../series/useSeries";
import { ByGroup } from "./ByGroup";
import { FirstCall, FirstRun } from "./FirstRun";
import { GROUPINGS, groupingOf, sum } from "./grouping";
import { Panel } from "./Panel";
import { StandsOut } from "./Sentences";
import { useFirstCall } from "./useFirstCall";
import { WhatChanged } from "./WhatChanged";

const SHADES = ["vermillion", "orange", "purple", "blue", "sky", "green", "yellow", "soft"];
/** How many times the truth a latency may be, at most. */
const TOO_HIGH = 1.15;

export default function Overview() {
  const view = useShared();
  const all = useSeries(view);
  const first = useFirstCall(all.data?.groups[0]?.calls === 0);
  if (first.state === "asking") {
    return <Loading what="the overview" />;
  }
  if (first.state === "none") {
    return <FirstRun hasTraces={first.hasTraces} />;
  }
  return (
    <div className="hg-overview">
      <h1 className="hg-visually-hidden">Overview</h1>
      {first.call && <FirstCall call={first.call} />}
      <Answered of={all} what="the charts">
        {(series) => (
          <>
            <Charts series={series} />
            <div className="hg-words">
              <StandsOut series={series} />
              <WhatChanged />
            </div>
          </>
        )}
      </Answered>
    </div>
  );
}

function Charts({ series }: { series: Series }) {
  const { search, set } = useView();
  const by = groupingOf(search["by"]);
  const marks = useMarks(useShared());
  const group = series.groups[0] as SeriesGroup;
  const onSelect = (from: string, to: string): void => set({ from, to, range: null });
  const common = { at: series.at, end: series.end, marks, onSelect };
  return (
    <>
      <div className="hg-by" role="group" aria-label="by what">
        <span className="hg-soft">By</span>
        {GROUPINGS.map(([name, title]) => (
          <button
            key={name}
            type="button"
            className="hg-button hg-quiet-button"
            aria-pressed={(by ?? "") === name}
            onClick={() => set({ by: name || null }, true)}
          >
            {title}
          </button>
        ))}
      </div>
      {by ? (
        <ByGroup by={by} common={common} />
      ) : (
        <div className="hg-charts">
          <Calls group={group} common={common} />
          <Spend group={group} common={common} />
          <Latency group={group} common={common} />
          <Failures series={series} common={common} />
        </div>
      )}
    </>
  );
}

export interface Common {
  at: string[];
  end: string;
  marks: { at: string; name: string }[];
  onSelect: (from: string, to: string) => void;
}

function Calls({ group, common }: { group: SeriesGroup; common: Common }) {
  const lines: (Line & { status: string; sum: number })[] = [
    { label: "answered", colour: "green", values: group.ok, status: "ok", sum: sum(group.ok) },
    { label: "4xx", colour: "orange", values: group.client_errors, status: "4xx", sum: sum(group.client_errors) },
    { label: "5xx", colour: "vermillion", values: group.server_errors, status: "5xx", sum: sum(group.server_errors) },
  ];
  return (
    <Panel title="Calls" total={<To path="/requests">{count(group.calls)}</To>}>
      <Chart title="Calls by status" form="bars" lines={lines} write={compact} {...common} />
      <Legend
        entries={lines.map((line) => ({
          line,
          value: (
            <To path="/requests" filter={{ status: line.status }}>
              {count(line.sum)}
            </To>
          ),
        }))}
      />
    </Panel>
  );
}

function Spend({ group, common }: { group: SeriesGroup; common: Common }) {
  const view = useShared();
  const budgets = useBudgets(view);
  const values = useMemo(() => group.cost_usd.map(Number), [group]);
  const line: Line = { label: "spent", colour: "blue", values };
  const nearest = (budgets.data ?? [])
    .map((budget) => ({ budget, burn: burnOf(budget, Date.now()) }))
    .sort((one, other) => other.burn.share - one.burn.share)
    .slice(0, 4);
  const unpriced = sum(group.unpriced);
  return (
    <Panel title="Spend" total={<To path="/spend">{money(group.cost)}</To>}>
      <Chart title="Spend in dollars" form="bars" lines={[line]} write={money} {...common} />
      <ul className="hg-legend">
        {nearest.map(({ budget, burn }) => (
          <li key={meterOf(budget)}>
            <meter
              value={burn.spent + burn.reserved}
              max={burn.limit || 1}
              high={burn.limit * 0.8}
              optimum={0}
              aria-label={`${meterOf(budget)}: spent and held`}
            />
            <To path="/spend" filter={{ budget: budget.name }}>
              {meterOf(budget)}
            </To>{" "}
            <span className="hg-soft">
              <To path="/requests" filter={callsOf(budget, Date.now())}>
                {money(burn.spent)}
              </To>{" "}
              of <span data-fact>{money(burn.limit)}</span>
            </span>
          </li>
        ))}
        {nearest.length === 0 && <li className="hg-soft">No budget limits this.</li>}
        {nearest.length > 0 && view.environment && <li className="hg-soft">Budgets count all environments.</li>}
        {unpriced > 0 && (
          <li>
            <State tone="warn">
              <To path="/requests" filter={{ price: "unknown" }}>
                {count(unpriced)} {unpriced === 1 ? "call" : "calls"} without a price
              </To>
            </State>
          </li>
        )}
      </ul>
    </Panel>
  );
}

function Latency({ group, common }: { group: SeriesGroup; common: Common }) {
  const lines: Line[] = [
    { label: "p50", colour: "green", values: group.duration_p50_ms },
    { label: "p95", colour: "blue", values: group.duration_p95_ms, dash: [6, 3] },
    { label: "p99", colour: "purple", values: group.duration_p99_ms, dash: [2, 3] },
    { label: "first token p95", colour: "orange", values: group.first_token_p95_ms, dash: [8, 3, 2, 3] },
  ];
  const latest = (line: Line): React.ReactNode => {
    const value = line.values.findLast((each) => each !== null);
    if (value === undefined || value === null) {
      return "–";
    }
    // First tokens come before what a call took, so these are among the slow ones; what is shown may be too high.
    return (
      <To path="/requests" filter={{ min_duration_ms: String(Math.floor(value / TOO_HIGH)) }}>
        {duration(value)}
      </To>
    );
  };
  return (
    <Panel title="Latency" total={<span className="hg-soft" data-fact>at most 15 % too high</span>}>
      <Chart title="Latency" lines={lines} write={duration} {...common} />
      <Legend entries={lines.map((line) => ({ line, value: latest(line) }))} />
    </Panel>
  );
}

function Failures({ series, common }: { series: Series; common: Common }) {
  const lines = series.failures.map((line, place) => ({
    label: line.code === "" ? "no code" : (line.code ?? "all others"),
    colour: SHADES[place % SHADES.length] ?? "soft",
    values: line.counts,
    code: line.code,
    calls: line.calls,
    ...dashOf(place),
  }));
  const total = sum(lines.map((line) => line.calls));
  return (
    <Panel
      title="Errors"
      total={
        <To path="/requests" filter={{ status: "error" }}>
          {count(total)}
        </To>
      }
    >
      {lines.length === 0 ? (
        <Chart title="Errors by kind" form="bars" lines={[{ label: "none", colour: "line", values: common.at.map(() => 0) }]} write={compact} {...common} />
      ) : (
        <Chart title="Errors by kind" form="bars" lines={lines} write={compact} {...common} />
      )}
      {lines.length === 0 && <p className="hg-legend hg-soft">No call has failed in this time.</p>}
      <Legend
        entries={lines.map((line) => ({
          line,
          value: (
            <To path="/requests" filter={line.code ? { code: line.code } : { status: "error" }}>
              {count(line.calls)}
            </To>
          ),
        }))}
      />
    </Panel>
  );
}
