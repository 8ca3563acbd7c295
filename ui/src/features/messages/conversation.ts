// What was said in a call, read from its bodies in whichever dialect. Pure, and bounded: what can't be read is
// shown as it stands.

import { isRecord } from "@/api";

export type Part =
  | { kind: "text"; text: string }
  | { kind: "reasoning"; text: string }
  | { kind: "tool-call"; name: string; id: string; arguments: string }
  | { kind: "tool-result"; id: string; text: string }
  | { kind: "image"; source: string }
  | { kind: "value"; text: string }
  | { kind: "other"; name: string; text: string };

export interface Said {
  role: string;
  parts: Part[];
}

type Json = Record<string, unknown>;

const text = (value: unknown): string => (typeof value === "string" ? value : "");

function pretty(value: unknown): string {
  if (typeof value === "string") {
    return value;
  }
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

function records(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** Everything that the request says, its instructions first. */
export function saidIn(request: unknown): Said[] {
  if (!isRecord(request)) {
    return [];
  }
  const said: Said[] = [];
  const system = request["system"] ?? request["instructions"] ?? systemOfGoogle(request);
  const systemParts = partsOf(system);
  if (systemParts.length > 0) {
    said.push({ role: "system", parts: systemParts });
  }
  const messages = request["messages"] ?? request["input"] ?? request["contents"] ?? request["prompt"];
  if (typeof messages === "string") {
    said.push({ role: "user", parts: [{ kind: "text", text: messages }] });
  } else if (Array.isArray(messages)) {
    for (const message of messages) {
      said.push(typeof message === "string" ? { role: "user", parts: partsOf(message) } : messageOf(message));
    }
  }
  return said.filter((each) => each.parts.length > 0);
}

function systemOfGoogle(request: Json): unknown {
  const found = request["systemInstruction"] ?? request["system_instruction"];
  return isRecord(found) ? found["parts"] : found;
}

export function messageOf(message: unknown): Said {
  if (!isRecord(message)) {
    return { role: "unknown", parts: partsOf(message) };
  }
  const kind = text(message["type"]);
  if (kind === "function_call" || kind === "custom_tool_call") {
    return { role: "assistant", parts: [callOf(message)] };
  }
  if (kind === "function_call_output" || kind === "custom_tool_call_output") {
    const result = flat(message["output"]);
    return { role: "tool", parts: [{ kind: "tool-result", id: text(message["call_id"]), text: result }] };
  }
  if (kind === "reasoning") {
    return { role: "assistant", parts: reasoningOf(message) };
  }
  const role = text(message["role"]) || "unknown";
  if (role === "tool" || role === "function") {
    const id = text(message["tool_call_id"]) || text(message["name"]);
    return { role: "tool", parts: [{ kind: "tool-result", id, text: flat(message["content"]) }] };
  }
  const reasoning = text(message["reasoning_content"]) || text(message["reasoning"]);
  const parts: Part[] = reasoning ? [{ kind: "reasoning", text: reasoning }] : [];
  parts.push(...partsOf(message["content"] ?? message["parts"]));
  for (const call of records(message["tool_calls"])) {
    parts.push(callOf(call));
  }
  if (text(message["refusal"])) {
    parts.push({ kind: "other", name: "refusal", text: text(message["refusal"]) });
  }
  return { role, parts };
}

function callOf(call: Json): Part {
  const named = isRecord(call["function"]) ? call["function"] : call;
  const given = named["arguments"] ?? named["input"] ?? named["args"];
  return {
    kind: "tool-call",
    name: text(named["name"]),
    id: text(call["call_id"]) || text(call["id"]),
    arguments: prettyJson(given),
  };
}

function prettyJson(value: unknown): string {
  if (typeof value !== "string") {
    return pretty(value);
  }
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    // What a model wrote as arguments may be no JSON.
    return value;
  }
}

function reasoningOf(item: Json): Part[] {
  const parts = [...records(item["summary"]), ...records(item["content"])];
  return parts.map((part) => ({ kind: "reasoning", text: text(part["text"]) }));
}

function flat(content: unknown): string {
  if (Array.isArray(content)) {
    return content.map((part) => (isRecord(part) && typeof part["text"] === "string" ? part["text"] : pretty(part))).join("\n");
  }
  return prettyJson(content);
}

export function partsOf(content: unknown): Part[] {
  if (typeof content === "string") {
    return content === "" ? [] : [{ kind: "text", text: content }];
  }
  if (Array.isArray(content)) {
    return content.flatMap((part) => (isRecord(part) ? partOf(part) : partsOf(part)));
  }
  return isRecord(content) ? partOf(content) : [];
}

function partOf(part: Json): Part[] {
  switch (part["type"]) {
    case "text":
    case "input_text":
    case "output_text":
      return partsOf(part["text"]);
    case "thinking":
      return [{ kind: "reasoning", text: text(part["thinking"]) }];
    case "redacted_thinking":
      return [{ kind: "reasoning", text: "(the provider keeps this to itself)" }];
    case "tool_use":
    case "server_tool_use":
      return [callOf(part)];
    case "tool_result":
      return [{ kind: "tool-result", id: text(part["tool_use_id"]), text: flat(part["content"]) }];
    case "image_url":
    case "input_image":
    case "image":
      return [{ kind: "image", source: imageOf(part) }];
    case "refusal":
      return [{ kind: "other", name: "refusal", text: text(part["refusal"]) }];
    default:
      return partOfGoogle(part);
  }
}

function imageOf(part: Json): string {
  const address = part["image_url"];
  if (typeof address === "string") {
    return address;
  }
  if (isRecord(address)) {
    return text(address["url"]);
  }
  const source = isRecord(part["source"]) ? part["source"] : {};
  const data = text(source["data"]);
  return data ? `data:${text(source["media_type"])};base64,${data}` : text(source["url"]);
}

function partOfGoogle(part: Json): Part[] {
  if (typeof part["text"] === "string") {
    return [{ kind: part["thought"] === true ? "reasoning" : "text", text: part["text"] }];
  }
  const call = part["functionCall"] ?? part["function_call"];
  if (isRecord(call)) {
    return [callOf(call)];
  }
  const result = part["functionResponse"] ?? part["function_response"];
  if (isRecord(result)) {
    return [{ kind: "tool-result", id: text(result["name"]), text: pretty(result["response"]) }];
  }
  const data = part["inlineData"] ?? part["inline_data"];
  if (isRecord(data)) {
    const type = text(data["mimeType"]) || text(data["mime_type"]);
    return type.startsWith("image/")
      ? [{ kind: "image", source: `data:${type};base64,${text(data["data"])}` }]
      : [{ kind: "other", name: type || "data", text: `${text(data["data"]).length} characters of data` }];
  }
  return [{ kind: "other", name: text(part["type"]) || "part", text: pretty(part) }];
}

/** What was answered; a stream is put together again. */
export function answeredIn(response: unknown): Said[] {
  if (typeof response === "string") {
    return ofStream(response);
  }
  if (Array.isArray(response)) {
    return merged(response.flatMap(answeredIn));
  }
  if (!isRecord(response)) {
    return [];
  }
  const said: Said[] = [];
  for (const choice of [...records(response["choices"]), ...records(response["candidates"])]) {
    const message = choice["message"] ?? choice["content"] ?? { role: "assistant", content: choice["text"] };
    said.push(messageOf(message));
  }
  for (const item of records(response["output"])) {
    said.push(messageOf(item));
  }
  if (Array.isArray(response["content"])) {
    said.push(messageOf(response));
  }
  if (isRecord(response["error"])) {
    said.push({ role: "error", parts: [{ kind: "other", name: "error", text: pretty(response["error"]) }] });
  }
  return merged(said.filter((each) => each.parts.length > 0).map((each) => (each.role === "model" ? { ...each, role: "assistant" } : each)));
}

/** One after the other of one role is one; texts that follow each other are one text. */
function merged(said: Said[]): Said[] {
  const found: Said[] = [];
  for (const each of said) {
    const before = found.at(-1);
    if (before && before.role === each.role) {
      before.parts = joined([...before.parts, ...each.parts]);
    } else {
      found.push({ role: each.role, parts: joined(each.parts) });
    }
  }
  return found;
}

function joined(parts: Part[]): Part[] {
  const found: Part[] = [];
  for (const part of parts) {
    const before = found.at(-1);
    if (before && (part.kind === "text" || part.kind === "reasoning") && before.kind === part.kind) {
      found[found.length - 1] = { kind: part.kind, text: before.text + part.text };
    } else {
      found.push(part);
    }
  }
  return found;
}

interface Growing {
  text: string;
  reasoning: string;
  calls: Map<string, { name: string; id: string; given: string }>;
}

function ofStream(body: string): Said[] {
  const growing: Growing = { text: "", reasoning: "", calls: new Map() };
  const whole: Said[] = [];
  for (const line of body.split("\n")) {
    if (!line.startsWith("data:") || line.includes("[DONE]")) {
      continue;
    }
    let event: unknown;
    try {
      event = JSON.parse(line.slice(5));
    } catch {
      // The record keeps head and tail of a long stream: a line in between may be cut.
      continue;
    }
    if (isRecord(event)) {
      whole.push(...grow(growing, event));
    }
  }
  if (whole.length > 0) {
    return merged(whole);
  }
  const parts: Part[] = [];
  if (growing.reasoning) {
    parts.push({ kind: "reasoning", text: growing.reasoning });
  }
  if (growing.text) {
    parts.push({ kind: "text", text: growing.text });
  }
  for (const call of growing.calls.values()) {
    parts.push({ kind: "tool-call", name: call.name, id: call.id, arguments: prettyJson(call.given) });
  }
  return parts.length > 0 ? [{ role: "assistant", parts }] : [];
}

/** Take one event of a stream; what it says as a whole is returned, what it adds is kept. */
function grow(growing: Growing, event: Json): Said[] {
  if (event["type"] === "response.completed" || event["type"] === "response.incomplete") {
    return answeredIn(event["response"]);
  }
  if (records(event["candidates"]).length > 0 || isRecord(event["error"])) {
    return answeredIn(event);
  }
  for (const choice of records(event["choices"])) {
    const delta = isRecord(choice["delta"]) ? choice["delta"] : {};
    growing.text += text(delta["content"]) + text(choice["text"]);
    growing.reasoning += text(delta["reasoning_content"]) + text(delta["reasoning"]);
    for (const call of records(delta["tool_calls"])) {
      const named = isRecord(call["function"]) ? call["function"] : {};
      growCall(growing, String(call["index"]), text(named["name"]), text(call["id"]), text(named["arguments"]));
    }
  }
  growAnthropic(growing, event);
  return [];
}

function growAnthropic(growing: Growing, event: Json): void {
  const place = String(event["index"]);
  const block = event["content_block"];
  if (event["type"] === "content_block_start" && isRecord(block) && text(block["type"]).endsWith("tool_use")) {
    growCall(growing, place, text(block["name"]), text(block["id"]), "");
  }
  const delta = event["delta"];
  if (event["type"] === "content_block_delta" && isRecord(delta)) {
    growing.text += text(delta["text"]);
    growing.reasoning += text(delta["thinking"]);
    if (delta["type"] === "input_json_delta") {
      growCall(growing, place, "", "", text(delta["partial_json"]));
    }
  }
}

function growCall(growing: Growing, place: string, name: string, id: string, given: string): void {
  const call = growing.calls.get(place) ?? { name: "", id: "", given: "" };
  growing.calls.set(place, { name: call.name || name, id: call.id || id, given: call.given + given });
}
