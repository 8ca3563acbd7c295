import { IconX } from "@tabler/icons-react";
import { useMemo } from "react";
import { Chart, Legend } from "@/core/Chart";
import { count, money } from "@/core/format";
import { Answered } from "@/core/States";
import { Name, State } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared, useView } from "@/shell/view";
import { type GroupName, type Series, useSeries } from "../series/useSeries";
import { colourOf } from "../series/groupLooks";
import { useMarks } from "../series/useMarks";
import { Budgets } from "./Budgets";
import { CostTable } from "./CostTable";
import { filterOf, titleOf } from "../listing/none";
import { DIMENSIONS, type Dimension } from "./dimensions";
import { type Within, choicesOf, withinOf } from "./within";


export default function Spend() {
  const { search } = useView();
  const within = withinOf(search);
  const choices = choicesOf(within);
  const dimension = choices.find((each) => each === search["by"]) ?? choices[0] ?? "model";
  return (
    <div className="hg-spend">
      <h1 className="hg-visually-hidden">Spend</h1>
      <Budgets />
      <section aria-label="cost by dimension">
        <By dimension={dimension} choices={choices} within={within} />
        <OverTime dimension={dimension} within={within} />
        <CostTable dimension={dimension} within={within} />
      </section>
    </div>
  );
}

function By({ dimension, choices, within }: { dimension: Dimension; choices: Dimension[]; within: Within }) {
  const { set } = useView();
  return (
    <header className="hg-by">
      <h2>Cost by</h2>
      <div role="group" aria-label="cost by">
        {choices.map((name) => (
          <button
            key={name}
            type="button"
            className="hg-button hg-quiet-button"
            aria-pressed={name === dimension}
            onClick={() => set({ by: name === "model" ? null : name })}
          >
            {DIMENSIONS[name]}
          </button>
        ))}
      </div>
      {Object.entries(within).map(([name, value]) => (
        <button
          key={name}
          type="button"
          className="hg-button hg-opened"
          aria-label={`close ${DIMENSIONS[name as Dimension].toLowerCase()} ${value}`}
          onClick={() => set({ [name]: null, by: name })}
        >
          <span className="hg-soft">{DIMENSIONS[name as Dimension].toLowerCase()}</span> <Name>{titleOf(value)}</Name> <IconX size={12} aria-hidden="true" />
        </button>
      ))}
    </header>
  );
}

/** Users and tags are kept by day and have no lines: all together are shown then. */
function OverTime({ dimension, within }: { dimension: Dimension; within: Within }) {
  const view = useShared();
  const isDrawn = dimension !== "user" && dimension !== "tag";
  const series = useSeries(view, { ...within, ...(isDrawn ? { group_by: dimension as GroupName } : {}), latencies: "no" });
  return (
    <Answered of={series} what="costs">
      {(found) => <Lines series={found} dimension={isDrawn ? dimension : null} within={within} />}
    </Answered>
  );
}

function Lines({ series, dimension, within }: { series: Series; dimension: Dimension | null; within: Within }) {
  const { set } = useView();
  const marks = useMarks(useShared());
  const lines = useMemo(
    () =>
      series.groups.map((group, place) => ({
        label: group.is_rest ? "all others" : dimension === null ? "all calls" : titleOf(group.name ?? ""),
        colour: colourOf(place),
        values: group.cost_usd.map(Number),
        name: group.name,
        isRest: group.is_rest,
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
          value: line.isRest ? (
            <span data-fact title="each of them stands in the table below">
              {money(line.cost)}
            </span>
          ) : (
            <To path="/requests" filter={{ ...within, ...(dimension !== null ? { [dimension]: filterOf(line.name ?? "") } : {}) }}>
              {money(line.cost)}
            </To>
          ),
        }))}
      />
      {unpriced > 0 && (
        <p className="hg-unpriced">
          <State tone="warn">
            <span>
              <To path="/requests" filter={{ ...within, price: "unknown" }}>
                {count(unpriced)} {unpriced === 1 ? "call" : "calls"}
              </To>{" "}
              without a known price count as nothing here; name prices in headgate.toml under [prices]
            </span>
          </State>
        </p>
      )}
    </>
  );
}
