import { describe, expect, it } from "vitest";
import { actionsOf, audienceOf, type Item, type Move, nextOf, type Plan, standingOf, stateOf, stepsOf } from "./rollouts/rolloutWords";

const STAGES = ["internal", "5 %", "25 %", "all"];
const NOW = Date.parse("2026-01-02T00:00:00Z");

function item(stage: string, held = false): Item {
  return { name: "smaller", alias: "assistant", version: "v1", stage, stages: STAGES, held, sentence: "So far.", back: null };
}

function move(action: Move["action"], from: string, to: string, at: string): Move {
  return { at: `2026-01-0${at}Z`, action, moved_by: "system", from_stage: from, to_stage: to, why: "" };
}

const PLAN: Plan = {
  stages: STAGES.map((name, place) => ({
    name,
    kind: name === "internal" ? "internal" : name === "all" ? "all" : "share",
    share: [null, 0.05, 0.25, 1][place] ?? null,
    experiment: "rollout:smaller",
    version: `e${place}`,
    sampled: 0,
  })),
  targets: ["mock/small"],
  serves: [],
  audience: { users: ["ann"], keys: [], tags: ["a", "b", "c"] },
  unit: "user",
  units: 200,
  window_s: 600,
};

const MOVES = [
  move("hold", "5 %", "5 %", "1T20:00:00"),
  move("advance", "internal", "5 %", "1T12:00:00"),
  move("begin", "", "internal", "1T00:00:00"),
];
const FELL = [move("back", "5 %", "back", "1T18:00:00"), ...MOVES.slice(1)];

describe("where a rollout stands", () => {
  it("is said in a word", () => {
    expect(standingOf(item(""))).toEqual(["quiet", "begins"]);
    expect(standingOf(item("5 %"))).toEqual(["accent", "at 5 %"]);
    expect(standingOf(item("5 %", true))).toEqual(["warn", "held at 5 %"]);
    expect(standingOf(item("all"))).toEqual(["good", "at all calls"]);
    expect(standingOf(item("back"))).toEqual(["bad", "rolled back"]);
  });
  it("says what may be done", () => {
    expect(actionsOf(item("5 %"))).toEqual(["advance", "hold", "back"]);
    expect(actionsOf(item("5 %", true))).toEqual(["advance", "resume", "back"]);
    expect(actionsOf(item("all"))).toEqual(["back"]);
    expect(actionsOf(item("back"))).toEqual([]);
    expect(actionsOf(item(""))).toEqual([]);
    expect([nextOf(item("5 %")), nextOf(item("all")), nextOf(item("back"))]).toEqual(["25 %", "", ""]);
  });
});

describe("the way of a rollout", () => {
  it("has what was before it, and each stage with how long it took", () => {
    const steps = stepsOf(item("5 %"), PLAN, MOVES, NOW);
    expect(steps.map((step) => [step.title, step.state, step.note])).toEqual([
      ["assistant", "done", ""],
      ["internal", "done", "12 hours"],
      ["5 %", "here", "12 hours"],
      ["25 %", "ahead", ""],
      ["all", "ahead", ""],
    ]);
    expect(steps.map((step) => step.share)).toEqual([null, null, 0.05, 0.25, 1]);
  });
  it("says where it fell back", () => {
    const steps = stepsOf(item("back"), PLAN, FELL, NOW);
    expect(steps.map((step) => step.state)).toEqual(["here", "done", "left", "ahead", "ahead"]);
    expect(steps[0]?.note).toBe("for 6 hours");
  });
  it("is known without its oldest moves", () => {
    expect(STAGES.map((stage) => stateOf(stage, item("25 %"), []))).toEqual(["done", "done", "here", "ahead"]);
  });
  it("names who goes first", () => {
    expect(audienceOf(PLAN.audience)).toBe("user ann; 3 tags");
  });
});
