import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask } from "@/api";
import { Confirm, Field } from "@/core/Dialogs";
import { Facts } from "@/core/Facts";
import { count } from "@/core/format";
import { Answered } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant, State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useChange } from "@/shell/useChange";
import { useKeyNames } from "../access/useKeys";
import { Back } from "../evaluation/Back";
import { type Alarm, callsOf, canaryOf, figureOf, KINDS, SIGNALS, watchOf } from "./driftWords";
import { DRIFT, useAlarm } from "./useDrift";

/** One alarm: what changed, since when, how sure that is, and what it touches. */
export default function OneAlarm() {
  const { alarm: id = "" } = useParams({ strict: false });
  const found = useAlarm(id);
  return (
    <>
      {!found.data && <h1 className="hg-visually-hidden">One alarm</h1>}
      <Answered of={found} what="the alarm">
        {(alarm) => <Page alarm={alarm} />}
      </Answered>
    </>
  );
}

function Page({ alarm }: { alarm: Alarm }) {
  const [isAsking, setAsking] = useState(false);
  const mayAcknowledge = useMay("drift:write");
  const nameOf = useKeyNames();
  const canary = canaryOf(alarm);
  const watch = watchOf(alarm);
  return (
    <div>
      <Back path="/drift" to="drift" title={alarm.target}>
        {alarm.acknowledged_at ? <State tone="quiet">acknowledged</State> : <State tone="bad">open</State>}
        <span className="hg-spring" />
        <To path="/requests" className="hg-button" filter={callsOf(alarm.target, alarm.since, alarm.at, canary)}>
          Calls since it changed
        </To>
        {mayAcknowledge && !alarm.acknowledged_at && (
          <button type="button" className="hg-button hg-main" onClick={() => setAsking(true)}>
            Acknowledge
          </button>
        )}
      </Back>
      <div className="hg-rule">
        <p className="hg-said-first">
          <Text>{alarm.sentence}</Text>
        </p>
        <Facts
          facts={[
            ["since about", <Instant key="since" at={alarm.since} />],
            ["told", <Instant key="at" at={alarm.at} />],
            ["how sure", alarm.how_sure],
            [
              "seen in",
              canary ? (
                <To key="canary" path={`/drift/canaries/${encodeURIComponent(canary)}`}>
                  the canary {canary}
                </To>
              ) : watch ? (
                <To key="watch" path={`/drift/traffic/${watch}`}>
                  live traffic
                </To>
              ) : (
                (KINDS[alarm.kind] ?? alarm.kind)
              ),
            ],
            ["project", alarm.project],
            [
              "acknowledged",
              alarm.acknowledged_at && (
                <span key="by">
                  <Instant at={alarm.acknowledged_at} /> <span className="hg-soft">by {nameOf(alarm.acknowledged_by ?? "")}</span>
                </span>
              ),
            ],
            ["why", alarm.note && <Text key="note">{alarm.note}</Text>],
          ]}
        />
        <Changed alarm={alarm} />
        <ByHand alarm={alarm} />
        <Touches alarm={alarm} />
      </div>
      {isAsking && <Acknowledge alarm={alarm} onClose={() => setAsking(false)} />}
    </div>
  );
}

function Changed({ alarm }: { alarm: Alarm }) {
  const canary = canaryOf(alarm);
  return alarm.changes.length === 0 ? null : (
    <section className="hg-section" aria-label="what changed">
      <header>
        <h2>What changed</h2>
        <span className="hg-soft">means with their intervals (95 %), as of one look</span>
      </header>
      <table className="hg-small-table">
        <thead>
          <tr>
            <th scope="col">Signal</th>
            <th scope="col">Before</th>
            <th scope="col">Since</th>
            <th scope="col" className="hg-right">Answers before</th>
            <th scope="col" className="hg-right">Since</th>
          </tr>
        </thead>
        <tbody>
          {alarm.changes.map((each) => (
            <tr key={each.signal + each.side}>
              <th scope="row">{SIGNALS[each.signal] ?? each.signal}</th>
              {([each.before, each.after] as const).map((figure, place) => (
                <td key={place} className="hg-number">
                  {figureOf(each.signal, figure)}
                  {figure.note && <div className="hg-soft"><Text>{figure.note}</Text></div>}
                </td>
              ))}
              <td className="hg-right hg-number">{count(each.before.n)}</td>
              <td className="hg-right hg-number">
                <To path="/requests" filter={callsOf(alarm.target, alarm.since, alarm.at, canary)}>
                  {count(each.after.n)}
                </To>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function ByHand({ alarm }: { alarm: Alarm }) {
  return alarm.by_hand.length === 0 ? null : (
    <section className="hg-section" aria-label="what people changed">
      <header>
        <h2>What people changed around that time</h2>
        <span className="hg-soft">the change may be ours</span>
      </header>
      <ul className="hg-plain">
        {alarm.by_hand.map((each) => (
          <li key={each}>
            <Text>{each}</Text>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Touches({ alarm }: { alarm: Alarm }) {
  return (
    <section className="hg-section" aria-label="what it touches">
      <header>
        <h2>What it touches</h2>
        <span className="hg-soft">what asked this target in the thirty days before</span>
      </header>
      {alarm.touches.length === 0 ? (
        <p className="hg-soft">No call of an application asked it.</p>
      ) : (
        <table className="hg-small-table">
          <thead>
            <tr>
              <th scope="col">Model</th>
              <th scope="col">Prompt</th>
              <th scope="col">Release</th>
              <th scope="col">Project</th>
              <th scope="col" className="hg-right">Calls</th>
            </tr>
          </thead>
          <tbody>
            {alarm.touches.map((each) => {
              const calls = {
                ...callsOf(alarm.target, new Date(Date.parse(alarm.at) - 30 * 86_400_000).toISOString(), alarm.at, null),
                project: each.project,
                model: each.model,
                ...(each.prompt ? { prompt: each.prompt } : {}),
                ...(each.release ? { release: each.release } : {}),
              };
              return (
                <tr key={`${each.project} ${each.model} ${each.prompt} ${each.release}`}>
                  <th scope="row">
                    <Text>{each.model}</Text>
                  </th>
                  <td>
                    {each.prompt && (
                      <To path={`/prompts/${encodeURIComponent(each.prompt)}`} filter={{ of: each.project }}>
                        <Text>{each.prompt}</Text>
                      </To>
                    )}
                  </td>
                  <td>{each.release && <To path={`/releases/${each.release}`}>{each.release.slice(0, 8)}</To>}</td>
                  <td>{each.project}</td>
                  <td className="hg-right hg-number">
                    <To path="/requests" filter={calls}>
                      {count(each.calls)}
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

function Acknowledge({ alarm, onClose }: { alarm: Alarm; onClose: () => void }) {
  const [note, setNote] = useState("");
  const done = useChange(
    () =>
      ask(
        api.POST("/api/v1/drift/alarms/{alarm_id}/acknowledge", {
          params: { path: { alarm_id: Number(alarm.id) } },
          body: { note: note.trim() },
        }),
      ),
    DRIFT,
  );
  return (
    <Confirm
      title="Acknowledge the alarm"
      isOpen
      onClose={onClose}
      label="Acknowledge it"
      isBusy={done.isPending}
      isReady={note.trim() !== ""}
      error={done.error}
      onConfirm={() => done.mutate(undefined, { onSuccess: onClose })}
    >
      <p>From here on its watch learns anew what is usual: what {alarm.target} answers now is no news any more.</p>
      <Field label="Reason" hint="stands with the alarm and in the audit">
        <textarea className="hg-input" value={note} maxLength={2000} onChange={(event) => setNote(event.currentTarget.value)} data-autofocus required />
      </Field>
    </Confirm>
  );
}
