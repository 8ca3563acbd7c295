import { IconX } from "@tabler/icons-react";
import { useMemo } from "react";
import { Chart, Legend } from "@/core/Chart";
import { count, money } from "@/core/format";
import { Answered } from "@/core/States";
import { Name, State } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared, useView } from "@/shell/view";
import { CountedNote } from "../listing/CountedNote";
import { countedTime, since } from "../series/byDay";
import { type GroupName, type Series, useSeries } from "../series/useSeries";
import { colourOf } from "../series/groupLooks";
import { useMarks } from "../series/useMarks";
import { Budgets } from "./Budgets";
import { CostTable } from "./CostTable";
import { filterOf, titleOf } from "../listing/none";
import { DIMENSIONS, type Dimension } from "./dimensions";
import { type Within, choicesOf, dimensionOf, filterNameOf, withinOf } from "./within";


export default function Spend() {
  const { search } = useView();
  const within = withinOf(search);
  const { environment } = useShared();
  const choices = choicesOf(within, environment);
  const dimension = choices.find((each) => each === search["by"]) ?? choices[0] ?? "model";
  return (
    <div className="hg-spend">
      <h1 className="hg-visually-hidden">Spend</h1>
      <Budgets />
      <section aria-label="cost by dimension">
        <By dimension={dimension} choices={choices} within={within} />
        {environment && (
          <p className="hg-soft">
            By user, tag and session costs are kept for all environments together: choose all environments to see them so.
          </p>
        )}
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
          aria-label={`close ${DIMENSIONS[dimensionOf(name, value)].toLowerCase()} ${value}`}
          onClick={() => set({ [name]: null, by: dimensionOf(name, value) })}
        >
          <span className="hg-soft">{DIMENSIONS[dimensionOf(name, value)].toLowerCase()}</span> <Name>{titleOf(value)}</Name> <IconX size={12} aria-hidden="true" />
        </button>
      ))}
    </header>
  );
}

/** Sessions are many, and each is short: all calls together are shown then. */
function OverTime({ dimension, within }: { dimension: Dimension; within: Within }) {
  const view = useShared();
  const isDrawn = dimension !== "session";
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
        values: since(series, group.cost_usd.map(Number)),
        name: group.name,
        isRest: group.is_rest,
        cost: group.cost,
      })),
    [series, dimension],
  );
  const time = dimension === null ? {} : countedTime(dimension, series);
  const unpriced = series.groups.reduce((sum, group) => sum + group.unpriced.reduce((all, each) => all + each, 0), 0);
  return (
    <>
      <div className="hg-chart-notes">
        <CountedNote counts={series} nouns="calls" newest="100,000" />
      </div>
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
            <To path="/requests" filter={{ ...within, ...(dimension !== null ? { [filterNameOf(dimension)]: filterOf(line.name ?? "") } : {}), ...time }}>
              {money(line.cost)}
            </To>
          ),
        }))}
      />
      {unpriced > 0 && (
        <p className="hg-unpriced">
          <State tone="warn">
            <span>
              <To path="/requests" filter={{ ...within, ...time, price: "unknown" }}>
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
