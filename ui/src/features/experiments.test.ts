import { describe, expect, it } from "vitest";
import { reachOf } from "@/core/Closing";
import { runsOf } from "@/core/runs";
import { callsBehind, callsOf, changeOf, daysOf, type Metric, type Report, spanOf, valueOf, waitsWords } from "./experiments/experimentWords";

describe("numbers of metrics", () => {
  it("are written in their scale", () => {
    expect(valueOf(52.349, "points")).toBe("52.3 %");
    expect(valueOf(null, "ms")).toBe("–");
    expect(changeOf(2.104, "points")).toBe("+2.1 points");
    expect(changeOf(-0.00042, "USD")).toBe("−$0.00042");
    expect(changeOf(0, "")).toBe("0");
    expect(spanOf(-1, 2.5, "points")).toBe("−1 to +2.5 points");
    expect(spanOf(-100, 1500, "ms")).toBe("−100 ms to +1.50 s");
    expect(daysOf(7)).toBe("7 days");
    expect(daysOf(1 / 86_400)).toBe("1 second");
  });
});

describe("units of a metric that waits for what comes late", () => {
  const report = { arms: [{ name: "now", complete: 200 }, { name: "new", complete: 190 }] } as Report;
  it("are told where they are fewer than those whose window is over", () => {
    const metric = { complete: { now: 20, new: 10 }, arrives_days: 1 } as unknown as Metric;
    expect(waitsWords(metric, report)).toBe("Complete units so far: 20 of now, 10 of new. It waits 1 day beyond the window, for what comes late.");
    expect(waitsWords({ complete: { now: 200, new: 190 }, arrives_days: 1 } as unknown as Metric, report)).toBe("");
    expect(waitsWords({ complete: {}, arrives_days: 0 } as unknown as Metric, report)).toBe("");
  });
});

describe("the calls behind", () => {
  const report = { version: "v1", first_exposure_at: "2026-01-01T00:10:00Z", started_at: "2026-01-01T00:00:00Z" } as Report;
  it("are all of an arm, whatever one looks at", () => {
    const found = callsOf(report, "2026-01-09T00:00:00Z", { arm: "new" });
    expect(found).toMatchObject({ experiment: "v1", arm: "new", project: null, range: null, to: "2026-01-09T00:00:00Z" });
    expect(found["from"]).toBe("2026-01-01T00:09:00.000Z");
  });
  it("are those that failed, for errors", () => {
    expect(callsBehind({ measure: "errors" } as Metric, "now")).toEqual({ arm: "now", status: "error" });
  });
});

describe("an interval over time", () => {
  it("is drawn where it is known", () => {
    expect(runsOf([null, 1, 2, null, 3], [null, 2, 3, null, 4])).toEqual([[1, 2], [4]]);
  });
  it("has an axis that shows its end and what it must be clear of", () => {
    const [bottom, top] = reachOf({ low: [-1000, 1], high: [1000, 3], bound: [0, 0], least: null });
    expect(bottom).toBeLessThan(0);
    expect(bottom).toBeGreaterThan(-3);
    expect(top).toBeGreaterThan(3);
    expect(top).toBeLessThan(8);
  });
});
