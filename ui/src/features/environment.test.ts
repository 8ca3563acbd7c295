import { describe, expect, it } from "vitest";
import { callsOf } from "./budgets/scope";
import type { Budget } from "./budgets/burn";
import { summedOf } from "./requests/useCounts";
import { keptWithin } from "./series/kept";
import { choicesOf, dimensionOf, filterNameOf, nextOf, withinOf } from "./spend/within";

describe("what of all spend is looked at", () => {
  it("has a provider as a filter of targets, whose targets can still be told apart", () => {
    expect(filterNameOf("provider")).toBe("target");
    expect([dimensionOf("target", "openai"), dimensionOf("target", "openai/large")]).toEqual(["provider", "target"]);
    const provider = withinOf({ target: "openai", range: "7d" });
    expect(provider).toEqual({ target: "openai" });
    expect(choicesOf(provider, undefined)).toContain("target");
    expect(choicesOf(provider, undefined)).not.toContain("provider");
    const target = choicesOf({ target: "openai/large" }, undefined);
    expect(target).not.toContain("target");
    expect(target).not.toContain("provider");
  });

  it("leaves the environment to the frame, and what knows none away", () => {
    expect(withinOf({ environment: "staging", model: "m" })).toEqual({ model: "m" });
    expect(choicesOf({}, undefined)).toContain("user");
    expect(choicesOf({}, "staging")).not.toContain("user");
    expect(choicesOf({}, "staging")).toContain("environment");
    expect(nextOf("environment", { environment: "staging" })).toBe("model");
    expect(nextOf("model", { model: "m", target: "openai" })).toBe("target");
  });
});

describe("what stands while more is asked for", () => {
  it("is of the same groups, whatever the time", () => {
    const before = { queryKey: ["series", "24h", "model"] };
    expect(keptWithin("model")(["lines"], before)).toEqual(["lines"]);
    expect(keptWithin("user")(["lines"], before)).toBeUndefined();
    expect(keptWithin("")(["lines"], undefined)).toBeUndefined();
  });
});

describe("the environment", () => {
  const view = { project: undefined, environment: "staging", range: "24h", from: undefined, to: undefined, isLive: false };

  it("is one of what sums know of a list", () => {
    expect(summedOf(view, { model: "m", status: "5xx" })).toEqual({ latencies: "no", environment: "staging", model: "m" });
    expect(summedOf(view, { user: "anna" })).toBeNull();
  });

  it("is none of a budget's, whose calls are those of all", () => {
    const budget = { scope: { provider: "openai" }, window_start: "2026-01-01T00:00:00Z" } as unknown as Budget;
    expect(callsOf(budget, 0)).toMatchObject({ environment: null, target: "openai" });
  });
});
