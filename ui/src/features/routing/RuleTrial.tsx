import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type Schemas, api, ask } from "@/api";
import { Problem } from "@/core/Dialogs";
import { Facts } from "@/core/Facts";
import { compact, count, money } from "@/core/format";
import { Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { To } from "@/shell/To";
import { timesOf, useShared } from "@/shell/view";

type Found = Schemas["RuleTest"];

const CALLS = [100, 500, 2000, 5000];

/** Runs the rule over calls on record and says what it would have changed; nothing is sent. */
export function RuleTrial({ name }: { name: string }) {
  const view = useShared();
  const [limit, setLimit] = useState(500);
  const trial = useMutation({
    mutationFn: () =>
      ask(api.POST("/api/v1/rules/test", { body: { name, rule: null, since: timesOf(view).from, limit } })),
  });
  return (
    <section className="hg-section" aria-label="test of the rule">
      <header>
        <h2>What it would have changed</h2>
        <label className="hg-soft">
          of the newest{" "}
          <select className="hg-input" value={limit} onChange={(event) => setLimit(Number(event.currentTarget.value))}>
            {CALLS.map((each) => (
              <option key={each} value={each}>
                {count(each)}
              </option>
            ))}
          </select>{" "}
          calls since the time at the top
        </label>
        <button type="button" className="hg-button" disabled={trial.isPending} onClick={() => trial.mutate()}>
          {trial.isPending ? "Testing …" : "Test it"}
        </button>
      </header>
      <Problem error={trial.error} />
      {trial.data && <Outcome found={trial.data} />}
    </section>
  );
}

export function Outcome({ found }: { found: Found }) {
  const more = Number(found.difference_usd);
  return (
    <div role="status">
      {found.headers_taken_to_fit && (
        <p className="hg-soft">Headers of calls are not on record: those that the rule asks for are taken to be there.</p>
      )}
      {found.matched === 0 ? (
        <Empty title={`None of the ${count(found.calls)} calls that were looked at is one that it is for`}>
          {found.unreadable > 0 && (
            <p className="hg-soft">{count(found.unreadable)} of them are not on record whole, and so can't tell.</p>
          )}
        </Empty>
      ) : (
        <>
          <Facts
            facts={[
              ["looked at", `${count(found.calls)} calls${found.more ? ", and there are more" : ""}`],
              ["it is for", count(found.matched)],
              ["changed", <strong key="changed">{count(found.changed)}</strong>],
              ["not on record whole", found.unreadable ? count(found.unreadable) : null],
              [
                "cost",
                found.priced > 0
                  ? `${money(found.cost_before_usd)} became ≈${money(found.cost_after_usd)}, ${more <= 0 ? "" : "+"}${money(found.difference_usd)}`
                  : null,
              ],
              [
                "tokens",
                found.priced > 0
                  ? `in ${compact(found.input_tokens_before)} → ≈${compact(found.input_tokens_after)}, out ${compact(found.output_tokens_before)} → ≈${compact(found.output_tokens_after)}`
                  : null,
              ],
            ]}
          />
          <Fields found={found} />
          <Reasons title="Would have been refused" items={found.refused} />
          <Reasons title="Left alone" items={found.left_alone} />
        </>
      )}
    </div>
  );
}

function Fields({ found }: { found: Found }) {
  if (found.fields.length === 0) {
    return null;
  }
  return (
    <table className="hg-small-table hg-changes-table" aria-label="changed fields">
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col" className="hg-right">Calls</th>
          <th scope="col">Was</th>
          <th scope="col">Would be</th>
          <th scope="col">For example</th>
        </tr>
      </thead>
      <tbody>
        {found.fields.map((field) => {
          const example = field.examples[0];
          return (
            <tr key={field.field}>
              <th scope="row">
                <code>{field.field}</code>
              </th>
              <td className="hg-right hg-number" data-fact>{count(field.calls)}</td>
              <td>{example && <Value of={example.before} kind="hg-was" />}</td>
              <td>{example && <Value of={example.after} kind="hg-is" />}</td>
              <td>{example && <To path={`/requests/${example.request}`}>{example.request.slice(0, 8)}</To>}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Value({ of, kind }: { of: unknown; kind: string }) {
  if (of === null || of === undefined) {
    return <span className="hg-soft">not set</span>;
  }
  const text = typeof of === "string" ? of : JSON.stringify(of);
  return (
    <code className={kind}>
      <Text>{text.length > 400 ? `${text.slice(0, 400)}…` : text}</Text>
    </code>
  );
}

function Reasons({ title, items }: { title: string; items: Schemas["Counted"][] }) {
  if (items.length === 0) {
    return null;
  }
  return (
    <>
      <h3 className="hg-part-title">{title}</h3>
      <ul>
        {items.map((each) => (
          <li key={each.reason}>
            {count(each.calls)}: <Text>{each.reason}</Text>
          </li>
        ))}
      </ul>
    </>
  );
}
