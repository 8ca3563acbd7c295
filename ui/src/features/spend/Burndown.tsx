import { Chart, type Line } from "@/core/Chart";
import { money } from "@/core/format";
import { Answered } from "@/core/States";
import type { Shared } from "@/shell/view";
import type { Budget } from "../budgets/burn";
import { type Series, type SeriesFilter, useSeries } from "../series/useSeries";

const DAY_MS = 86_400_000;

/** What was spent of a budget over its window, and where that leads. */
export function Burndown({ budget }: { budget: Budget }) {
  const scope = filterOf(budget);
  if (scope === null || !budget.window_start || !budget.window_end) {
    return <p className="hg-soft">No chart of this one: sums are kept neither by user and tag nor without a window.</p>;
  }
  return <Drawn budget={budget} scope={scope} begin={budget.window_start} end={budget.window_end} />;
}

interface Scope {
  project: string | undefined;
  filter: SeriesFilter;
}

/** The scope as a filter of sums; null where sums aren't kept by it. */
function filterOf(budget: Budget): Scope | null {
  const scope: Scope = { project: undefined, filter: {} };
  for (const [name, value] of Object.entries(budget.scope)) {
    if (value === null) {
      continue;
    }
    if (name === "provider" || (name === "model" && value.includes("/"))) {
      scope.filter.target = value;
    } else if (name === "model" || name === "key") {
      scope.filter[name] = value;
    } else if (name === "project") {
      scope.project = value;
    } else {
      return null;
    }
  }
  return scope;
}

function Drawn({ budget, scope, begin, end }: { budget: Budget; scope: Scope; begin: string; end: string }) {
  const view: Shared = { project: scope.project, environment: undefined, range: "", from: begin, to: end, isLive: false };
  const series = useSeries(view, scope.filter);
  return (
    <Answered of={series} what="the budget's chart">
      {(found) => {
        const lines = burndown(found, Number(budget.limit_usd), Date.now());
        return (
          <>
            <Chart title={`Spend against ${budget.name}`} at={found.at} end={found.end} lines={lines} height={190} write={money} />
            <ul className="hg-legend">
              {lines.map((line) => (
                <li key={line.label}>
                  <span className="hg-swatch" style={{ background: `var(--hg-${line.colour})` }} aria-hidden="true" />
                  {line.label}
                </li>
              ))}
            </ul>
          </>
        );
      }}
    </Answered>
  );
}

/** What was spent so far, and where it leads: at the rate of the whole window, and of the last day. */
export function burndown(series: Series, limit: number, now: number): Line[] {
  const steps = series.at.map((at) => Date.parse(at));
  let sum = 0;
  let before = 0;
  const spent = (series.groups[0]?.cost_usd ?? []).map((cost, place) => {
    const step = steps[place] ?? 0;
    sum += Number(cost);
    if (step < now - DAY_MS) {
      before = sum;
    }
    return step > now ? null : sum;
  });
  const passed = Math.max(1, now - Date.parse(series.begin));
  const lately = (sum - before) / Math.min(DAY_MS, passed);
  const ahead = (rate: number): (number | null)[] =>
    steps.map((step) => (step + series.step_s * 1000 < now ? null : sum + rate * Math.max(0, step - now)));
  return [
    { label: "spent", colour: "blue", values: spent },
    { label: "at the window's rate", colour: "soft", values: ahead(sum / passed), dash: [6, 4] },
    { label: "at the last day's rate", colour: "purple", values: ahead(lately), dash: [2, 3] },
    { label: `limit, ${money(limit)}`, colour: "vermillion", values: steps.map(() => limit) },
  ];
}
