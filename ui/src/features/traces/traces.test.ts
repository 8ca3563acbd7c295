import { describe, expect, it } from "vitest";
import { added } from "../listing/useTail";
import { turnOf } from "../sessions/turns";
import { longestOf, stripOf } from "./CriticalPath";
import { filtersOf, queryOf, sortOf } from "./filters";
import { flagInWords } from "./flags";
import { type Node, type SpanLine, callsCounted, countedAs, criticalPath, drawn, foldable, linesOf, shownOf, stretchOf, ticksOf, windowOf } from "./lines";
import { type Edge, arcsOf, at, drawnOf, linksOf, rowsOf, wayBack } from "./lineage";
import { exchangeOf } from "./spanContent";

function node(name: string, depth: number, parts: Partial<Node> = {}): Node {
  const plain = { span_id: name, parent_id: null, name, kind: "span", depth, started_at: "2026-01-01T00:00:00Z" };
  const times = { offset_ms: 0, duration_ms: 10, self_ms: 10, critical: [] };
  return { ...plain, ...times, status: "ok", counted: false, on_critical_path: false, ...parts } as unknown as Node;
}

const usage = { input: 10, cache_read: 5, cache_write: 0, output: 3, reasoning: 1 };
const call = (name: string, depth: number, cost: string | null): Node =>
  node(name, depth, { kind: "llm", counted: true, usage, cost_usd: cost });

const TRACE = [
  node("root", 0, { critical: [{ begin_ms: 0, end_ms: 2 }] }),
  node("agent", 1),
  call("first", 2, "0.5"),
  node("tool", 2, { status: "error", on_critical_path: true, critical: [{ begin_ms: 2, end_ms: 9 }] }),
  node("below the tool", 3),
  call("second", 1, null),
  node("another root", 0),
];

describe("steps that came by time", () => {
  const came = (name: string, parent: string | null): SpanLine =>
    ({ span_id: name, parent_id: parent, name, kind: "span", offset_ms: 0, duration_ms: 1, status: "ok" }) as unknown as SpanLine;

  it("stand below the step above them, in the order of time", () => {
    const steps = [came("root", null), came("one", "root"), came("two", "root"), came("in one", "one"), came("in two", "two")];
    expect(drawn(steps).map((each) => `${each.depth} ${each.name}`)).toEqual(["0 root", "1 one", "2 in one", "1 two", "2 in two"]);
  });

  it("stand at the top where what is above has not come, or leads back", () => {
    const steps = [came("orphan", "elsewhere"), came("ring", "other"), came("other", "ring"), { ...came("call", null), span_id: null }];
    expect(drawn(steps).map((each) => `${each.depth} ${each.name}`)).toEqual(["0 orphan", "0 ring", "1 other", "0 call"]);
  });
});

describe("the lines of a trace", () => {
  const lines = linesOf(TRACE);
  const names = (found: { node: Node }[]): string[] => found.map((line) => line.node.name);

  it("know what stands above and below them", () => {
    expect(lines.map((line) => line.above)).toEqual([-1, 0, 1, 1, 3, 0, -1]);
    expect(lines.map((line) => line.end)).toEqual([6, 5, 3, 5, 5, 6, 7]);
  });

  it("sum up each call once, and say what has no price", () => {
    expect(lines[0]?.sum).toMatchObject({ calls: 2, usd: 0.5, unpriced: 1, failed: 1, usage: { input: 20, cache_read: 10, output: 6 } });
    expect(lines[1]?.sum).toMatchObject({ calls: 1, usd: 0.5, unpriced: 0 });
    expect(lines[6]?.sum.calls).toBe(0);
  });

  it("leave out what is folded away", () => {
    expect(names(shownOf(lines, new Set(["agent"]), "all", ""))).toEqual(["root", "agent", "second", "another root"]);
    expect(names(shownOf(lines, foldable(lines, 1), "all", ""))).toEqual(["root", "agent", "second", "another root"]);
  });

  it("show what is wanted with the steps above it", () => {
    expect(names(shownOf(lines, new Set(), "failed", ""))).toEqual(["root", "agent", "tool"]);
    expect(names(shownOf(lines, new Set(), "calls", ""))).toEqual(["root", "agent", "first", "second"]);
    expect(names(shownOf(lines, new Set(), "all", " SECOND"))).toEqual(["root", "second"]);
    expect(shownOf(lines, new Set(), "all", "nothing is called that")).toEqual([]);
  });

  it("show the calls that a number counts, of all, of a model, and by the step that made them", () => {
    const shown = (counted: string): string[] => names(shownOf(lines, new Set(), "all", "", counted));
    expect(shown(countedAs("all"))).toEqual(["root", "agent", "first", "second"]);
    expect(shown(countedAs("model", "unknown"))).toEqual(["root", "agent", "first", "second"]);
    expect(shown(countedAs("step", "agent"))).toEqual(["root", "agent", "first"]);
    expect(shown(countedAs("step", "root"))).toEqual(["root", "second"]);
    expect(names(callsCounted(lines, countedAs("step", "root")))).toEqual(["second"]);
  });

  it("say what held the trace up, in the order of time and by its length", () => {
    const path = criticalPath(lines);
    expect(path.map((held) => [held.line.node.name, held.from, held.to])).toEqual([["root", 0, 2], ["tool", 2, 9]]);
    expect(longestOf(path).map(({ line, ms, steps }) => [line.node.name, ms, steps])).toEqual([["tool", 7, 1], ["root", 2, 1]]);
    expect(stripOf(path, { from: 0, to: 10 }).map(({ held, begin, end }) => [held.line.node.name, begin, end])).toEqual([
      ["root", 0, 80],
      ["tool", 80, 360],
    ]);
    expect(stripOf(path, { from: 4, to: 8 }).map(({ begin, end }) => [begin, end])).toEqual([[0, 400]]);
  });

  it("are made of thirty thousand steps", () => {
    const many = Array.from({ length: 30_000 }, (_, place) => node(`step ${place}`, place === 0 ? 0 : 1 + (place % 3 === 1 ? 0 : 1)));
    expect(shownOf(linesOf(many), new Set(), "all", "step 29999").map((line) => line.node.name)).toContain("step 29999");
  }, 60_000);
});

describe("the time of a trace", () => {
  it("is cut to what one looks at", () => {
    expect(windowOf(undefined, 100)).toEqual({ from: 0, to: 100 });
    expect(windowOf("25-75", 100)).toEqual({ from: 25, to: 75 });
    for (const wrong of ["75-25", "a-b", "200-300", "5", "--"]) {
      expect(windowOf(wrong, 100)).toEqual({ from: 0, to: 100 });
    }
    expect(stretchOf(0, 50, { from: 25, to: 75 })).toEqual({ left: 0, width: 50 });
    expect(stretchOf(80, 90, { from: 25, to: 75 })).toBeNull();
  });

  it("has round instants on its ruler, even where it lasts no time", () => {
    expect(ticksOf({ from: 0, to: 1000 })).toEqual([0, 200, 400, 600, 800, 1000]);
    expect(ticksOf({ from: 310, to: 390 })).toEqual([320, 340, 360, 380]);
    expect(ticksOf(windowOf(undefined, 0)).length).toBeLessThan(9);
  });
});

describe("what a span says", () => {
  it("is read as messages of OpenTelemetry", () => {
    const input = [
      { role: "user", parts: [{ type: "text", content: "Where?" }] },
      { role: "assistant", parts: [{ type: "tool_call", id: "c1", name: "find", arguments: { a: 1 } }] },
      { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: "there" }] },
      { role: "user", parts: [{ type: "blob", mime_type: "image/png", modality: "image", content: "AA==" }] },
    ];
    const said = exchangeOf({ input, system: [{ type: "text", content: "Be kind." }], output: "There." }, true);
    expect(said.input.map((each) => each.role)).toEqual(["system", "user", "assistant", "tool", "user"]);
    expect(said.input.map((each) => each.parts[0]?.kind)).toEqual(["text", "text", "tool-call", "tool-result", "image"]);
    expect(said.output).toEqual([{ role: "assistant", parts: [{ kind: "text", text: "There." }] }]);
  });

  it("stays a value where it is one, and is never taken for a provider's body in a tool", () => {
    const said = exchangeOf({ input: { messages: ["a"] }, output: { error: { a: 1 } } }, false);
    expect(said.input[0]).toMatchObject({ role: "input", parts: [{ kind: "value" }] });
    expect(said.output[0]).toMatchObject({ role: "output", parts: [{ kind: "value" }] });
    expect(exchangeOf({}, true)).toEqual({ input: [], output: [] });
  });

  it("names its flags in words", () => {
    expect(flagInWords("usage_differs")).toContain("the record counts");
    expect(flagInWords("input_cut")).toBe("the input of the span was too long and was cut");
    expect(flagInWords("of_another_kind")).toBe("of_another_kind");
  });
});

function edge(from: string, to: string, parts: Partial<Edge> = {}): Edge {
  const plain = { from_part: "/output", to_part: "/input/0", how: "content" as const, share_of_source: 0.5, share_of_input: 0.5 };
  return { from_span: from, to_span: to, ...plain, repeated: false, ...parts };
}

describe("lineage", () => {
  const lines = linesOf(TRACE);
  const edges = [
    edge("first", "tool"),
    edge("first", "tool", { share_of_input: 0.9, repeated: true }),
    edge("below the tool", "second", { to_part: "/output/0" }),
    edge("root", "root"),
    edge("first", "second", { share_of_input: 0.2, repeated: true }),
  ];
  const arcs = arcsOf(edges);

  it("is one arc from a step to another, whatever went that way", () => {
    expect(arcs.map((arc) => [arc.from, arc.to, arc.share, arc.isRepeated, arc.isPassedOn])).toEqual([
      ["first", "tool", 0.9, false, false],
      ["below the tool", "second", 0.5, false, true],
      ["first", "second", 0.2, true, false],
    ]);
  });

  it("is drawn between rows that are shown, of what is folded from where it is folded into", () => {
    const rows = rowsOf(lines, shownOf(lines, new Set(["tool"]), "all", ""));
    expect(rows.get("below the tool")).toBe(rows.get("tool"));
    const seen = { first: 0, last: 9 };
    expect(drawnOf(arcs, rows, seen, null).map((arc) => [arc.begin, arc.end])).toEqual([[2, 3], [3, 4]]);
    expect(drawnOf(arcs, rows, seen, "first").map((arc) => arc.to)).toEqual(["tool", "second"]);
    expect(drawnOf(arcs, rows, { first: 0, last: 1 }, null)).toEqual([]);
    const agent = rowsOf(lines, shownOf(lines, new Set(["agent"]), "all", ""));
    expect(drawnOf(arcs, agent, seen, null).map((arc) => [arc.begin, arc.end])).toEqual([[1, 2]]);
  });

  it("leads back step by step, first of what was answered, and never in a circle", () => {
    expect(wayBack(edges, "second")).toEqual(["second", "below the tool"]);
    expect(wayBack([edge("a", "b"), edge("b", "a")], "a")).toEqual(["a", "b"]);
    expect(wayBack([], "a")).toEqual(["a"]);
  });

  it("quotes what both texts have, counted in characters", () => {
    const content = { input: ["😀 the answer is here"] };
    const [link] = linksOf([edge("a", "b", { fragments: [[0, 6, 2, 12]] })], "b", "into", content);
    expect(link).toMatchObject({ key: "a", quote: "the answer", share: 0.5 });
    expect(linksOf([edge("a", "b")], "a", "out", {})).toMatchObject([{ key: "b", quote: "" }]);
    expect(at({ "a/b": [{ "~": 1 }] }, "/a~1b/0/~0")).toBe(1);
    expect(at("text", "/a/b")).toBeUndefined();
  });
});

describe("a turn of a session", () => {
  const said = (role: string, text: string) => ({ role, parts: [{ type: "text", content: text }] });
  it("is what came after the last answer", () => {
    const input = [said("system", "Be kind."), said("user", "a"), said("assistant", "b"), said("user", "c")];
    const turn = turnOf({ input, output: [said("assistant", "d")] });
    expect(turn.asked.map((each) => each.parts)).toEqual([[{ kind: "text", text: "c" }]]);
    expect(turn.answered).toHaveLength(1);
    expect(turn.history).toBe(2);
  });

  it("may be no messages at all", () => {
    expect(turnOf({ input: "Hello", output: null })).toMatchObject({ asked: [{ role: "user" }], answered: [], history: 0 });
    expect(turnOf({ input: null, output: null })).toMatchObject({ asked: [], answered: [] });
  });
});

describe("the list of traces", () => {
  it("has its filters in the address", () => {
    expect(filtersOf({ status: "error", range: "7d", nonsense: "x", text: "" })).toEqual({ status: "error" });
    expect(sortOf({ sort: "dearest" })).toBe("dearest");
    expect(sortOf({ sort: "toString" })).toBe("newest");
    const view = { project: "shop", environment: undefined, range: "24h", from: undefined, to: undefined, isLive: true };
    expect(queryOf(view, { tool: "find" }, "T")).toEqual({ project: "shop", from: "T", tool: "find" });
  });

  it("changes a row where it stands when it comes again", () => {
    const rows = [{ id: "a", n: 1 }, { id: "b", n: 1 }];
    expect(added(rows, [{ id: "b", n: 2 }, { id: "c", n: 1 }], (row) => row.id)).toEqual([
      { id: "c", n: 1 },
      { id: "a", n: 1 },
      { id: "b", n: 2 },
    ]);
  });
});
