import { describe, expect, it } from "vitest";
import { askedOf, daysOf, DIVISORS, divisorOf, figure, saidIn } from "./experiments/planWords";

describe("what a plan is asked", () => {
  it("is nothing until a difference is said", () => {
    expect(askedOf({})).toBeNull();
    expect(askedOf({ metric: "solved" })).toBeNull();
  });
  it("is measured on feedback, or given as a share or a mean", () => {
    expect(askedOf({ effect: "0.02", metric: "solved", model: "assistant" })).toMatchObject({
      effect: 0.02,
      is_relative: false,
      metric: "solved",
      model: "assistant",
      kind: "event",
      unit: "user",
      power: 0.8,
      window_s: 604_800,
    });
    expect(askedOf({ effect: "5%", by: "rate", rate: "40 %", metric: "left over" })).toMatchObject({
      effect: 0.05,
      is_relative: true,
      rate: 0.4,
    });
    expect(askedOf({ effect: "1", by: "mean", deviation: "4", per_day: "250" })).toMatchObject({ deviation: 4, per_day: 250 });
  });
  it("is measured on sums of calls, and on ratios of two sums", () => {
    expect(askedOf({ effect: "5%", by: "calls", measure: "cost", per: "solved", metric: "left over" })).toMatchObject({
      measure: "cost",
      per: "solved",
    });
    expect(askedOf({ effect: "5%", by: "calls", measure: "cost", metric: "left over" })).not.toHaveProperty("metric");
    expect(askedOf({ effect: "1", metric: "spent", kind: "amount", per: "calls" })).toMatchObject({ metric: "spent", per: "calls" });
    expect(askedOf({ effect: "1", by: "rate", rate: "40", per: "left over" })).not.toHaveProperty("per");
  });
  it("is divided by a sum of calls, or by feedback of any other name", () => {
    expect([undefined, " ", " tokens", "sessions", "solved"].map(divisorOf)).toEqual(["none", "none", "calls", "calls", "feedback"]);
    expect(DIVISORS[divisorOf("calls")]).toBe("a sum of units' calls");
  });
  it("is what stands in the form, and nothing that all pages share", () => {
    expect(saidIn({ effect: "5%", per: "calls", range: "7d", project: "support" })).toEqual({ effect: "5%", per: "calls" });
  });
  it("says what of it is no number", () => {
    expect(askedOf({ effect: "much", metric: "solved" })).toBe("The difference is “much”, which is no number.");
    expect(askedOf({ effect: "1", by: "mean" })).toBe("The deviation is not given.");
    expect(askedOf({ effect: "1" })).toBe("no feedback is named.");
  });
});

describe("what it comes to", () => {
  it("is told in few digits", () => {
    expect([daysOf(3.14), daysOf(1234.2)]).toEqual(["3.1 days", "1,235 days"]);
    expect([figure(0.012345), figure(null), figure(1200)]).toEqual(["0.0123", "–", "1200"]);
  });
});
