import { useMemo } from "react";
import { Chart } from "@/core/Chart";
import { money } from "@/core/format";
import { State } from "@/core/Values";
import { To } from "@/shell/To";
import { type Shared, useShared } from "@/shell/view";
import { type Budget, meterOf } from "../budgets/burn";
import { fanOf } from "../budgets/fan";
import { outlookOf } from "../budgets/outlook";
import { callsOf } from "../budgets/scope";
import type { Forecast } from "../budgets/useForecasts";
import { useMarks } from "../series/useMarks";

/** One budget over its window: what is spent and held of the limit, and where that leads as a fan. */
export function BudgetChart({ budget, forecast }: { budget: Budget; forecast: Forecast }) {
  const meter = meterOf(budget);
  const fan = useMemo(() => fanOf(forecast), [forecast]);
  const changes = useMarks(useWindow(forecast));
  const marks = useMemo(() => [...changes.filter((each) => each.kind !== "alert"), ...fan.marks], [changes, fan]);
  const outlook = outlookOf(budget, forecast, Date.parse(forecast.now));
  return (
    <section className="hg-panel" aria-label={`the course of ${meter}`}>
      <header>
        <h3>{meter}</h3>
        <span className="hg-total">
          <To path="/requests" filter={callsOf(budget, Date.parse(forecast.now))}>
            {money(budget.spent_usd)}
          </To>
        </span>
        <span className="hg-soft">
          of <span data-fact>{money(budget.limit_usd)}</span>, <span data-fact>{money(budget.reserved_usd)}</span> held
        </span>
      </header>
      <p className="hg-outlook">
        <State tone={outlook.tone}>{outlook.text}</State> <span className="hg-soft">{outlook.more}</span>
      </p>
      <Chart title={`Spend of ${meter}`} at={fan.at} end={forecast.end} lines={fan.lines} bands={fan.bands} marks={marks} height={150} write={money} />
      <ul className="hg-legend">
        <Key colour="blue">spent</Key>
        {forecast.quantiles.length > 0 && (
          <Key colour="mark">
            <span data-fact>projected from {forecast.past_days} days: the middle, half and 8 of 10</span>
          </Key>
        )}
        {fan.isLimitDrawn ? <Key colour="vermillion">limit</Key> : <li>the limit lies far above</li>}
        {forecast.fallback_at && <li>▾ another target took over</li>}
      </ul>
    </section>
  );
}

function Key({ colour, children }: { colour: string; children: React.ReactNode }) {
  return (
    <li>
      <span className="hg-swatch" style={{ background: `var(--hg-${colour})` }} aria-hidden="true" />
      <span>{children}</span>
    </li>
  );
}

/** What changed is marked over the budget's window, whatever time the page looks at. */
function useWindow(forecast: Forecast): Shared {
  const view = useShared();
  return { ...view, project: forecast.scope["project"] ?? view.project, environment: undefined, from: forecast.begin, to: forecast.end, isLive: false };
}
