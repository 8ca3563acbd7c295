import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { Chart, Legend, type Line } from "@/core/Chart";
import { compact, count, duration, money } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Money } from "@/core/Values";
import { To } from "@/shell/To";
import { keyOf, type Patch, refreshOf, timesOf, useShared } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { filterOf, titleOf as titleOfName } from "../listing/none";
import { colourOf, dashOf } from "../series/groupLooks";
import { type GroupName, type SeriesGroup, useSeries } from "../series/useSeries";
import type { Common } from "./Overview";
import { barsOf, type Grouping, sum } from "./grouping";
import { Panel } from "./Panel";

interface ByProps {
  by: Grouping;
  common: Pick<Common, "marks" | "onSelect">;
}

/** The same four charts, a line for each of the largest projects, models, or whatever one asks by. */
export function ByGroup({ by, common }: ByProps) {
  return by === "user" ? <ByUser /> : <BySeries by={by} common={common} />;
}

function BySeries({ by, common }: { by: GroupName; common: ByProps["common"] }) {
  const series = useSeries(useShared(), { group_by: by });
  const nameOf = useKeyNames();
  return (
    <Answered of={series} what="the charts">
      {(found) => {
        const at = { ...common, at: found.at, end: found.end };
        const groups = found.groups.map((group) => ({ ...group, name: group.is_rest ? null : filterOf(group.name ?? ""), title: titleOf(group, by === "key" ? nameOf : null), by }));
        return (
          <div className="hg-charts">
            <CallsBy groups={groups.map((each) => ({ ...each, counts: callsOf(each) }))} common={at} />
            <SpendBy groups={groups} common={at} />
            <LatencyBy groups={groups} common={at} />
            <ErrorsBy groups={groups} common={at} />
          </div>
        );
      }}
    </Answered>
  );
}

function titleOf(group: SeriesGroup, nameOf: ((id: string) => string) | null): string {
  if (group.is_rest) {
    return "all others";
  }
  return nameOf && group.name ? nameOf(group.name) : titleOfName(group.name ?? "");
}

function callsOf(group: SeriesGroup): number[] {
  return group.ok.map((each, place) => each + (group.client_errors[place] ?? 0) + (group.server_errors[place] ?? 0));
}

const USERS_SHOWN = 20;

/** Users are kept by the day, with their calls and costs alone: what they come to, the dearest first. */
function ByUser() {
  const view = useShared();
  const costs = useQuery({
    queryKey: ["costs", "user", "overview", ...keyOf(view)],
    queryFn: ({ signal }) => {
      const query = { group_by: "user", limit: USERS_SHOWN, ...timesOf(view), ...(view.project ? { project: view.project } : {}) };
      return ask(api.GET("/api/v1/costs", { params: { query }, signal }));
    },
    refetchInterval: refreshOf(view),
  });
  return (
    <Answered of={costs} what="users">
      {({ items }) => (
        <section className="hg-section" aria-label="by user">
          <header>
            <h2>Users</h2>
            <span className="hg-soft">the dearest; kept by the day (UTC), without latencies and errors</span>
            <span className="hg-spring" />
            <To path="/spend" filter={{ by: "user" }}>
              All of them
            </To>
          </header>
          {items.length === 0 ? (
            <Empty title="No call in this time" />
          ) : (
            <table className="hg-small-table" aria-label="users">
              <thead>
                <tr>
                  <th scope="col">User</th>
                  <th scope="col" className="hg-right">Calls</th>
                  <th scope="col">Against the most</th>
                  <th scope="col" className="hg-right">Cost</th>
                  <th scope="col">Against the dearest</th>
                </tr>
              </thead>
              <tbody>
                {barsOf(items).map((each) => (
                  <tr key={each.user}>
                    <th scope="row">{each.user ? <Text>{each.user}</Text> : <span className="hg-soft">none</span>}</th>
                    <td className="hg-right hg-number">
                      <Behind group={{ name: filterOf(each.user), title: each.user, by: "user" }}>{count(each.calls)}</Behind>
                    </td>
                    <td>
                      <Bar of={each.callShare} label={`calls of ${each.user || "none"}`} />
                    </td>
                    <td className="hg-right">
                      <Money usd={each.cost} />
                    </td>
                    <td>
                      <Bar of={each.costShare} label={`cost of ${each.user || "none"}`} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </section>
      )}
    </Answered>
  );
}

function Bar({ of, label }: { of: number; label: string }) {
  return (
    <span className="hg-share">
      <progress value={of} max={1} aria-label={label} />
    </span>
  );
}

interface Named {
  /** Null for all others. */
  name: string | null;
  title: string;
  by: Grouping;
}

/** The calls of a group; of all others nothing can be asked. */
function Behind({ group, filter = {}, children }: { group: Named; filter?: Patch; children: string }) {
  return group.name ? (
    <To path="/requests" filter={{ [group.by]: group.name, ...filter }}>
      {children}
    </To>
  ) : (
    <span data-fact title="the calls of all others can't be listed together">
      {children}
    </span>
  );
}

function linesOf<Group extends Named>(groups: Group[], values: (group: Group) => (number | null)[]): (Line & { group: Group })[] {
  return groups.map((group, place) => ({
    label: group.title,
    colour: colourOf(place),
    values: values(group),
    group,
  }));
}

function CallsBy({ groups, common }: { groups: (Named & { counts: number[]; calls: number })[]; common: Common }) {
  const lines = linesOf(groups, (group) => group.counts);
  return (
    <Panel title="Calls" total={<To path="/requests">{count(sum(groups.map((group) => group.calls)))}</To>}>
      <Chart title="Calls" form="bars" lines={lines} write={compact} {...common} />
      <Legend entries={lines.map((line) => ({ line, value: <Behind group={line.group}>{count(line.group.calls)}</Behind> }))} />
    </Panel>
  );
}

function SpendBy({ groups, common }: { groups: (Named & { cost_usd: (string | null)[]; cost: string })[]; common: Common }) {
  const lines = linesOf(groups, (group) => group.cost_usd.map((each) => Number(each ?? 0)));
  return (
    <Panel title="Spend" total={<To path="/spend">{money(sum(groups.map((group) => Number(group.cost))))}</To>}>
      <Chart title="Spend in dollars" form="bars" lines={lines} write={money} {...common} />
      <Legend entries={lines.map((line) => ({ line, value: <Behind group={line.group}>{money(line.group.cost)}</Behind> }))} />
    </Panel>
  );
}

type Whole = SeriesGroup & Named;

function LatencyBy({ groups, common }: { groups: Whole[]; common: Common }) {
  const lines = linesOf(groups, (group) => group.duration_p95_ms).map((line, place) => ({ ...line, ...dashOf(place) }));
  return (
    <Panel title="Latency, p95" total={<span className="hg-soft">at most 15 % too high</span>}>
      <Chart title="Latency, p95" lines={lines} write={duration} {...common} />
      <Legend
        entries={lines.map((line) => {
          const last = line.values.findLast((each) => each !== null);
          return { line, value: <Behind group={line.group}>{last === undefined || last === null ? "–" : duration(last)}</Behind> };
        })}
      />
    </Panel>
  );
}

function ErrorsBy({ groups, common }: { groups: Whole[]; common: Common }) {
  const lines = linesOf(groups, (group) => group.client_errors.map((each, place) => each + (group.server_errors[place] ?? 0)));
  const of = (line: Line): number => sum(line.values.map((each) => each ?? 0));
  return (
    <Panel
      title="Errors"
      total={
        <To path="/requests" filter={{ status: "error" }}>
          {count(sum(lines.map(of)))}
        </To>
      }
    >
      <Chart title="Errors" form="bars" lines={lines} write={compact} {...common} />
      <Legend
        entries={lines
          .filter((line) => of(line) > 0)
          .map((line) => ({
            line,
            value: (
              <Behind group={line.group} filter={{ status: "error" }}>
                {count(of(line))}
              </Behind>
            ),
          }))}
      />
    </Panel>
  );
}
