import { expect, test } from "vitest";
import type { Schemas } from "@/api";
import { foundIn } from "./traces/found";

const hit = (trace: string, name: string, snippet: string): Schemas["TextHit"] =>
  ({ trace_id: trace, span_id: `${trace}-step`, request_id: null, project: "default", name, snippet }) as Schemas["TextHit"];

test("what each turn repeats is offered once, where it was first said", () => {
  const hits = [hit("c", "chat", "it  lasts"), hit("c", "agent", "it lasts"), hit("b", "chat", "it lasts"), hit("a", "chat", "so it lasts")];
  const found = foundIn(hits, 6);
  expect(found.map((each) => [each.title, each.path])).toEqual([
    ["chat", "/traces/b"],
    ["agent", "/traces/c"],
    ["chat", "/traces/a"],
  ]);
  expect(foundIn(hits, 1)).toHaveLength(1);
});
