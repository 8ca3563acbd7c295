import { moment, money, percent, span } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Share, State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { useShared, useView } from "@/shell/view";
import { type Budget, burnOf, meterOf } from "../budgets/burn";
import { useBudgets } from "../budgets/useBudgets";
import { Burndown } from "./Burndown";

/** Each budget with what is spent and held of it, and when it runs out at this rate. */
export function Budgets() {
  const view = useShared();
  const { search, set } = useView();
  const budgets = useBudgets(view);
  if (!useMay("budgets:read")) {
    return null;
  }
  const chosen = budgets.data?.find((each) => meterOf(each) === search["budget"] || each.name === search["budget"]);
  return (
    <section aria-label="budgets">
      <h2>Budgets</h2>
      <Answered of={budgets} what="budgets">
        {(items) =>
          items.length === 0 ? (
            <NoBudgets />
          ) : (
            <>
              <BudgetTable items={items} chosen={chosen} onChoose={(name) => set({ budget: name }, true)} />
              {chosen && <Burndown budget={chosen} />}
            </>
          )
        }
      </Answered>
    </section>
  );
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

interface BudgetTableProps {
  items: Budget[];
  chosen: Budget | undefined;
  onChoose: (name: string | null) => void;
}

function BudgetTable({ items, chosen, onChoose }: BudgetTableProps) {
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
          <th scope="col">At this rate</th>
          <th scope="col">When used up</th>
        </tr>
      </thead>
      <tbody>
        {items.map((budget) => {
          const meter = meterOf(budget);
          const isChosen = budget === chosen;
          return (
            <tr key={meter}>
              <th scope="row">
                <button type="button" className="hg-link" aria-expanded={isChosen} onClick={() => onChoose(isChosen ? null : meter)}>
                  {meter}
                </button>
              </th>
              <td>{windowOf(budget, now)}</td>
              <td className="hg-right hg-number">{money(budget.spent_usd)}</td>
              <td className="hg-right hg-number">{money(budget.reserved_usd)}</td>
              <td className="hg-right hg-number">{money(budget.limit_usd)}</td>
              <td>
                <Share of={burnOf(budget, now).share} label={`${meter}: ${percent(burnOf(budget, now).share)} spent`} />
              </td>
              <td>
                <AtThisRate budget={budget} now={now} />
              </td>
              <td>{budget.when_exhausted === "reject" ? "refused" : "next target, then refused"}</td>
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

function AtThisRate({ budget, now }: { budget: Budget; now: number }) {
  const burn = burnOf(budget, now);
  if (burn.limit > 0 && burn.share >= 1) {
    return <State tone="bad">used up</State>;
  }
  if (burn.endsAt !== null) {
    return <State tone="warn">runs out on {moment(burn.endsAt)}</State>;
  }
  if (burn.expected !== null && burn.spent > 0) {
    return <State tone="good">{money(burn.expected)} at its end</State>;
  }
  return <span className="hg-soft">{burn.spent > 0 ? "has no end" : "nothing spent yet"}</span>;
}
