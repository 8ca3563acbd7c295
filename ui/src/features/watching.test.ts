import { describe, expect, it } from "vitest";
import { counts } from "./budgets/scope";
import { callsOfWatch, mostOf, usualOf, type Watch, watchOf } from "./drift/driftWords";
import { digits, wayOf } from "./drift/Evidence";
import { bandOf } from "./drift/usual";
import { barsOf, callsOf, errorsOf, groupingOf, latencyOf } from "./overview/grouping";
import { countedTime, since, wholeDays } from "./series/byDay";

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
      { value: "anna", calls: 4, cost: "2", callShare: 0.5, costShare: 1 },
      { value: "", calls: 8, cost: null, callShare: 1, costShare: 0 },
    ]);
    expect(barsOf([])).toEqual([]);
  });
  it("counts users by whole days", () => {
    const time = { from: "2026-03-01T07:30:00.000Z", to: "2026-03-02T00:00:00.000Z" };
    expect(wholeDays(time)).toEqual({ from: "2026-03-01T00:00:00.000Z", to: "2026-03-02T00:00:00.000Z" });
    expect(wholeDays({ from: "2026-03-01", to: "2026-03-02T00:00:01Z" }).to).toBe("2026-03-03T00:00:00.000Z");
  });
  it("leads to the calls that were counted, and says nothing of those before", () => {
    const found = { begin: "2026-03-01T00:00:00Z", end: "2026-03-04T00:00:00Z", counted_from: null as string | null };
    expect(countedTime("model", found)).toEqual({});
    expect(countedTime("user", found)).toEqual({ from: found.begin, to: found.end, range: null });
    const cut = { ...found, counted_from: "2026-03-02T07:00:00Z", at: ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z"] };
    expect(countedTime("tag", cut)["from"]).toBe(cut.counted_from);
    expect(since(cut, [1, 2, 3])).toEqual([null, 2, 3]);
    expect(since({ ...cut, counted_from: null }, [1, 2, 3])).toEqual([1, 2, 3]);
  });
  it("takes no status that nobody knows for an answer", () => {
    const group = { ok: [1, 1], client_errors: [2, 0], server_errors: [1, 0], unknown: [0, 5] };
    expect(callsOf(group)).toEqual([4, 6]);
    expect(errorsOf(group)).toEqual([3, null]);
  });
  it("keeps which latency one looks at", () => {
    expect([latencyOf("p99"), latencyOf("first_p50"), latencyOf("toString"), latencyOf(undefined)]).toEqual(["p99", "first_p50", "p95", "p95"]);
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
