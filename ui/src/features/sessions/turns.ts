// A session as a conversation: of each trace what is new in its input, and what it answered. Pure.

import type { Patch } from "@/shell/view";
import type { Said } from "../messages/conversation";
import { exchangeOf } from "../traces/spanContent";

const SECOND_MS = 1000;

/** The traces of a session, from its first on, whatever time one looks at. */
export function tracesOf(of: { session: string; project: string; started_at: string }): Patch {
  return {
    session: of.session,
    project: of.project,
    environment: null,
    range: null,
    from: new Date(Date.parse(of.started_at) - SECOND_MS).toISOString(),
    to: new Date().toISOString(),
  };
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
  const spoken = input.filter((each) => each.role !== "system" && each.role !== "developer");
  const last = spoken.findLastIndex((each) => ANSWERS.includes(each.role));
  const asked = spoken.slice(last + 1);
  // A root that ends with its own answer has said all of it already.
  return asked.length > 0 || last < 0
    ? { asked, answered: output, history: last + 1 }
    : { asked: spoken.slice(-1), answered: output, history: spoken.length - 1 };
}
