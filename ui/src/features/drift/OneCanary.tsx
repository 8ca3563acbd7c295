import { IconPlayerPlay } from "@tabler/icons-react";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { type Schemas, api, ask } from "@/api";
import { Problem } from "@/core/Dialogs";
import { count, percent, span } from "@/core/format";
import { Answered } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant, Money, State, type Tone } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useChange } from "@/shell/useChange";
import { useShared } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { Back } from "../evaluation/Back";
import { callsOf } from "./driftWords";
import { Evidence } from "./Evidence";
import { Phase } from "./Phase";
import { Signals } from "./Signals";
import { DRIFT, useCanary } from "./useDrift";

type Canary = Schemas["CanaryDetail"];

/** One canary: what its targets answered over time, case by case, and its last runs. */
export default function OneCanary() {
  const { canary: name = "" } = useParams({ strict: false });
  const found = useCanary(name, useShared());
  return (
    <>
      {!found.data && <h1 className="hg-visually-hidden">One canary</h1>}
      <Answered of={found} what="the canary">
        {(canary) => <Page canary={canary} />}
      </Answered>
    </>
  );
}

function Page({ canary }: { canary: Canary }) {
  return (
    <div>
      <Head canary={canary} />
      <div className="hg-rule">
        {canary.targets.map((target) => (
          <section key={target.target} className="hg-section" aria-label={target.target}>
            <header>
              <h2>
                <Text>{target.target}</Text>
              </h2>
              <Phase of={target} />
              {target.phase !== "reference" && (
                <span className="hg-soft">
                  evidence of a change <Evidence of={target} />
                </span>
              )}
            </header>
            <Signals canary={canary.name} target={target.target} />
            <Cases canary={canary} target={target.target} />
          </section>
        ))}
        <Runs canary={canary} />
      </div>
    </div>
  );
}

function Head({ canary }: { canary: Canary }) {
  const mayRun = useMay("drift:write");
  const [isAsked, setAsked] = useState(false);
  const run = useChange(
    () => ask(api.POST("/api/v1/drift/canaries/{name}/run", { params: { path: { name: canary.name } } })),
    DRIFT,
  );
  return (
    <Back path="/drift" to="drift" title={canary.name}>
      <span className="hg-soft">
        {count(canary.cases_a_run)} questions drawn from {count(canary.cases)} cases every {span(canary.every_s * 1000)}, by project {canary.project}
      </span>
      <span className="hg-spring" />
      {isAsked && (
        <span className="hg-soft" role="status">
          asked for; it begins within seconds
        </span>
      )}
      <Problem error={run.error} />
      <To path="/requests" className="hg-button" filter={{ tag: `canary:${canary.name}` }}>
        Its calls
      </To>
      {mayRun && (
        <button
          type="button"
          className="hg-button"
          disabled={run.isPending}
          onClick={() => run.mutate(undefined, { onSuccess: () => setAsked(true) })}
        >
          <IconPlayerPlay size={14} stroke={1.6} aria-hidden="true" /> Run it now
        </button>
      )}
    </Back>
  );
}

function Cases({ canary, target }: { canary: Canary; target: string }) {
  const results = canary.results.filter((each) => each.target === target);
  return results.length === 0 ? (
    <p className="hg-soft">It has answered no case yet.</p>
  ) : (
    <table className="hg-small-table hg-named" aria-label={`cases of ${target}`}>
      <thead>
        <tr>
          <th scope="col">Case</th>
          <th scope="col" className="hg-right">Answers</th>
          <th scope="col" className="hg-right">Right</th>
          <th scope="col" className="hg-right">New answers</th>
          <th scope="col" className="hg-right">Characters</th>
          <th scope="col">Last answer</th>
        </tr>
      </thead>
      <tbody>
        {results.map((each) => (
          <tr key={each.case}>
            <th scope="row">
              <Text>{each.case}</Text>
            </th>
            <td className="hg-right hg-number">
              <To path="/requests" filter={{ target, tag: `canary:${canary.name}` }}>
                {count(each.answers)}
              </To>
            </td>
            <td className="hg-right hg-number">{each.score === null ? "–" : percent(each.score)}</td>
            <td className="hg-right hg-number">{each.new_answers === null ? "–" : percent(each.new_answers)}</td>
            <td className="hg-right hg-number">{count(Math.round(each.characters))}</td>
            <td>
              <Text>{each.last_text.slice(0, 200)}</Text>
              <div className="hg-soft">
                <Instant at={each.last_at} />
              </div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const RUNS: Record<string, [Tone, string]> = {
  asked: ["quiet", "waits"],
  running: ["accent", "runs"],
  done: ["good", "done"],
  failed: ["bad", "failed: no evidence"],
  abandoned: ["warn", "broken off: no evidence"],
};

function Runs({ canary }: { canary: Canary }) {
  const nameOf = useKeyNames();
  return (
    <section className="hg-section" aria-label="last runs">
      <header>
        <h2>Last runs</h2>
      </header>
      {canary.runs.length === 0 ? (
        <p className="hg-soft">None yet; the first is due at once.</p>
      ) : (
        <table className="hg-small-table">
          <thead>
            <tr>
              <th scope="col">Due</th>
              <th scope="col">Target</th>
              <th scope="col">State</th>
              <th scope="col">Asked by</th>
              <th scope="col" className="hg-right">Answers</th>
              <th scope="col" className="hg-right">Failed</th>
              <th scope="col" className="hg-right">Cost</th>
            </tr>
          </thead>
          <tbody>
            {canary.runs.map((run) => {
              const [tone, word] = RUNS[run.state] ?? ["quiet", run.state];
              const calls = callsOf(run.target, run.started_at ?? run.due_at, run.ended_at, canary.name);
              return (
                <tr key={run.id}>
                  <th scope="row">
                    <Instant at={run.due_at} />
                  </th>
                  <td>
                    <Text>{run.target}</Text>
                  </td>
                  <td>
                    <State tone={tone}>{word}</State>
                    {run.note && <div className="hg-soft"><Text>{run.note}</Text></div>}
                  </td>
                  <td>{run.asked_by === "schedule" ? "its schedule" : nameOf(run.asked_by)}</td>
                  <td className="hg-right hg-number">
                    <To path="/requests" filter={calls}>
                      {count(run.answers)}
                    </To>
                  </td>
                  <td className="hg-right hg-number">
                    <To path="/requests" filter={{ ...calls, status: "error" }}>
                      {count(run.failed)}
                    </To>
                  </td>
                  <td className="hg-right">
                    <To path="/requests" filter={calls}>
                      <Money usd={run.cost_usd} />
                    </To>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </section>
  );
}
