import { useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { Chart, Legend } from "@/core/Chart";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { useShared, useView } from "@/shell/view";
import { Back } from "../evaluation/Back";
import { useMarks } from "../series/useMarks";
import { NoMetrics } from "./Metrics";
import { MEASURES, type Measure, OF_KIND, STEP_MS, linesOf, stepsOf, valueOf, written } from "./points";
import { type Metric, type Point, intervalOf, useMetrics, usePoints } from "./useMetrics";

/** One metric over time, told apart by what one chooses. */
export default function OneMetric() {
  const { name = "" } = useParams({ strict: false });
  const view = useShared();
  const { search, set } = useView();
  const metrics = useMetrics(view);
  return (
    <div className="hg-call">
      <Back path="/traces/metrics" to="metrics" title={name} />
      <div className="hg-rule">
        <Answered of={metrics} what="the metric">
          {({ items }) => {
            const named = items.filter((each) => each.name === name);
            if (named.length === 0) {
              return <NoMetrics />;
            }
            const attributes = [...new Set(named.flatMap((each) => each.attributes))].sort();
            const groupBy = attributes.find((each) => each === search["by"]);
            return (
              <>
                <div className="hg-by">
                  <label>
                    By{" "}
                    <select className="hg-input" value={groupBy ?? ""} onChange={(event) => set({ by: event.currentTarget.value })}>
                      <option value="">all together</option>
                      {attributes.map((each) => (
                        <option key={each} value={each}>
                          {each}
                        </option>
                      ))}
                    </select>
                  </label>
                </div>
                {named.map((each) => (
                  <OverTime key={`${each.unit} ${each.kind}`} metric={each} groupBy={groupBy} />
                ))}
              </>
            );
          }}
        </Answered>
      </div>
    </div>
  );
}

const isOf =
  (metric: Metric) =>
  (point: Point): boolean =>
    point.unit === metric.unit && point.kind === metric.kind;

function OverTime({ metric, groupBy }: { metric: Metric; groupBy: string | undefined }) {
  const view = useShared();
  const { search, set } = useView();
  const marks = useMarks(view);
  const interval = intervalOf(view);
  const points = usePoints(view, metric.name, groupBy, interval);
  const together = usePoints(view, metric.name, groupBy, undefined);
  const measures = OF_KIND[metric.kind];
  const measure = measures.find((each) => each === search["measure"]) ?? measures[0] ?? "sum";
  const write = (value: number): string => (measure === "count" ? written(value, "") : written(value, metric.unit));
  const of = useMemo(() => (points.data?.items ?? []).filter(isOf(metric)), [points.data, metric]);
  const at = useMemo(() => stepsOf(of, interval), [of, interval]);
  const lines = useMemo(() => linesOf(of, at, measure), [of, at, measure]);
  return (
    <Answered of={points} what="its points">
      {() =>
        of.length === 0 ? (
          <Empty title="Nothing was measured in this time">
            <p className="hg-soft">Choose a longer time above; it is kept as long as traces are.</p>
          </Empty>
        ) : (
          <section className="hg-panel" aria-label={`${metric.name} over time`}>
            <div className="hg-choices" role="group" aria-label="what of it">
              {measures.map((each: Measure) => (
                <button
                  key={each}
                  type="button"
                  className="hg-button"
                  aria-pressed={each === measure}
                  onClick={() => set({ measure: each === measures[0] ? null : each })}
                >
                  {MEASURES[each]}
                </button>
              ))}
            </div>
            <Chart
              title={`${MEASURES[measure]} of ${metric.name}`}
              at={at}
              end={new Date(Date.parse(at.at(-1) ?? "") + STEP_MS[interval]).toISOString()}
              height={220}
              lines={lines}
              marks={marks}
              write={write}
              onSelect={(from, to) => set({ from, to, range: null })}
            />
            <Legend entries={lines.map((line) => ({ line }))} />
            <Answered of={together} what="what it came to">
              {({ items }) => <Groups items={items.filter(isOf(metric))} metric={metric} groupBy={groupBy} />}
            </Answered>
          </section>
        )
      }
    </Answered>
  );
}

/** What each group came to over the whole time. */
function Groups({ items, metric, groupBy }: { items: Point[]; metric: Metric; groupBy: string | undefined }) {
  const { unit } = metric;
  const shown = [...OF_KIND[metric.kind]].sort();
  const ordered = [...items].sort((one, other) => other.count - one.count);
  return (
    <table className="hg-small-table" aria-label="in this time">
      <thead>
        <tr>
          <th scope="col">{groupBy ?? "All together"}</th>
          {shown.map((each) => (
            <th key={each} scope="col" className="hg-right">
              {MEASURES[each]}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {ordered.map((each) => (
          <tr key={each.group}>
            <th scope="row">{each.group ? <Text>{each.group}</Text> : groupBy ? <span className="hg-unknown">not said</span> : "all"}</th>
            {shown.map((measure) => {
              const value = valueOf(each, measure);
              return (
                <td key={measure} className="hg-right hg-number" data-fact>
                  {value === null ? "–" : written(value, measure === "count" ? "" : unit)}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
