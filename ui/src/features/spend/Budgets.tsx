import { money, percent, span } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Share, State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useShared, useView } from "@/shell/view";
import { type Budget, burnOf, meterOf } from "../budgets/burn";
import { outlookOf } from "../budgets/outlook";
import { callsOf } from "../budgets/scope";
import { useBudgets } from "../budgets/useBudgets";
import { type Forecast, useForecasts } from "../budgets/useForecasts";
import { BudgetChart } from "./BudgetChart";

/** How many budgets have a chart unasked: those of which most is spent. */
const CHARTS = 2;

/** Each budget with what is spent and held of it, and where that leads. */
export function Budgets() {
  const view = useShared();
  const { search, set } = useView();
  const budgets = useBudgets(view);
  const forecasts = useForecasts(view);
  const chosen = budgets.data?.find((each) => meterOf(each) === search["budget"] || each.name === search["budget"]);
  const ofChosen = useForecasts(view, chosen?.name);
  if (!useMay("budgets:read")) {
    return null;
  }
  const known = new Map([...(forecasts.data ?? []), ...(chosen ? (ofChosen.data ?? []) : [])]);
  return (
    <section aria-label="budgets">
      <h2>Budgets</h2>
      {view.environment && (
        <p className="hg-note">
          A budget is of no environment: what is spent, held and left of each is of all of them together, and so are the calls behind it.
        </p>
      )}
      <Answered of={budgets} what="budgets">
        {(items) =>
          items.length === 0 ? (
            <NoBudgets />
          ) : (
            <>
              <BudgetCharts items={items} chosen={chosen} forecasts={known} />
              <BudgetTable items={byShare(items)} chosen={chosen} forecasts={known} onChoose={(name) => set({ budget: name }, true)} />
            </>
          )
        }
      </Answered>
    </section>
  );
}

function byShare(items: Budget[]): Budget[] {
  const now = Date.now();
  return [...items].sort((one, other) => burnOf(other, now).share - burnOf(one, now).share);
}

function NoBudgets() {
  return (
    <Empty title="No budget limits anything">
      <p className="hg-soft">
        A <code>[[budgets]]</code> table in headgate.toml makes one, or:
      </p>
      <pre className="hg-paste">headgate budgets set monthly --limit "500 USD" --window month</pre>
    </Empty>
  );
}

interface BudgetsProps {
  items: Budget[];
  chosen: Budget | undefined;
  forecasts: Map<string, Forecast>;
}

/** The one that was chosen, and those of which most is spent. */
function BudgetCharts({ items, chosen, forecasts }: BudgetsProps) {
  const fullest = byShare(items.filter((each) => each !== chosen && Number(each.spent_usd) > 0)).slice(0, CHARTS);
  const drawn = [...(chosen ? [chosen] : []), ...fullest].slice(0, CHARTS);
  return (
    <div className="hg-charts">
      {drawn.map((budget) => {
        const forecast = forecasts.get(meterOf(budget));
        return forecast && <BudgetChart key={meterOf(budget)} budget={budget} forecast={forecast} />;
      })}
    </div>
  );
}

function BudgetTable({ items, chosen, forecasts, onChoose }: BudgetsProps & { onChoose: (name: string | null) => void }) {
  const now = Date.now();
  return (
    <table className="hg-small-table hg-budgets">
      <thead>
        <tr>
          <th scope="col">Budget</th>
          <th scope="col">Window</th>
          <th scope="col" className="hg-right">Spent</th>
          <th scope="col" className="hg-right">Held</th>
          <th scope="col" className="hg-right">Limit</th>
          <th scope="col">Spent of it</th>
          <th scope="col">Where it leads</th>
          <th scope="col">When used up</th>
        </tr>
      </thead>
      <tbody>
        {items.map((budget) => {
          const meter = meterOf(budget);
          const isChosen = budget === chosen;
          const outlook = outlookOf(budget, forecasts.get(meter), now);
          return (
            <tr key={meter}>
              <th scope="row">
                <button type="button" className="hg-link" aria-pressed={isChosen} onClick={() => onChoose(isChosen ? null : meter)}>
                  {meter}
                </button>
              </th>
              <td data-fact>{windowOf(budget, now)}</td>
              <td className="hg-right hg-number">
                <To path="/requests" filter={callsOf(budget, now)}>
                  {money(budget.spent_usd)}
                </To>
              </td>
              <td className="hg-right hg-number" data-fact>{money(budget.reserved_usd)}</td>
              <td className="hg-right hg-number" data-fact>{money(budget.limit_usd)}</td>
              <td data-fact>
                <Share of={burnOf(budget, now).share} label={`${meter}: ${percent(burnOf(budget, now).share)} spent`} />
              </td>
              <td data-fact title={outlook.more}>
                <State tone={outlook.tone}>{outlook.text}</State>
              </td>
              <td>{budget.when_exhausted === "reject" ? "calls are refused" : "the next target"}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function windowOf(budget: Budget, now: number): string {
  if (budget.window === "total" || !budget.window_end) {
    return budget.window;
  }
  return `${budget.window}, ${span(Math.max(0, Date.parse(budget.window_end) - now))} left`;
}
