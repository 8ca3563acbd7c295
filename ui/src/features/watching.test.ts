import { describe, expect, it } from "vitest";
import { counts } from "./budgets/scope";
import { callsOfWatch, mostOf, usualOf, type Watch, watchOf } from "./drift/driftWords";
import { digits, wayOf } from "./drift/Evidence";
import { bandOf } from "./drift/usual";
import { barsOf, groupingOf } from "./overview/grouping";

const SIGNAL: Watch["signals"][number] = {
  signal: "tokens",
  words: "tokens an answer",
  is_share: false,
  latest: 410,
  usual_low: 180,
  usual_high: 260,
  evidence_up: 900,
  evidence_down: 0.2,
};
const WATCH = {
  id: "0f3a",
  target: "claude/sonnet",
  project: "default",
  model: "writer",
  prompt: "greeting@3, tone@1",
  release: "",
  since: "2026-01-01T00:00:00Z",
  last_hour: "2026-01-05T07:00:00Z",
  signals: [SIGNAL, { ...SIGNAL, signal: "errors", evidence_up: 2 }],
} as unknown as Watch;

describe("a watch of live traffic", () => {
  it("names what speaks most for a change", () => {
    expect(mostOf(WATCH)).toBe("tokens an answer, more");
    expect(mostOf({ ...WATCH, signals: [{ ...SIGNAL, evidence_up: 0.4 }] })).toBe("");
  });
  it("says what is usual as far as it is watched", () => {
    expect(usualOf(SIGNAL)).toBe("180 to 260");
    expect(usualOf({ ...SIGNAL, usual_low: null })).toBe("up to 260");
    expect(usualOf({ ...SIGNAL, usual_high: null })).toBe("from 180");
    expect(usualOf({ ...SIGNAL, usual_low: null, usual_high: null })).toBe("–");
  });
  it("leads to its calls, to the end of its last hour", () => {
    const found = callsOfWatch(WATCH);
    expect(found).toMatchObject({ target: "claude/sonnet", model: "writer", prompt: "greeting", prompt_version: "3", release: null });
    expect(found["to"]).toBe("2026-01-05T08:00:00.000Z");
  });
  it("is what an alarm of traffic is of", () => {
    const alarm = { kind: "traffic", watch: "traffic/claude/sonnet/0f3a" } as Parameters<typeof watchOf>[0];
    expect(watchOf(alarm)).toBe("0f3a");
    expect(watchOf({ ...alarm, kind: "served" })).toBeNull();
  });
});

describe("evidence", () => {
  it("is on its way to an alarm by factors", () => {
    expect(wayOf(0.5, 10_000)).toBe(0);
    expect(wayOf(100, 10_000)).toBeCloseTo(0.5);
    expect(wayOf(1e9, 10_000)).toBe(1);
    expect(digits(1234.5)).toBe("1,235");
  });
  it("has a band where both ends are watched, an edge where one is", () => {
    expect(bandOf("tokens", [1, 2], 3, 4).bands).toEqual([{ low: 1, high: 2, colour: "green" }]);
    expect(bandOf("tokens", [1, 2], 3, null).lines.map((line) => line.label)).toEqual(["tokens", "usual from"]);
    expect(bandOf("tokens", [1, 2], null, null).lines).toHaveLength(1);
  });
});

describe("the overview by what one asks", () => {
  it("knows what can be asked for", () => {
    expect([groupingOf("model"), groupingOf("user"), groupingOf("nonsense"), groupingOf("")]).toEqual(["model", "user", null, null]);
  });
  it("holds users against the largest of them", () => {
    const found = barsOf([
      { user: "anna", requests: 4, cost_usd: "2" },
      { user: null, requests: 8, cost_usd: null },
    ]);
    expect(found).toEqual([
      { user: "anna", calls: 4, cost: "2", callShare: 0.5, costShare: 1 },
      { user: "", calls: 8, cost: null, callShare: 1, costShare: 0 },
    ]);
    expect(barsOf([])).toEqual([]);
  });
});

describe("a budget", () => {
  const call = { project: "default", key: "k1", user: null, model: "assistant", target: "mock/small", tags: ["team:mail"] };
  const of = (scope: Record<string, string>, key: string | null = null) => counts({ scope, key } as Parameters<typeof counts>[0], call);
  it("counts a call where all of its scope matches", () => {
    expect(of({})).toBe(true);
    expect(of({ provider: "mock", tag: "team:mail" })).toBe(true);
    expect(of({ model: "assistant" })).toBe(true);
    expect(of({ model: "mock/small" })).toBe(true);
    expect(of({ user: "k1" })).toBe(true);
    expect(of({ user: "*" })).toBe(true);
    expect(of({ project: "default", provider: "claude" })).toBe(false);
    expect(of({}, "k2")).toBe(false);
  });
});
