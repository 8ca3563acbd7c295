import { describe, expect, it } from "vitest";
import { branchesOf as placed, fitted } from "@/core/flow";
import { nounsOf } from "./access/grants";
import { bodyOf, EMPTY_KEY, listed } from "./access/keyForm";
import { amountOf, countsOf, type Difference, type Move, partsOf, releaseBefore, sidesOf, stretchesOf } from "./releases/releaseWords";
import { branchesOf, type Model, sentenceOf } from "./routing/picture";
import { bodyOf as ruleBodyOf, draftOf, NEW } from "./routing/ruleDraft";
import { actionsOf, matchOf, type Rule } from "./routing/ruleWords";
import { keyFor, saidIn } from "./routing/testCall";
import { rowsOf, shownAs } from "./settings/changes";

describe("the form of a key", () => {
  it("says only what was filled in", () => {
    expect(bodyOf({ ...EMPTY_KEY, name: " app " })).toEqual({ name: "app", role: "member" });
  });

  it("takes lists apart and names the budget as budgets may be named", () => {
    const body = bodyOf({ ...EMPTY_KEY, name: "my app!", models: "a, b*,,", tags: " x ", limit: "10", window: "day", mayAssert: true });
    expect(body.models).toEqual(["a", "b*"]);
    expect(body.tags).toEqual(["x"]);
    expect(body.may_assert).toBe(true);
    expect(body.budgets).toEqual([{ name: "my-app-", limit: "10 USD", window: "day" }]);
    expect(listed(" , ")).toEqual([]);
  });
});

describe("grants", () => {
  it("stand by noun, with what most may do first", () => {
    const rows = nounsOf([["audit:read", "keys:write", "keys:read"], ["keys:read"]]);
    expect(rows).toEqual([
      { noun: "keys", cells: [["read", "write"], ["read"]] },
      { noun: "audit", cells: [["read"], []] },
    ]);
  });
});

const move = (action: string, release: string | null, at: string): Move => ({ action, release, at, previous: null, actor: "k", why: "" });

describe("an environment", () => {
  const moves = [
    move("promote", "c", "2026-01-03T00:00:00Z"),
    move("clear", null, "2026-01-02T00:00:00Z"),
    move("promote", "a", "2026-01-01T00:00:00Z"),
  ];

  it("shows what held when, up to now", () => {
    const end = Date.parse("2026-01-04T00:00:00Z");
    const found = stretchesOf(moves, Date.parse("2026-01-01T12:00:00Z"), end, (id) => id.toUpperCase());
    expect(found.map((each) => [each.title, each.isEmpty, each.isLast])).toEqual([
      ["A", false, false],
      ["no release", true, false],
      ["C", false, true],
    ]);
    expect(found[2]?.to).toBe(end);
    expect(stretchesOf(moves, end - 1000, end, (id) => id)).toHaveLength(1);
  });

  it("goes back to what stood before, and not to what it was rolled back from", () => {
    expect(releaseBefore([move("promote", "a", "1")])).toBeNull();
    expect(releaseBefore([move("promote", "b", "2"), move("promote", "a", "1")])).toBe("a");
    const rolled = [move("rollback", "b", "4"), move("promote", "c", "3"), move("promote", "b", "2"), move("promote", "a", "1")];
    expect(releaseBefore(rolled)).toBe("a");
    expect(releaseBefore(moves)).toBe("a");
  });
});

describe("two releases", () => {
  const difference = (part: Difference["part"], name: string): Difference => ({ part, name, how: "changed", before: 1, after: 2, diff: "" });

  it("have a diff of two sides", () => {
    const { before, after } = sidesOf("@@ -1,2 +1,2 @@\n same\n-old\n+new\n@@ -9 +9 @@\n-x\n+y");
    expect(before).toBe("same\nold\n⋯\nx");
    expect(after).toBe("same\nnew\n⋯\ny");
  });

  it("say how many of what differ, prompts first", () => {
    const all = [difference("dependencies", "a"), difference("prompts", "b"), difference("dependencies", "c"), difference("rules", "d")];
    expect(countsOf(all)).toBe("1 prompt, 1 rule, 2 dependencies");
    expect(partsOf(all).map((each) => each.title)).toEqual(["Prompts in code", "Rules", "Dependencies"]);
    expect(countsOf([])).toBe("");
  });

  it("measure in units, changes with their sign", () => {
    expect(amountOf(0.048, "share")).toBe("4.8 %");
    expect(amountOf(-0.03, "share", true)).toBe("-3.0 points");
    expect(amountOf("0.0006", "usd", true)).toBe("+$0.0006");
    expect(amountOf(-404, "ms", true)).toBe("−404 ms");
    expect(amountOf(null, "ms")).toBe("?");
  });
});

const target = (name: string, more: object): object => ({
  target: name, weight: 1, price: null, context_window: null, max_output: null, state: "closed", latency_ms: 20,
  calls_in_flight: 0, regions: ["eu"], excluded: null, ...more,
});
const model = (strategy: string, details: object[]): Model =>
  ({ id: "m", strategy, attempts: 2, targets: details.map((_, place) => `t${place}`), details }) as unknown as Model;

describe("the picture of a model", () => {
  it("shares weights among those that calls may go to", () => {
    const found = branchesOf(model("weighted", [target("a", { weight: 3 }), target("b", {}), target("c", { weight: 6, excluded: "no region" })]));
    expect(found.map((each) => each.said)).toEqual(["75 %", "25 %", ""]);
    expect(found[0]?.weight).toBeGreaterThan(found[1]?.weight ?? 1);
  });

  it("says in words what it shows", () => {
    const words = sentenceOf(model("fallback", [target("a", { state: "open" }), target("b", { excluded: "it processes in us" })]));
    expect(words).toContain("a, first: given a rest");
    expect(words).toContain("b is excluded: it processes in us");
  });

  it("places each branch in a row of its own, and cuts what is too long", () => {
    const rows = placed(["a", "b"], { row: 50, box: 40, from: 0, to: 100 });
    expect(rows.map((each) => each.middle)).toEqual([25, 75]);
    expect(rows[0]?.path.startsWith("M0 50C")).toBe(true);
    expect(fitted("a".repeat(100), 64)).toHaveLength(10);
    expect(fitted("short", 100)).toBe("short");
  });
});

describe("a test call", () => {
  it("has a key for this target alone that soon ends", () => {
    const now = new Date("2026-01-01T00:00:00Z");
    const body = keyFor("mock/small", null, now);
    expect(body).toMatchObject({ role: "member", models: ["mock/small"], expires_at: "2026-01-01T00:02:00.000Z" });
    expect(body).not.toHaveProperty("project");
    expect(keyFor("mock/small", "clinic", now).project).toBe("clinic");
  });

  it("reads what was answered, whatever that is", () => {
    expect(saidIn({ choices: [{ message: { content: "OK" } }] })).toBe("OK");
    for (const odd of [null, {}, { choices: [] }, { choices: [{}] }, { choices: [{ message: { content: 3 } }] }]) {
      expect(saidIn(odd)).toBe("");
    }
  });
});

describe("a rule", () => {
  it("says in words which calls and what in them", () => {
    const rule = {
      match: { project: "p", headers: { "x-team": "one" } },
      set: { temperature: 0.1 }, remove: ["seed"], clamp: { max_output: { most: 9 }, n: { least: 1, most: 2 } },
      replace: [{ old: "a", new: "b" }], model: "mock/small",
    } as unknown as Rule;
    expect(matchOf(rule)).toEqual(["project p", "x-team: one"]);
    expect(actionsOf(rule)).toEqual([
      "temperature becomes 0.1", "seed is taken out", "max_output is at most 9", "n is kept from 1 to 2",
      "“a” becomes “b”", "the call goes to mock/small",
    ]);
  });
});

describe("a rule in a form", () => {
  it("says of headers what is written, and nothing of lines without a name", () => {
    const draft = { ...NEW, headers: [{ name: " x-team ", value: " one " }, { name: "", value: "two" }] };
    expect(ruleBodyOf(draft)["match"]).toEqual({ headers: { "x-team": "one" } });
    expect(ruleBodyOf(NEW)["match"]).toEqual({});
    const rule = { name: "r", match: { headers: { "x-team": "one" } }, set: {}, clamp: {}, remove: [], replace: [], share: 1, note: "" };
    expect(draftOf(rule as unknown as Rule).headers).toEqual([{ name: "x-team", value: "one" }]);
  });
});

describe("changes of the configuration", () => {
  it("take apart what comes or goes as a whole", () => {
    const rows = rowsOf([
      { change: "added", path: "models.a", old: null, new: { strategy: "fallback", targets: ["b/c"] }, note: "" },
      { change: "changed", path: "budgets.b.limit", old: "1 USD", new: "2 USD", note: "what was spent stays" },
    ]);
    expect(rows.map((each) => each.path)).toEqual(["models.a.strategy", "models.a.targets", "budgets.b.limit"]);
    expect(rows[2]?.note).toBe("what was spent stays");
    expect(shownAs(["b/c"])).toBe('[ "b/c" ]');
    expect(shownAs(undefined)).toBeNull();
  });
});
