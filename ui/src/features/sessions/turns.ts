// A session as a conversation: of each trace, and each call without one, what is new in its input, and what it
// answered. Pure.

import type { Patch } from "@/shell/view";
import { type Said, answeredIn, saidIn } from "../messages/conversation";
import { exchangeOf } from "../traces/spanContent";

const SECOND_MS = 1000;

/** What a list of sessions is narrowed to: what its numbers count is narrowed likewise. */
export interface Narrowed {
  environment?: string | undefined;
  user?: string | undefined;
  to?: string | undefined;
}

/** The traces or calls of a session, whose filters are named alike, from its first on: all, or those that a list counts. */
export function partsOf(of: { session: string; project: string; started_at: string }, within: Narrowed = {}): Patch {
  return {
    session: of.session,
    project: of.project,
    environment: within.environment ?? null,
    ...(within.user ? { user: within.user } : {}),
    range: null,
    from: new Date(Date.parse(of.started_at) - SECOND_MS).toISOString(),
    to: within.to ?? new Date().toISOString(),
  };
}

/** Where what a session comes to is listed: its traces, or where calls are part of none, its calls. */
export function pathOf(of: { untraced: number }): string {
  return of.untraced > 0 ? "/requests" : "/traces";
}

/** Traces and calls of one page by time. */
export function inOrder<T extends { started_at: string }, C extends { started_at: string }>(traces: T[], calls: C[]): (T | C)[] {
  const turns: (T | C)[] = [...traces, ...calls];
  return turns.sort((one, other) => Date.parse(one.started_at) - Date.parse(other.started_at));
}

export interface Turn {
  /** What was said since the last answer; what stood before that is history. */
  asked: Said[];
  answered: Said[];
  /** How many messages of history came along. */
  history: number;
}

const ANSWERS = ["assistant", "model"];

export function turnOf(turn: { input: unknown; output: unknown }): Turn {
  const { input, output } = exchangeOf(turn, true);
  return newIn(input, output);
}

/** What a call's record says; of one that is still being asked for, nothing. */
export function turnOfCall(record: { request?: unknown; response?: unknown } | undefined): Turn {
  return newIn(saidIn(record?.request), answeredIn(record?.response));
}

function newIn(input: Said[], output: Said[]): Turn {
  const spoken = input.filter((each) => each.role !== "system" && each.role !== "developer");
  const last = spoken.findLastIndex((each) => ANSWERS.includes(each.role));
  const asked = spoken.slice(last + 1);
  // A root that ends with its own answer has said all of it already.
  return asked.length > 0 || last < 0
    ? { asked, answered: output, history: last + 1 }
    : { asked: spoken.slice(-1), answered: output, history: spoken.length - 1 };
}
