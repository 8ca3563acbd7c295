import { useMemo } from "react";
import { Chart, Legend } from "@/core/Chart";
import { count, money } from "@/core/format";
import { Answered } from "@/core/States";
import { State } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared, useView } from "@/shell/view";
import { type GroupName, type Series, useSeries } from "../series/useSeries";
import { useMarks } from "../series/useMarks";
import { Budgets } from "./Budgets";
import { CostTable } from "./CostTable";
import { DIMENSIONS, type Dimension } from "./dimensions";

const COLOURS = ["blue", "orange", "green", "purple", "sky", "vermillion", "yellow", "mark", "soft"];

export default function Spend() {
  const { search } = useView();
  const by = (search["by"] ?? "model") as Dimension;
  const dimension = by in DIMENSIONS ? by : "model";
  return (
    <div className="hg-spend">
      <h1 className="hg-visually-hidden">Spend</h1>
      <Budgets />
      <section aria-label="cost by dimension">
        <By dimension={dimension} />
        <OverTime dimension={dimension} />
        <CostTable dimension={dimension} />
      </section>
    </div>
  );
}

function By({ dimension }: { dimension: Dimension }) {
  const { set } = useView();
  return (
    <header className="hg-by">
      <h2>Cost by</h2>
      <div role="group" aria-label="cost by">
        {Object.entries(DIMENSIONS).map(([name, title]) => (
          <button
            key={name}
            type="button"
            className="hg-button hg-quiet-button"
            aria-pressed={name === dimension}
            onClick={() => set({ by: name === "model" ? null : name })}
          >
            {title}
          </button>
        ))}
      </div>
    </header>
  );
}

/** Users and tags are kept by day and have no lines: all together are shown then. */
function OverTime({ dimension }: { dimension: Dimension }) {
  const view = useShared();
  const isDrawn = dimension !== "user" && dimension !== "tag";
  const series = useSeries(view, isDrawn ? { group_by: dimension as GroupName } : {});
  return (
    <Answered of={series} what="costs">
      {(found) => <Lines series={found} dimension={isDrawn ? dimension : null} />}
    </Answered>
  );
}

function Lines({ series, dimension }: { series: Series; dimension: Dimension | null }) {
  const { set } = useView();
  const marks = useMarks(useShared());
  const lines = useMemo(
    () =>
      series.groups.map((group, place) => ({
        label: group.is_rest ? "all others" : dimension === null ? "all calls" : group.name || "none",
        colour: COLOURS[place % COLOURS.length] ?? "soft",
        values: group.cost_usd.map(Number),
        name: group.name,
        cost: group.cost,
      })),
    [series, dimension],
  );
  const unpriced = series.groups.reduce((sum, group) => sum + group.unpriced.reduce((all, each) => all + each, 0), 0);
  return (
    <>
      <Chart
        title="Cost in dollars"
        form="bars"
        height={180}
        at={series.at}
        end={series.end}
        lines={lines}
        marks={marks}
        write={money}
        onSelect={(from, to) => set({ from, to, range: null })}
      />
      <Legend
        entries={lines.map((line) => ({
          line,
          value: (
            <To path="/requests" filter={dimension !== null && line.name ? { [dimension]: line.name } : {}}>
              {money(line.cost)}
            </To>
          ),
        }))}
      />
      {unpriced > 0 && (
        <p className="hg-unpriced">
          <State tone="warn">
            {count(unpriced)} calls have no known price and count as nothing here; name prices in headgate.toml under
            [prices]
          </State>
        </p>
      )}
    </>
  );
}
