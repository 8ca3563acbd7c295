import { duration, money } from "@/core/format";
import { Text } from "@/core/Text";
import { State, type Tone, toneOfStatus } from "@/core/Values";
import { type Detail, attemptsOf, excludedOf } from "./detail";

interface Step {
  name: string;
  tone: Tone;
  took: string;
  says?: React.ReactNode;
}

/** The way of a call through the gateway, as a line from the top to the bottom, with what each step took. */
export function Path({ detail }: { detail: Detail }) {
  const steps = stepsOf(detail);
  return (
    <aside className="hg-path" aria-label="the path of the call">
      <ol>
        {steps.map((step, place) => (
          <li key={place}>
            <div className="hg-step">
              <State tone={step.tone}>{step.name}</State>
              <span className="hg-number hg-soft">{step.took}</span>
            </div>
            {step.says}
          </li>
        ))}
      </ol>
    </aside>
  );
}

function stepsOf(detail: Detail): Step[] {
  const attempts = attemptsOf(detail);
  const excluded = excludedOf(detail);
  const began = Date.parse(detail.started_at);
  const first = attempts[0];
  const before = first ? Math.max(0, Date.parse(first.startedAt) - began) : null;
  const isRefused = attempts.length === 0 && detail.status >= 400;
  const steps: Step[] = [
    {
      name: "read, authenticate",
      tone: "good",
      took: before === null ? "" : duration(before),
      says: <p>{detail.dialect}, {detail.operation}{detail.stream ? ", streamed" : ""}</p>,
    },
    {
      name: "admit",
      tone: isRefused ? "warn" : "good",
      took: excluded.length > 0 ? `${excluded.length} left out` : "",
      says: excluded.map((each, place) => (
        <p key={place}>
          <strong>
            <Text>{each.target}</Text>
          </strong>
          : <Text>{each.reason}</Text>
        </p>
      )),
    },
  ];
  for (const attempt of attempts) {
    steps.push({
      name: attempt.target,
      tone: attempt.status === 0 ? "bad" : toneOfStatus(attempt.status),
      took: duration(attempt.durationMs),
      says: (
        <>
          <p>
            {[`attempt ${attempt.attempt}`, attempt.status || "no answer", attempt.code].filter(Boolean).join(", ")}; reserved{" "}
            {money(attempt.reservedUsd)}, charged {money(attempt.chargedUsd)}
            {attempt.estimated ? " (estimated)" : ""}
          </p>
          {attempt.message && (
            <p>
              <Text>{attempt.message}</Text>
            </p>
          )}
        </>
      ),
    });
  }
  if (detail.first_token_ms !== null) {
    steps.push({ name: "first token", tone: "quiet", took: `after ${duration(detail.first_token_ms)}` });
  }
  steps.push({
    name: isRefused ? "refused" : "settled",
    tone: toneOfStatus(detail.status),
    took: `after ${duration(detail.duration_ms)}`,
    says: detail.cost_usd === null ? <p>cost unknown</p> : <p>{money(detail.cost_usd)}</p>,
  });
  return steps;
}
