// The way of a call through the gateway, step by step, as its record tells it. Pure.

import { duration, tookMicroseconds } from "@/core/format";
import { type Attempt, attemptsOf, type Detail, type Excluded, excludedOf } from "./detail";

type Name = NonNullable<Detail["steps"]>[number]["step"];

export interface Stop {
  name: Name;
  /** How long it took; null where that was not measured. */
  took: string | null;
  target: string;
  attempt: Attempt | null;
  /** The targets that were left out in it, each with its reason. */
  excluded: Excluded[];
  /** Whether the call ended in it, before an answer could be settled. */
  isRefused: boolean;
}

/** The stops of a call. A record from before steps were measured has its attempts, and what every call passes. */
export function stopsOf(detail: Detail): Stop[] {
  const stops = detail.steps === null ? unmeasured(detail) : measured(detail, detail.steps);
  const last = stops.at(-1);
  if (last && last.name !== "settle" && detail.status >= 400) {
    last.isRefused = true;
  }
  return stops;
}

function stop(name: Name, took: string | null, parts: Partial<Stop> = {}): Stop {
  return { name, took, target: "", attempt: null, excluded: [], isRefused: false, ...parts };
}

function measured(detail: Detail, steps: NonNullable<Detail["steps"]>): Stop[] {
  const attempts = attemptsOf(detail);
  const excluded = excludedOf(detail);
  // What can't be reserved for is left out after what is not admitted.
  const later = excluded.splice(Math.max(0, excluded.length - steps.filter((each) => each.step === "left_out").length));
  return steps.map((each) => {
    const found = each.step === "attempt" ? (attempts.find((one) => one.attempt === each.attempt) ?? null) : null;
    const left = each.step === "admit" ? excluded : each.step === "left_out" ? later.splice(0, 1) : [];
    return stop(each.step, tookMicroseconds(each.duration_us), { target: each.target ?? "", attempt: found, excluded: left });
  });
}

function unmeasured(detail: Detail): Stop[] {
  const tried = attemptsOf(detail).map((attempt) =>
    stop("attempt", duration(attempt.durationMs), { target: attempt.target, attempt }),
  );
  const before = [stop("authenticate", null), stop("read", null), stop("admit", null, { excluded: excludedOf(detail) })];
  return tried.length > 0 ? [...before, ...tried, stop("settle", null)] : before;
}
