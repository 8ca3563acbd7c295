import { describe, expect, it } from "vitest";
import { type Part, type Said, answeredIn, saidIn } from "./messages/conversation";

const line = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const partsIn = (said: Said[]): Part[] => said.flatMap((each) => each.parts);
const PNG = "iVBORw0KGgo=";
const JPEG = "/9j/4AAQSkZJRg==";

describe("several answers to one call", () => {
  const both = [
    { role: "assistant", which: "answer 1 of 2", parts: [{ kind: "text", text: "Yes." }] },
    { role: "assistant", which: "answer 2 of 2", parts: [{ kind: "text", text: "No." }] },
  ];

  it("stay apart, and each says which it is", () => {
    const chat = { choices: ["Yes.", "No."].map((content, index) => ({ index, message: { role: "assistant", content } })) };
    const completions = { choices: [{ index: 0, text: "Yes." }, { index: 1, text: "No." }] };
    const google = { candidates: ["Yes.", "No."].map((text) => ({ content: { role: "model", parts: [{ text }] } })) };
    expect(answeredIn(chat)).toEqual(both);
    expect(answeredIn(completions)).toEqual(both);
    expect(answeredIn(google)).toEqual(both);
    expect(answeredIn({ choices: chat.choices.slice(0, 1) })[0]).not.toHaveProperty("which");
  });

  it("stay apart in a stream, whichever comes first", () => {
    const pieces: [number, string][] = [[1, "N"], [0, "Y"], [1, "o."], [0, "es."]];
    const chat = pieces.map(([index, content]) => line({ choices: [{ index, delta: { content } }] })).join("");
    const google = pieces.map(([index, text]) => ({ candidates: [{ index, content: { role: "model", parts: [{ text }] } }] }));
    expect(answeredIn(chat)).toEqual(both);
    expect(answeredIn(google)).toEqual(both);
  });
});

describe("calls of a provider's own tools", () => {
  const output = [
    { type: "web_search_call", id: "ws", status: "completed", action: { type: "search", query: "frost" } },
    { type: "mcp_call", id: "m", server_label: "maps", name: "find", arguments: '{"place":"Oslo"}', output: "north", error: null },
    { type: "mcp_call", id: "n", server_label: "maps", name: "find", arguments: "{}", output: null, error: "no answer" },
    { type: "code_interpreter_call", id: "ci", code: "print(1)", outputs: [{ type: "logs", logs: "1" }, { type: "image", url: "data:image/png;base64,a" }] },
    { type: "computer_call", call_id: "cc", action: { type: "click", x: 1 } },
    { type: "image_generation_call", id: "ig", status: "completed", revised_prompt: "a cat", result: JPEG },
    { type: "dream_call", id: "d", depth: 3 },
    { type: "brand_new", id: "b", held: 1 },
  ];

  it("are parts with what they were given and what came of it", () => {
    const parts = partsIn(answeredIn({ output }));
    expect(parts).toEqual([
      { kind: "tool-call", name: "web_search", id: "ws", arguments: '{\n  "type": "search",\n  "query": "frost"\n}' },
      { kind: "tool-call", name: "maps: find", id: "m", arguments: '{\n  "place": "Oslo"\n}' },
      { kind: "tool-result", id: "m", text: "north" },
      { kind: "tool-call", name: "maps: find", id: "n", arguments: "{}" },
      { kind: "other", name: "error", text: "no answer" },
      { kind: "tool-call", name: "code_interpreter", id: "ci", arguments: "print(1)" },
      { kind: "tool-result", id: "ci", text: "1", pictures: ["data:image/png;base64,a"] },
      { kind: "tool-call", name: "computer", id: "cc", arguments: '{\n  "type": "click",\n  "x": 1\n}' },
      { kind: "tool-call", name: "image_generation", id: "ig", arguments: '{\n  "revised_prompt": "a cat"\n}' },
      { kind: "image", source: `data:image/jpeg;base64,${JPEG}` },
      { kind: "tool-call", name: "dream", id: "d", arguments: '{\n  "depth": 3\n}' },
      { kind: "other", name: "brand_new", text: JSON.stringify(output.at(-1), null, 2) },
    ]);
    expect(partsIn(saidIn({ input: output }))).toEqual(parts);
  });

  it("are shown in other dialects and older ones", () => {
    const legacy = { choices: [{ message: { role: "assistant", content: null, function_call: { name: "weather", arguments: "{}" } } }] };
    const call = { kind: "tool-call", name: "weather", id: "", arguments: "{}" };
    expect(partsIn(answeredIn(legacy))).toEqual([call]);
    const pieces = [{ name: "weather", arguments: "" }, { arguments: "{" }, { arguments: "}" }];
    expect(partsIn(answeredIn(pieces.map((each) => line({ choices: [{ delta: { function_call: each } }] })).join("")))).toEqual([call]);
    const claude = { content: [{ type: "web_search_tool_result", tool_use_id: "s", content: [{ type: "web_search_result", url: "https://a.example" }] }] };
    expect(partsIn(answeredIn(claude))[0]).toMatchObject({ kind: "tool-result", id: "s", text: expect.stringContaining("https://a.example") });
  });
});

describe("answers beside text", () => {
  it("are pictures", () => {
    const source = `data:image/png;base64,${PNG}`;
    expect(partsIn(answeredIn({ data: [{ b64_json: PNG, revised_prompt: "a cat" }, { url: "https://a.example/b.png" }] }))).toEqual([
      { kind: "image", source },
      { kind: "other", name: "revised prompt", text: "a cat" },
      { kind: "image", source: "https://a.example/b.png" },
    ]);
    const partial = line({ type: "image_generation.partial_image", b64_json: JPEG });
    expect(partsIn(answeredIn(partial + line({ type: "image_generation.completed", b64_json: PNG })))).toEqual([{ kind: "image", source }]);
    expect(partsIn(answeredIn(partial))).toHaveLength(1);
    expect(answeredIn({ data: [{ embedding: [0.5], index: 0 }] })).toEqual([]);
  });

  it("are what was said in a sound", () => {
    const spoken = [{ kind: "other", name: "transcript", text: "Hello" }];
    const message = { role: "assistant", content: null, audio: { id: "a", data: "AAAA", transcript: "Hello" } };
    expect(partsIn(answeredIn({ choices: [{ message }] }))).toEqual(spoken);
    const pieces = [{ id: "a", transcript: "Hel" }, { transcript: "lo" }, { data: "AAAA" }];
    expect(partsIn(answeredIn(pieces.map((audio) => line({ choices: [{ delta: { audio } }] })).join("")))).toEqual(spoken);
    const words = [{ kind: "text", text: "Good day" }];
    expect(partsIn(answeredIn({ text: "Good day", usage: {} }))).toEqual(words);
    expect(partsIn(answeredIn(line({ type: "transcript.text.delta", delta: "Good " }) + line({ type: "transcript.text.delta", delta: "day" })))).toEqual(words);
    const asked = saidIn({ messages: [{ role: "user", content: [{ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }] }] });
    expect(partsIn(asked)).toEqual([{ kind: "other", name: "audio", text: "4 characters of data" }]);
  });
});

describe("a stream of the Responses API", () => {
  const at = (output_index: number, type: string, more: Record<string, unknown>): string => line({ type: `response.${type}`, output_index, ...more });
  const begun =
    line({ type: "response.created", response: { id: "r", status: "in_progress", output: [], error: null } }) +
    at(0, "output_item.added", { item: { type: "reasoning", id: "rs", summary: [] } }) +
    at(0, "reasoning_summary_text.delta", { summary_index: 0, delta: "Hm." }) +
    at(1, "output_item.added", { item: { type: "message", role: "assistant", content: [] } }) +
    at(1, "output_text.delta", { content_index: 0, delta: "It " }) +
    at(2, "function_call_arguments.delta", { delta: '{"place"' }) +
    at(1, "output_text.delta", { content_index: 0, delta: "is [DONE]" });
  const parts = [
    { kind: "reasoning", text: "Hm." },
    { kind: "text", text: "It is [DONE]" },
    { kind: "tool-call", name: "function", id: "", arguments: '{"place"' },
  ];

  it("that breaks shows what is on record of it", () => {
    expect(answeredIn(begun)).toEqual([{ role: "assistant", parts }]);
    const done = at(1, "output_text.done", { content_index: 0, text: "It is warm" });
    expect(partsIn(answeredIn(begun + done))[1]).toEqual({ kind: "text", text: "It is warm" });
  });

  it("that fails says so beneath", () => {
    const error = { code: "server_error", message: "went wrong" };
    const failed = line({ type: "response.failed", response: { status: "failed", output: [], error } });
    const ends = [failed, line({ type: "error", ...error, param: null })];
    for (const end of ends) {
      const [said, fault] = answeredIn(begun + end);
      expect(said?.parts).toEqual(parts);
      expect(fault?.role).toBe("error");
      expect(fault?.parts[0]).toMatchObject({ kind: "other", name: "error", text: expect.stringContaining("went wrong") });
    }
    expect(answeredIn(begun + line({ type: "response.failed", response: { error: null } })).at(-1)?.role).toBe("error");
    const chat = line({ choices: [{ delta: { content: "Hel" } }] }) + line({ error });
    expect(answeredIn(chat).map((each) => each.role)).toEqual(["assistant", "error"]);
  });

  it("that ends is what it says at its end", () => {
    const output = [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "It is cold" }] }];
    for (const kind of ["completed", "incomplete"]) {
      const ended = line({ type: `response.${kind}`, response: { output, error: null } });
      expect(answeredIn(begun + ended)).toEqual([{ role: "assistant", parts: [{ kind: "text", text: "It is cold" }] }]);
    }
    const empty = line({ type: "response.completed", response: { output: [] } });
    expect(partsIn(answeredIn(begun + empty))).toEqual(parts);
  });
});

describe("what a tool answered", () => {
  const source = `data:image/png;base64,${PNG}`;
  const result = { kind: "tool-result", id: "t", text: "a map", pictures: [source] };

  it("is shown with its pictures, in each dialect", () => {
    const words = { type: "text", text: "a map" };
    const picture = { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } };
    const claude = [{ role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: [words, picture] }] }];
    const chat = [{ role: "tool", tool_call_id: "t", content: [words, { type: "image_url", image_url: { url: source } }] }];
    const responses = [{ type: "function_call_output", call_id: "t", output: [{ type: "input_text", text: "a map" }, { type: "input_image", image_url: source }] }];
    const protocol = [{ role: "tool", tool_call_id: "t", content: [words, { type: "image", data: PNG, mimeType: "image/png" }] }];
    for (const messages of [claude, chat, responses, protocol]) {
      expect(partsIn(saidIn({ messages }))).toEqual([result]);
    }
    const inline = { inlineData: { mimeType: "image/png", data: PNG } };
    const google = [{ role: "user", parts: [{ functionResponse: { name: "t", response: { found: 1 }, parts: [inline] } }] }];
    expect(partsIn(saidIn({ contents: google }))).toEqual([{ ...result, text: '{\n  "found": 1\n}' }]);
    const screen = { type: "computer_call_output", call_id: "t", output: { type: "computer_screenshot", image_url: source } };
    expect(partsIn(saidIn({ input: [screen] }))).toEqual([{ ...result, text: "" }]);
  });

  it("loses nothing that stands beside a text or is no picture", () => {
    const value = { text: "warm", score: 0.5 };
    const odd = { type: "image", shape: "round" };
    const [part] = partsIn(saidIn({ messages: [{ role: "tool", tool_call_id: "t", content: [value, odd] }] }));
    expect(part).toEqual({ kind: "tool-result", id: "t", text: `${JSON.stringify(value, null, 2)}\n${JSON.stringify(odd, null, 2)}` });
  });
});

describe("long answers", () => {
  it("take time by their length", { timeout: 60_000 }, () => {
    const many = Array.from({ length: 40_000 }, (_, index) => index);
    const calls = many.map((index) => line({ choices: [{ index: 0, delta: { tool_calls: [{ index, function: { name: "f" } }] } }] })).join("");
    expect(partsIn(answeredIn(calls))).toHaveLength(many.length);
    expect(partsIn(answeredIn(many.map((index) => line({ type: "response.output_text.delta", output_index: 0, content_index: index, delta: "x" })).join("")))).toHaveLength(1);
    expect(partsIn(answeredIn(many.map(() => ({ candidates: [{ content: { parts: [{ functionCall: { name: "f" } }] } }] }))))).toHaveLength(many.length);
    const words = Array.from({ length: 200_000 }, () => "x");
    expect(saidIn({ messages: [{ role: "user", content: words }] })[0]?.parts).toHaveLength(words.length);
  });

  it("may hold anything", () => {
    const odd = { type: "response.output_text.delta", output_index: {}, content_index: [], delta: 3 };
    const deltas = [{ type: "content_block_delta", index: "__proto__", delta: { type: "constructor" } }, { type: "response.constructor.delta" }];
    const bodies = [odd, ...deltas, { type: "response.failed", response: null }, { type: "image_generation.completed" }, { choices: [{ message: 3 }, null] }];
    for (const body of [...bodies, { output: [{ type: "_call" }, { type: "mcp_call", output: {}, error: 3 }, { type: 4 }] }, { data: [3, {}], text: {} }]) {
      expect(() => [answeredIn(body), answeredIn(line(body)), answeredIn([body]), saidIn({ input: [body] })]).not.toThrow();
    }
    expect(({} as Record<string, unknown>)["text"]).toBeUndefined();
  });
});
