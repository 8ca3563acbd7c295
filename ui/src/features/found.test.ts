import { expect, test } from "vitest";
import type { Schemas } from "@/api";
import { foundIn } from "./traces/found";

/** Traces are named by the minute in which they began. */
const hit = (trace: string, name: string, snippet: string): Schemas["TextHit"] =>
  ({ trace_id: trace, span_id: `${trace}-step`, request_id: null, project: "default", name, snippet, started_at: `2026-01-01T00:0${trace}:00Z` }) as Schemas["TextHit"];

test("what each turn repeats is offered once, where it was first said", () => {
  const hits = [hit("1", "chat", "so it lasts"), hit("3", "chat", "it  lasts"), hit("2", "chat", "it lasts"), hit("3", "agent", "it lasts")];
  const found = foundIn(hits, 6);
  expect(found.map((each) => [each.title, each.path])).toEqual([
    ["chat", "/traces/2"],
    ["agent", "/traces/3"],
    ["chat", "/traces/1"],
  ]);
  expect(foundIn(hits, 1)).toHaveLength(1);
});
