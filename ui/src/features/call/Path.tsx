import { useMemo } from "react";
import { duration, money } from "@/core/format";
import { Text } from "@/core/Text";
import { State, type Tone, toneOfStatus } from "@/core/Values";
import type { Attempt, Detail } from "./detail";
import { type Stop, stopsOf } from "./path";

/** The way of a call through the gateway, as a line from the top to the bottom, with what each step took. */
export function Path({ detail }: { detail: Detail }) {
  const stops = useMemo(() => stopsOf(detail), [detail]);
  const answered = stops.findLastIndex((each) => each.attempt !== null);
  return (
    <aside className="hg-path" aria-label="the path of the call">
      <ol>
        {stops.map((each, place) => (
          <li key={place}>
            <div className="hg-step">
              <State tone={toneOf(each, detail)}>{TITLES[each.name]}</State>
              <span className="hg-number hg-soft">{each.took ?? "–"}</span>
            </div>
            {each.target && (
              <p>
                <strong>
                  <Text>{each.target}</Text>
                </strong>
              </p>
            )}
            <Says of={each} detail={detail} />
            {each.attempt && <Tried attempt={each.attempt} />}
            {place === answered && detail.first_token_ms !== null && (
              <p>first token {duration(detail.first_token_ms)} after the call began</p>
            )}
          </li>
        ))}
      </ol>
      <p className="hg-soft hg-path-whole">
        <span>all of it</span> <span className="hg-number">{duration(detail.duration_ms)}</span>
      </p>
      {detail.steps === null && <p className="hg-soft">What its steps took was not measured.</p>}
    </aside>
  );
}

const TITLES: Record<Stop["name"], string> = {
  authenticate: "authenticate",
  read: "read",
  admit: "admit",
  reserve: "reserve",
  left_out: "left out",
  attempt: "attempt",
  wait: "wait",
  settle: "settle",
};

function toneOf(stop: Stop, detail: Detail): Tone {
  if (stop.attempt) {
    return stop.attempt.status === 0 ? "bad" : toneOfStatus(stop.attempt.status);
  }
  if (stop.isRefused) {
    return toneOfStatus(detail.status);
  }
  return stop.name === "left_out" || stop.excluded.length > 0 ? "warn" : stop.name === "wait" ? "quiet" : "good";
}

/** What happened in a step, beside the attempt that it made. */
function Says({ of, detail }: { of: Stop; detail: Detail }) {
  return (
    <>
      {of.name === "read" && (
        <p>
          {detail.dialect}, {detail.operation}
          {detail.stream ? ", streamed" : ""}
        </p>
      )}
      {of.excluded.map((each, place) => (
        <p key={place}>
          {each.target !== of.target && (
            <>
              <strong>
                <Text>{each.target}</Text>
              </strong>
              {": "}
            </>
          )}
          <Text>{each.reason}</Text>
        </p>
      ))}
      {of.name === "wait" && <p>before it is tried again</p>}
      {of.name === "settle" && <p>{detail.cost_usd === null ? "cost unknown" : money(detail.cost_usd)}</p>}
      {of.isRefused && !of.attempt && <p>it ended here: {detail.code ?? detail.status}</p>}
    </>
  );
}

function Tried({ attempt }: { attempt: Attempt }) {
  const said = [`attempt ${attempt.attempt}`, attempt.status || "no answer", attempt.code].filter(Boolean).join(", ");
  return (
    <>
      <p>
        {said}; reserved {money(attempt.reservedUsd)}, charged {money(attempt.chargedUsd)}
        {attempt.estimated ? " (estimated)" : ""}
      </p>
      {attempt.message && (
        <p>
          <Text>{attempt.message}</Text>
        </p>
      )}
    </>
  );
}
