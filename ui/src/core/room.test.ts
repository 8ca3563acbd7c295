import { describe, expect, it } from "vitest";
import { changesOf } from "./ChartTable";
import { summary } from "./Chart";
import { fitting, leastOf } from "./room";

describe("columns of a table", () => {
  const columns = [
    { id: "time", width: "168px" },
    { id: "target", width: "minmax(90px, 1.4fr)", yields: 2 },
    { id: "first", width: "74px", yields: 5 },
    { id: "cost", width: "92px" },
  ];
  it("give way in their order, as many as it takes", () => {
    expect(leastOf("minmax(90px, 1.4fr)")).toBe(90);
    const shown = (room: number): string => fitting(columns, room).map((each) => each.id).join(" ");
    expect(shown(484)).toBe("time target first cost");
    expect(shown(483)).toBe("time target cost");
    expect(shown(397)).toBe("time cost");
    expect(shown(10)).toBe("time cost");
    expect(shown(Infinity)).toBe("time target first cost");
  });
});

describe("a chart in words and as a table", () => {
  const at = ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"];
  it("says what adds up, and only that, in all", () => {
    const lines = [{ label: "calls", colour: "blue", values: [2, 5, null] }];
    const said = (form: "line" | "bars"): string => summary({ title: "Calls", at, lines, form, write: String });
    expect(said("bars")).toContain("calls: 7 in all, at most 5, last 5.");
    expect(said("line")).toContain("calls: at most 5, last 5.");
  });
  it("has what changed beside the step in which it did", () => {
    const marks = [
      { at: "2026-01-01T01:59:59Z", name: "promote" },
      { at: "2025-12-31T00:00:00Z", name: "before" },
    ];
    expect([...changesOf(at, marks)]).toEqual([[1, ["promote"]]]);
  });
});
