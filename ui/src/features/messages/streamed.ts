// A stream, put together to the body that it would have been whole. Pure, and it takes time by its length alone.

import { isRecord } from "@/api";
import { type Json, records, text } from "./parts";

/** The events of a stream. */
export function eventsOf(body: string): Json[] {
  const events: Json[] = [];
  for (const line of body.split("\n")) {
    if (!line.startsWith("data:")) {
      continue;
    }
    try {
      const event: unknown = JSON.parse(line.slice("data:".length));
      if (isRecord(event)) {
        events.push(event);
      }
    } catch {
      // The record keeps head and tail of a long stream: a line in between may be cut. Nor is `[DONE]` JSON.
    }
  }
  return events;
}

interface Choice {
  message: Json;
  calls: Map<string, Json>;
  pictures: Json[];
}

interface Item {
  item: Json;
  /** Its parts, by the list that they are in and their place there. */
  parts: Map<string, { list: string; part: Json }>;
}

interface Growing {
  choices: Map<string, Choice>;
  candidates: Map<string, Json[]>;
  blocks: Map<string, Json>;
  items: Map<string, Item>;
  pictures: Json[];
  partial: Json | null;
  transcript: string;
  output: Json[];
  error: unknown;
  whole: Json[];
}

/** The bodies that events make up: one, and those that come whole. */
export function wholeOf(events: Json[]): Json[] {
  const growing: Growing = {
    choices: new Map(),
    candidates: new Map(),
    blocks: new Map(),
    items: new Map(),
    pictures: [],
    partial: null,
    transcript: "",
    output: [],
    error: null,
    whole: [],
  };
  for (const event of events) {
    grow(growing, event);
  }
  const { pictures, partial } = growing;
  const body: Json = {
    choices: inOrder(growing.choices).map(({ message, calls, pictures: images }) => ({
      message: { ...message, images, tool_calls: [...calls.values()] },
    })),
    candidates: inOrder(growing.candidates).map((parts) => ({ content: { role: "model", parts } })),
    content: [...growing.blocks.values()],
    output: growing.output.length > 0 ? growing.output : [...growing.items.values()].map(wholeItem),
    data: pictures.length === 0 && partial ? [partial] : pictures,
    text: growing.transcript,
    error: growing.error,
  };
  return [...growing.whole, body];
}

function inOrder<T>(of: Map<string, T>): T[] {
  return [...of].sort(([one], [other]) => Number(one) - Number(other)).map(([, each]) => each);
}

/** What a map holds at a place, made where it holds nothing. */
function at<T>(of: Map<string, T>, place: string, make: () => T): T {
  const found = of.get(place) ?? make();
  of.set(place, found);
  return found;
}

function add(to: Json, name: string, more: unknown): void {
  if (typeof more === "string" && more !== "") {
    to[name] = text(to[name]) + more;
  }
}

function grow(growing: Growing, event: Json): void {
  const kind = text(event["type"]);
  const isError = kind === "error" || isRecord(event["error"]);
  if (isError) {
    growing.error = event["error"] ?? event;
  }
  if (kind.startsWith("response.")) {
    growResponse(growing, event, kind.slice("response.".length));
  } else if (kind.startsWith("content_block_")) {
    growBlock(growing, event, kind);
  } else if (kind.startsWith("image_")) {
    growPicture(growing, event, kind);
  } else if (kind.startsWith("transcript.")) {
    growing.transcript = kind.endsWith(".done") ? text(event["text"]) : growing.transcript + text(event["delta"]);
  } else if (records(event["choices"]).some((choice) => choice["message"] !== undefined)) {
    growing.whole.push(event);
  } else if (Array.isArray(event["choices"]) || Array.isArray(event["candidates"])) {
    for (const choice of records(event["choices"])) {
      growChoice(growing, choice);
    }
    for (const candidate of records(event["candidates"])) {
      const content = isRecord(candidate["content"]) ? candidate["content"] : {};
      const parts = at<Json[]>(growing.candidates, String(candidate["index"] ?? 0), () => []);
      for (const part of records(content["parts"])) {
        parts.push(part);
      }
    }
  } else if (!isError) {
    growing.whole.push(event);
  }
}

function growChoice(growing: Growing, choice: Json): void {
  const { message, calls, pictures } = at<Choice>(growing.choices, String(choice["index"] ?? 0), () => ({
    message: { role: "assistant" },
    calls: new Map(),
    pictures: [],
  }));
  const delta = isRecord(choice["delta"]) ? choice["delta"] : {};
  add(message, "content", choice["text"]);
  for (const name of ["content", "refusal", "reasoning_content", "reasoning"]) {
    add(message, name, delta[name]);
  }
  growWithin(message, "function_call", delta["function_call"], ["name", "arguments"]);
  growWithin(message, "audio", delta["audio"], ["transcript", "data"]);
  for (const picture of records(delta["images"])) {
    pictures.push(picture);
  }
  for (const more of records(delta["tool_calls"])) {
    const call = at<Json>(calls, String(more["index"]), () => ({}));
    call["id"] = text(call["id"]) || text(more["id"]);
    const said = isRecord(more["function"]) ? more["function"] : {};
    const named = isRecord(call["function"]) ? call["function"] : {};
    call["function"] = { name: text(named["name"]) || text(said["name"]), arguments: text(named["arguments"]) + text(said["arguments"]) };
  }
}

function growWithin(message: Json, name: string, more: unknown, fields: string[]): void {
  if (isRecord(more)) {
    const found: Json = isRecord(message[name]) ? message[name] : {};
    for (const field of fields) {
      add(found, field, more[field]);
    }
    message[name] = found;
  }
}

const DELTAS = new Map<unknown, [block: string, name: string, given: string]>([
  ["text_delta", ["text", "text", "text"]],
  ["thinking_delta", ["thinking", "thinking", "thinking"]],
  ["input_json_delta", ["tool_use", "input", "partial_json"]],
]);

function growBlock(growing: Growing, event: Json, kind: string): void {
  const place = String(event["index"]);
  const { content_block: begun, delta } = event;
  if (kind === "content_block_start" && isRecord(begun)) {
    growing.blocks.set(place, { ...begun });
  } else if (kind === "content_block_delta" && isRecord(delta)) {
    const known = DELTAS.get(delta["type"]);
    if (known) {
      add(at<Json>(growing.blocks, place, () => ({ type: known[0] })), known[1], delta[known[2]]);
    }
  }
}

function growPicture(growing: Growing, event: Json, kind: string): void {
  if (kind.endsWith(".completed")) {
    growing.pictures.push(event);
  } else if (kind.endsWith(".partial_image")) {
    growing.partial = event;
  }
}

interface Place {
  item: string;
  /** The list of parts that it is in, and the kind of part; none where it is a member of the item. */
  within?: [list: string, kind: string];
  name: string;
}

/** Where what an event adds belongs, by the event's name without `.delta` and `.done`. */
const PLACES = new Map<string, Place>([
  ["output_text", { item: "message", within: ["content", "output_text"], name: "text" }],
  ["refusal", { item: "message", within: ["content", "refusal"], name: "refusal" }],
  ["audio.transcript", { item: "message", within: ["content", "output_audio"], name: "transcript" }],
  ["output_audio_transcript", { item: "message", within: ["content", "output_audio"], name: "transcript" }],
  ["reasoning_text", { item: "reasoning", within: ["content", "reasoning_text"], name: "text" }],
  ["reasoning_summary_text", { item: "reasoning", within: ["summary", "summary_text"], name: "text" }],
  ["function_call_arguments", { item: "function_call", name: "arguments" }],
  ["mcp_call_arguments", { item: "mcp_call", name: "arguments" }],
  ["custom_tool_call_input", { item: "custom_tool_call", name: "input" }],
  ["code_interpreter_call_code", { item: "code_interpreter_call", name: "code" }],
]);

function growResponse(growing: Growing, event: Json, kind: string): void {
  const response = event["response"];
  if (isRecord(response)) {
    endResponse(growing, response, kind);
    return;
  }
  const place = String(event["output_index"] ?? event["item_id"] ?? "");
  if (isRecord(event["item"])) {
    growing.items.set(place, { item: { ...event["item"] }, parts: new Map() });
  } else if (kind === "image_generation_call.partial_image") {
    const { item } = at<Item>(growing.items, place, () => ({ item: { type: "image_generation_call" }, parts: new Map() }));
    item["result"] = event["partial_image_b64"];
  } else if (kind.endsWith(".delta") || kind.endsWith(".done")) {
    growItem(growing, event, place, kind);
  }
}

function growItem(growing: Growing, event: Json, place: string, kind: string): void {
  const isDone = kind.endsWith(".done");
  const found = PLACES.get(kind.slice(0, kind.lastIndexOf(".")));
  if (!found) {
    return;
  }
  const { item, parts } = at<Item>(growing.items, place, () => ({ item: { type: found.item, role: "assistant" }, parts: new Map() }));
  let target = item;
  if (found.within) {
    const [list, type] = found.within;
    const key = `${list} ${String(event["summary_index"] ?? event["content_index"] ?? 0)}`;
    target = at<{ list: string; part: Json }>(parts, key, () => ({ list, part: { type } })).part;
  }
  if (!isDone) {
    add(target, found.name, event["delta"]);
  } else if (text(event[found.name])) {
    // The whole at its end: of a long stream the record may have lost what was between.
    target[found.name] = event[found.name];
  }
}

/** The end of a stream holds all of the answer, but where it failed. */
function endResponse(growing: Growing, response: Json, kind: string): void {
  const error = response["error"];
  if (kind === "completed" || kind === "incomplete") {
    growing.output = records(response["output"]);
  }
  if (kind === "failed" || isRecord(error)) {
    growing.error = error ?? { message: "The provider says that the response failed, and not why." };
  }
}

function wholeItem({ item, parts }: Item): Json {
  const whole: Json = { ...item };
  const lists = new Map<string, Json[]>();
  for (const { list, part } of parts.values()) {
    at<Json[]>(lists, list, () => []).push(part);
  }
  for (const [list, found] of lists) {
    whole[list] = found;
  }
  return whole;
}
