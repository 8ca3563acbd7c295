import { Chart, Legend, type Line } from "@/core/Chart";
import { compact, count, duration, money } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { To } from "@/shell/To";
import { type Patch, useShared, useView } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { CountedNote } from "../listing/CountedNote";
import { filterOf, titleOf as titleOfName } from "../listing/none";
import { countedTime, isByDay, since } from "../series/byDay";
import { dashOf } from "../series/groupLooks";
import { type Series, type SeriesGroup, useSeries } from "../series/useSeries";
import { Behind, type Named, linesOf } from "./Behind";
import { ErrorKinds } from "./ErrorKinds";
import {
  type Grouping,
  LATENCIES,
  LATENCY_DEFAULT,
  callsOf,
  errorsOf,
  latencyOf,
  sum,
} from "./grouping";
import type { Common } from "./Overview";
import { Panel } from "./Panel";
import { ValueTable } from "./ValueTable";

/** How many times the truth a latency may be, at most. */
const TOO_HIGH = 1.15;

interface ByProps {
  by: Grouping;
  common: Pick<Common, "marks" | "onSelect">;
}

/** The same four charts, a line for each of the largest projects, models, or whatever one asks by. */
export function ByGroup({ by, common }: ByProps) {
  const series = useSeries(useShared(), { group_by: by, failing_groups: "yes" });
  const nameOf = useKeyNames();
  return (
    <>
      <Answered of={series} what="the charts">
        {(found) => {
          const time = countedTime(by, found);
          const groups = found.groups.map((group): Named => ({
            ...group,
            title: titleOf(group, by === "key" ? nameOf : null),
            by,
            calls_filter: group.is_rest ? null : { [by]: filterOf(group.name ?? ""), ...time },
          }));
          const parts = { groups, found, time, common: { ...common, at: found.at, end: found.end } };
          return (
            <>
              <Notes by={by} found={found} />
              {groups.length === 0 ? (
                <Empty title="No call in this time" />
              ) : (
                <>
                  <div className="hg-charts">
                    <CallsBy {...parts} />
                    <SpendBy {...parts} />
                    <LatencyBy {...parts} />
                    <ErrorsBy {...parts} />
                  </div>
                  <ErrorKinds failures={found.failures} groups={groups} time={time} />
                </>
              )}
            </>
          );
        }}
      </Answered>
      {(by === "user" || by === "tag") && <ValueTable by={by} />}
    </>
  );
}

function titleOf(group: SeriesGroup, nameOf: ((id: string) => string) | null): string {
  if (group.is_rest) {
    return "all others";
  }
  return nameOf && group.name ? nameOf(group.name) : titleOfName(group.name ?? "");
}

/** What these charts count otherwise than others, and what they don't know. */
function Notes({ by, found }: { by: Grouping; found: Series }) {
  if (!isByDay(by)) {
    return null;
  }
  const unknown = sum(found.groups.map((group) => sum(group.unknown)));
  return (
    <div className="hg-chart-notes">
      {found.step_s >= 86_400 && (
        <p className="hg-soft">Over more than two days, {by}s are counted by whole days (UTC).</p>
      )}
      <CountedNote counts={found} nouns="calls" newest="100,000" />
      {unknown > 0 && (
        <p className="hg-soft">
          Of <span data-fact>{count(unknown)}</span> {unknown === 1 ? "call" : "calls"} neither status nor latency is known by {by}: an
          older version counted them.
        </p>
      )}
    </div>
  );
}

interface Parts {
  groups: Named[];
  found: Series;
  /** The time that is counted, where it is another than the page's. */
  time: Patch;
  common: Common;
}

/** What all groups come to. A call with two tags counts under both, so tags come to nothing together. */
function Total({ groups, time, filter = {}, path = "/requests", children }: Pick<Parts, "groups" | "time"> & { filter?: Patch; path?: string; children: string }) {
  if (groups[0]?.by === "tag") {
    return <span className="hg-soft" data-fact>a call with two tags counts under both</span>;
  }
  return (
    <To path={path} filter={{ ...time, ...filter }}>
      {children}
    </To>
  );
}

function CallsBy({ groups, found, time, common }: Parts) {
  const lines = linesOf(groups, (group) => since(found, callsOf(group)));
  const total = (
    <Total groups={groups} time={time}>
      {count(sum(groups.map((group) => group.calls)))}
    </Total>
  );
  return (
    <Panel title="Calls" total={total}>
      <Chart title="Calls" form="bars" lines={lines} write={compact} {...common} />
      <Legend entries={lines.map((line) => ({ line, value: <Behind group={line.group}>{count(line.group.calls)}</Behind> }))} />
    </Panel>
  );
}

function SpendBy({ groups, found, time, common }: Parts) {
  const lines = linesOf(groups, (group) => since(found, group.cost_usd.map(Number)));
  const total = (
    <Total groups={groups} time={time} path="/spend">
      {money(sum(groups.map((group) => Number(group.cost))))}
    </Total>
  );
  return (
    <Panel title="Spend" total={total}>
      <Chart title="Spend in dollars" form="bars" lines={lines} write={money} {...common} />
      <Legend entries={lines.map((line) => ({ line, value: <Behind group={line.group}>{money(line.group.cost)}</Behind> }))} />
    </Panel>
  );
}

function LatencyBy({ groups, common }: Parts) {
  const { search, set } = useView();
  const chosen = latencyOf(search["latency"]);
  const { title, field } = LATENCIES[chosen] ?? { title: "p95", field: "duration_p95_ms" };
  const lines = linesOf(groups, (group) => group[field]).map((line, place) => ({ ...line, ...dashOf(place) }));
  const total = (
    <span data-fact>
      <select
        className="hg-input hg-select-small"
        aria-label="which latency"
        value={chosen}
        onChange={(event) => {
          const value = event.currentTarget.value;
          set({ latency: value === LATENCY_DEFAULT ? null : value }, true);
        }}
      >
        {Object.entries(LATENCIES).map(([name, each]) => (
          <option key={name} value={name}>
            {each.title}
          </option>
        ))}
      </select>{" "}
      <span className="hg-soft">at most 15 % too high</span>
    </span>
  );
  return (
    <Panel title="Latency" total={total}>
      <Chart title={`Latency, ${title}`} lines={lines} write={duration} {...common} />
      <Legend entries={lines.map((line) => ({ line, value: <Latest line={line} group={line.group} /> }))} />
    </Panel>
  );
}

/** The last that is known, and the calls that took as long. */
function Latest({ line, group }: { line: Line; group: Named }) {
  const last = line.values.findLast((each) => each !== null);
  if (last === undefined || last === null) {
    return <>–</>;
  }
  return (
    <Behind group={group} filter={{ min_duration_ms: String(Math.floor(last / TOO_HIGH)) }}>
      {duration(last)}
    </Behind>
  );
}

function ErrorsBy({ groups, found, time, common }: Parts) {
  const lines = linesOf(groups, (group) => since(found, errorsOf(group)));
  const of = (line: Line): number => sum(line.values.map((each) => each ?? 0));
  const failed = { status: "error" };
  const total = (
    <Total groups={groups} time={time} filter={failed}>
      {count(sum(lines.map(of)))}
    </Total>
  );
  return (
    <Panel title="Errors" total={total}>
      <Chart title="Errors" form="bars" lines={lines} write={compact} {...common} />
      <Legend
        entries={lines
          .filter((line) => of(line) > 0)
          .map((line) => ({
            line,
            value: (
              <Behind group={line.group} filter={failed}>
                {count(of(line))}
              </Behind>
            ),
          }))}
      />
    </Panel>
  );
}
