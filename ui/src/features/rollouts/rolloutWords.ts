// Where a rollout stands and how it came there, in words and steps. Pure.

import type { Schemas } from "@/api";
import { percent, span } from "@/core/format";
import type { Step } from "@/core/Stages";
import type { Tone } from "@/core/Values";

export type Item = Schemas["RolloutItem"];
export type Move = Schemas["RolloutShown"]["moves"][number];
export type Plan = Schemas["RolloutPlan"];
export type StageOf = Plan["stages"][number];
export type Action = Schemas["NewMove"]["action"];

/** What the API says of one that fell back: it stands at no stage. */
const BACK = "back";

export const ACTIONS: Record<Move["action"], string> = {
  begin: "began",
  advance: "moved on",
  hold: "held",
  resume: "let go on",
  back: "rolled back",
};

/** Who moved it: by itself, on evidence, or a person. */
export function moverOf(move: Move, nameOf: (key: string) => string): string {
  return move.moved_by === "system" ? "by itself" : nameOf(move.moved_by);
}

/** Where it stands, in a word and a shape. */
export function standingOf(item: Item): [Tone, string] {
  if (item.stage === "") {
    return ["quiet", "begins"];
  }
  if (item.stage === BACK) {
    return ["bad", "rolled back"];
  }
  if (item.stage === item.stages.at(-1)) {
    return ["good", "at all calls"];
  }
  return item.held ? ["warn", `held at ${item.stage}`] : ["accent", `at ${item.stage}`];
}

/** What may be done with it by hand, as the API takes it; the first is what it waits for. */
export function actionsOf(item: Item): Action[] {
  if (item.stage === "" || item.stage === BACK) {
    return [];
  }
  const isLast = item.stage === item.stages.at(-1);
  return isLast ? ["back"] : ["advance", item.held ? "resume" : "hold", "back"];
}

/** The stage that comes next; empty at the last, and where it fell back. */
export function nextOf(item: Item): string {
  const place = item.stages.indexOf(item.stage);
  return place < 0 ? "" : (item.stages[place + 1] ?? "");
}

/** When a stage was come to and left; null where it was not. */
export function timesOf(stage: string, moves: readonly Move[]): { from: string | null; until: string | null; to: string } {
  const entered = moves.find((move) => move.to_stage === stage && move.from_stage !== stage);
  const left = moves.find((move) => move.from_stage === stage && move.to_stage !== stage);
  return { from: entered?.at ?? null, until: left?.at ?? null, to: left?.to_stage ?? "" };
}

export function stateOf(stage: string, item: Item, moves: readonly Move[]): Step["state"] {
  if (item.stage === stage) {
    return "here";
  }
  const { until, to } = timesOf(stage, moves);
  if (until !== null) {
    return to === BACK ? "left" : "done";
  }
  // Of a long history the oldest moves are left out: what stands before it was passed.
  const [place, here] = [item.stages.indexOf(stage), item.stages.indexOf(item.stage)];
  return here > place ? "done" : "ahead";
}

const WORDS: Record<Step["state"], string> = { done: "passed", here: "here", ahead: "to come", left: "given up" };
const HOME = "before";

/** The whole way: what was before it, then each stage. */
export function stepsOf(item: Item, plan: Plan, moves: readonly Move[], now: number): Step[] {
  const isBack = item.stage === BACK;
  const home: Step = {
    id: HOME,
    title: item.alias,
    state: isBack ? "here" : "done",
    word: isBack ? "all calls go here" : "as it was",
    note: isBack ? `for ${lastBack(moves, now)}` : "",
    share: null,
    whom: "without the candidate",
  };
  const stages = plan.stages.map((stage): Step => {
    const state = stateOf(stage.name, item, moves);
    const { from, until } = timesOf(stage.name, moves);
    const held = state === "here" && item.held;
    return {
      id: stage.name,
      title: stage.name,
      state,
      word: held ? "held here" : WORDS[state],
      note: from === null ? "" : `${span((until === null ? now : Date.parse(until)) - Date.parse(from))}`,
      share: stage.share,
      whom: whomOf(stage, plan),
    };
  });
  return [home, ...stages];
}

function lastBack(moves: readonly Move[], now: number): string {
  const back = moves.find((move) => move.to_stage === BACK);
  return back ? span(now - Date.parse(back.at)) : "a while";
}

/** Whom the candidate serves at a stage. */
function whomOf(stage: StageOf, plan: Plan): string {
  switch (stage.kind) {
    case "shadow":
      return `nobody: ${percent(stage.sampled)} of calls are compared`;
    case "share":
      return `of ${plan.unit}s`;
    case "all":
      return "of calls";
    case "internal":
      return audienceOf(plan.audience);
    default:
      return "";
  }
}

/** Who is served by the candidate before anybody else. */
export function audienceOf({ users, keys, tags }: Plan["audience"]): string {
  const said: [string, readonly string[]][] = [
    ["user", users ?? []],
    ["key", keys ?? []],
    ["tag", tags ?? []],
  ];
  return said
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => (names.length <= 2 ? `${what} ${names.join(", ")}` : `${names.length} ${what}s`))
    .join("; ");
}

/** Whether a stage holds two arms side by side, so that there are intervals; else it counts calls alone. */
export function compares(stage: StageOf): boolean {
  return stage.sampled > 0 || stage.kind === "share";
}

/** What was said when it was left, of a stage whose answers were compared call by call. */
export function wordsAtLeaving(stage: StageOf, moves: readonly Move[]): string {
  return moves.find((move) => move.from_stage === stage.name && move.to_stage !== stage.name)?.why ?? "";
}
