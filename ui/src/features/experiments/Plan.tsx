import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "@/api";
import { Field } from "@/core/Dialogs";
import { Facts } from "@/core/Facts";
import { Answered } from "@/core/States";
import { count } from "@/core/format";
import { useView } from "@/shell/view";
import { EvaluationPages } from "../evaluation/EvaluationPages";
import {
  type Asked,
  askedOf,
  BASELINES,
  daysOf,
  DEFAULTS,
  DIVISORS,
  divisorOf,
  figure,
  KINDS,
  LOOKS,
  MEASURES,
  type Planned,
  planSentence,
  saidIn,
  UNITS,
} from "./planWords";

/** How many units an experiment takes, and how many days, before it begins. */
export default function Plan() {
  const { search } = useView();
  const asked = askedOf(search);
  return (
    <EvaluationPages>
      <section className="hg-section" aria-label="plan an experiment">
        <header>
          <h2>Plan an experiment</h2>
          <span className="hg-soft">how many units it takes until a difference shows, and how many days</span>
        </header>
        {/* Another address is another plan: what is typed begins from it. */}
        <Form key={JSON.stringify(saidIn(search))} />
        {typeof asked === "string" && (
          <p className="hg-problem" role="alert">
            {asked}
          </p>
        )}
        {asked !== null && typeof asked !== "string" && <Found asked={asked} />}
      </section>
    </EvaluationPages>
  );
}

function Form() {
  const { search, set } = useView();
  const [said, setSaid] = useState({ ...DEFAULTS, ...saidIn(search) });
  const divisor = divisorOf(said["per"]);
  const isHeard = said["by"] === "metric" || (said["by"] === "calls" && divisor === "feedback");
  const put = (name: string, value: string) => setSaid({ ...said, [name]: value });
  const text = (name: string, label: string, hint = "") => (
    <Field label={label} hint={hint}>
      <input className="hg-input" value={said[name] ?? ""} onChange={(event) => put(name, event.currentTarget.value)} />
    </Field>
  );
  const choice = (name: string, label: string, options: Record<string, string>) => (
    <Field label={label}>
      <select className="hg-input" value={said[name]} onChange={(event) => put(name, event.currentTarget.value)}>
        {Object.entries(options).map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </Field>
  );
  return (
    <form
      className="hg-form"
      onSubmit={(event) => {
        event.preventDefault();
        set(said);
      }}
    >
      <div className="hg-form-pair">
        {text("effect", "The least difference that matters", "in the metric's unit such as 0.02, or of its mean such as 5%")}
        {choice("by", "What units are like now", BASELINES)}
        {said["by"] === "metric" && text("metric", "Feedback named", "such as solved")}
        {said["by"] === "calls" && choice("measure", "Of units' calls", MEASURES)}
        {(said["by"] === "metric" || said["by"] === "calls") &&
          text("per", "Divided by", DIVISORS[divisor])}
        {isHeard && choice("kind", "Feedback counted by unit", KINDS)}
        {said["by"] === "rate" && text("rate", "Share of units, in percent")}
        {said["by"] === "mean" && text("mean", "Mean", "needed for a difference in percent alone")}
        {said["by"] === "mean" && text("deviation", "Standard deviation of units")}
        {choice("unit", "Unit", Object.fromEntries(UNITS.map((unit) => [unit, unit])))}
        {text("model", "Of calls for the alias", "left out, of all calls")}
        {text("window", "Days for which a unit is watched")}
        {text("days", "Last days that are looked at")}
        {text("per_day", "Units a day", "left out, as in the last days")}
        {text("arms", "Arms, with the one of now")}
        {text("power", "Chance to find it, in percent")}
      </div>
      <div className="hg-form-foot">
        <button type="submit" className="hg-button hg-primary-button">
          Say how long it takes
        </button>
      </div>
    </form>
  );
}

function Found({ asked }: { asked: Asked }) {
  const found = useQuery({
    queryKey: ["plan", asked],
    queryFn: ({ signal }) => ask(api.POST("/api/v1/planning", { body: asked as never, signal })),
    retry: false,
  });
  return (
    <Answered of={found} what="the plan">
      {(plan) => <Result plan={plan} />}
    </Answered>
  );
}

function Result({ plan }: { plan: Planned }) {
  const { recorded } = plan;
  const measured = `${count(recorded.measured)} of ${count(recorded.complete)} units that were watched to the end`;
  return (
    <>
      <p className="hg-verdict">{planSentence(plan)}</p>
      <Facts
        facts={[
          ["Difference", figure(plan.effect)],
          ["Mean now", figure(plan.mean)],
          ["Deviation", figure(plan.deviation)],
          ["Units a day", figure(plan.per_day)],
          ["Error of each comparison", figure(plan.alpha)],
          ["Measured on", plan.source === "recorded" ? measured : "nothing: given"],
        ]}
      />
      <table className="hg-small-table" aria-label="what it takes, by how one looks">
        <thead>
          <tr>
            <th scope="col">Looking</th>
            <th scope="col" className="hg-right hg-number">
              Units of two arms
            </th>
            <th scope="col" className="hg-right hg-number">
              In all
            </th>
            <th scope="col" className="hg-right hg-number">
              Takes
            </th>
            <th scope="col" className="hg-right hg-number">
              As many as now would show
            </th>
          </tr>
        </thead>
        <tbody>
          {plan.lines.map((line) => (
            <tr key={line.looks}>
              <th scope="row">{LOOKS[line.looks]}</th>
              <td className="hg-right hg-number">{count(line.units)}</td>
              <td className="hg-right hg-number">{count(line.units_in_all)}</td>
              <td className="hg-right hg-number">{line.days === null ? "–" : daysOf(line.days)}</td>
              <td className="hg-right hg-number">{figure(line.detectable)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="hg-soft">
        “Units of two arms” is what <code>planned_units</code> of the experiment takes in headgate.toml; the last column is the difference
        that as many units as in the last {plan.days} days would show.
      </p>
    </>
  );
}
