import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { Facts } from "@/core/Facts";
import { Stages, type Step } from "@/core/Stages";
import { Answered } from "@/core/States";
import { Text } from "@/core/Text";
import { Moment, State } from "@/core/Values";
import { count, span } from "@/core/format";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useShared, useView } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { Back } from "../evaluation/Back";
import { callsOf } from "../experiments/experimentWords";
import { Evidence } from "./Evidence";
import { labelOf, MoveIt } from "./MoveIt";
import { ACTIONS, type Action, actionsOf, audienceOf, moverOf, nextOf, standingOf, stepsOf, timesOf } from "./rolloutWords";
import { type Shown, useRollout } from "./useRollouts";

/** One rollout: what is known in one sentence, how far it has come, on what evidence, and who moved it. */
export default function OneRollout() {
  const { rollout: name = "" } = useParams({ strict: false });
  const found = useRollout(name, useShared());
  return (
    <>
      {!found.data && <h1 className="hg-visually-hidden">One rollout</h1>}
      <Answered of={found} what="the rollout">
        {(shown) => <Page shown={shown} />}
      </Answered>
    </>
  );
}

function Page({ shown }: { shown: Shown }) {
  const { rollout, plan, moves } = shown;
  const { search } = useView();
  const steps = stepsOf(rollout, plan, moves, Date.now());
  const wanted = search["stage"] ?? rollout.stage;
  // Of one that fell back, the stage at which it did.
  const stage = plan.stages.find((each) => each.name === wanted) ?? plan.stages.find((each) => timesOf(each.name, moves).to === "back");
  return (
    <div>
      <Head shown={shown} />
      <div className="hg-rule">
        <p className="hg-verdict">
          <Text>{rollout.sentence}</Text>
        </p>
        {rollout.stage === "back" && moves[0]?.action === "begin" && (
          <p className="hg-note">
            <Text>{moves[0].why}</Text>
          </p>
        )}
        <Stages
          label={`stages of ${rollout.name}`}
          steps={steps}
          chosen={stage?.name ?? null}
          render={(step) => <StageTitle step={step} isHome={step === steps[0]} rollout={rollout.name} />}
        />
        {stage && <Evidence shown={shown} stage={stage} />}
        <History shown={shown} />
        <Plan shown={shown} />
      </div>
    </div>
  );
}

function StageTitle({ step, isHome, rollout }: { step: Step; isHome: boolean; rollout: string }) {
  if (isHome) {
    return (
      <To path="/routing" filter={{ model: step.title }}>
        <Text>{step.title}</Text>
      </To>
    );
  }
  return step.state === "ahead" ? (
    <span>{step.title}</span>
  ) : (
    <To path={`/rollouts/${encodeURIComponent(rollout)}`} filter={{ stage: step.id }}>
      {step.title}
    </To>
  );
}

function Head({ shown }: { shown: Shown }) {
  const { rollout, report } = shown;
  const mayMove = useMay("rollouts:write");
  const [doing, setDoing] = useState<Action | null>(null);
  const [tone, word] = standingOf(rollout);
  return (
    <Back path="/rollouts" to="rollouts" title={rollout.name}>
      <State tone={tone}>{word}</State>
      <span className="hg-spring" />
      {report?.first_exposure_at && (
        <To path="/requests" className="hg-button" filter={callsOf(report, null)}>
          Calls of this stage
        </To>
      )}
      {mayMove &&
        actionsOf(rollout).map((action) => (
          <button
            key={action}
            type="button"
            className={`hg-button ${action === "back" ? "hg-danger" : action === "advance" ? "hg-main" : ""}`}
            onClick={() => setDoing(action)}
          >
            {labelOf(action, nextOf(rollout))}
          </button>
        ))}
      {doing && <MoveIt shown={shown} action={doing} onClose={() => setDoing(null)} />}
    </Back>
  );
}

function History({ shown }: { shown: Shown }) {
  const nameOf = useKeyNames();
  return (
    <section className="hg-section" aria-label="history">
      <header>
        <h2>History</h2>
        <span className="hg-soft">what moved it, and why; the newest first</span>
      </header>
      {shown.moves.length === 0 ? (
        <p className="hg-soft">It begins within a second of coming into force.</p>
      ) : (
        <table className="hg-small-table hg-moves" aria-label="moves">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col">From</th>
              <th scope="col">To</th>
              <th scope="col">By</th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {shown.moves.map((move) => (
              <tr key={`${move.at} ${move.action}`}>
                <th scope="row">
                  <Moment at={move.at} />
                </th>
                <td>
                  <State tone={move.action === "back" ? "bad" : move.action === "advance" ? "good" : "quiet"}>{ACTIONS[move.action]}</State>
                </td>
                <td>{move.from_stage}</td>
                <td>{move.to_stage === move.from_stage ? <span className="hg-soft">stays</span> : move.to_stage}</td>
                <td>{moverOf(move, nameOf)}</td>
                <td>{move.why ? <Text>{move.why}</Text> : <span className="hg-soft">no reason was given</span>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Plan({ shown }: { shown: Shown }) {
  const { rollout, plan } = shown;
  const candidate = [...plan.targets, ...plan.serves];
  const first = audienceOf(plan.audience);
  return (
    <section className="hg-section" aria-label="plan">
      <header>
        <h2>What is meant</h2>
        <span className="hg-soft">as headgate.toml says it</span>
      </header>
      <Facts
        facts={[
          ["model", <To key="model" path="/requests" filter={{ model: rollout.alias }}>{rollout.alias}</To>],
          ["candidate", <Text key="to">{candidate.join(", ")}</Text>],
          ["goes first", first && <Text key="first">{first}</Text>],
          [
            "moves on",
            `once all guardrails are known to hold, for ${count(plan.units)} ${plan.unit}s of the candidate, each watched for ${span(1000 * plan.window_s)} from its first call on`,
          ],
          ["falls back", "as soon as one guardrail is known to be broken, held or not"],
          ["version", <code key="version">{rollout.version}</code>],
        ]}
      />
    </section>
  );
}
