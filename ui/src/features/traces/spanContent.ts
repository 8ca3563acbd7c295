// What went into a step and came out, as messages: from OpenTelemetry's shape, or from any dialect. Pure.

import { isRecord } from "@/api";
import { type Part, type Said, answeredIn, messageOf, saidIn } from "../messages/conversation";

type Json = Record<string, unknown>;

/** How many messages of one step are drawn at once. */
export const MESSAGES_MAX = 200;

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** Any value as a text: what is none already as JSON. */
export function asText(value: unknown): string {
  if (value === null || value === undefined) {
    return "";
  }
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** Messages that a field of a span holds; null where it holds something else. */
export function messagesIn(value: unknown, role: string): Said[] | null {
  if (Array.isArray(value) && value.length > 0 && value.every((each) => isRecord(each) && typeof each["role"] === "string")) {
    return (value as Json[]).map((each) => saidOf(each, role)).filter((each) => each.parts.length > 0);
  }
  // What a tool took and gave may look like a body of a provider's and is none.
  if (isRecord(value) && (role === "user" || role === "assistant")) {
    const said = role === "assistant" ? answeredIn(value) : saidIn(value);
    return said.length > 0 ? said : null;
  }
  return null;
}

function saidOf(message: Json, role: string): Said {
  const parts = message["parts"];
  if (!Array.isArray(parts)) {
    return messageOf(message);
  }
  return { role: text(message["role"]) || role, parts: parts.flatMap(partOf) };
}

/** The instructions, as one message. */
export function systemIn(value: unknown): Said[] {
  if (value === null || value === undefined || value === "") {
    return [];
  }
  const parts = Array.isArray(value) ? value.flatMap(partOf) : [{ kind: "text" as const, text: asText(value) }];
  return parts.length > 0 ? [{ role: "system", parts }] : [];
}

function partOf(part: unknown): Part[] {
  if (typeof part === "string") {
    return part === "" ? [] : [{ kind: "text", text: part }];
  }
  if (!isRecord(part)) {
    return [];
  }
  switch (part["type"]) {
    case "text":
      return [{ kind: "text", text: asText(part["content"] ?? part["text"]) }];
    case "reasoning":
      return [{ kind: "reasoning", text: asText(part["content"]) }];
    case "tool_call":
      return [{ kind: "tool-call", name: text(part["name"]), id: text(part["id"]), arguments: pretty(part["arguments"]) }];
    case "tool_call_response":
      return [{ kind: "tool-result", id: text(part["id"]), text: pretty(part["response"] ?? part["result"]) }];
    case "blob":
      return [blobOf(part)];
    case "uri":
      return [part["modality"] === "image" ? { kind: "image", source: text(part["uri"]) } : { kind: "other", name: "file", text: text(part["uri"]) }];
    default:
      return messageOf({ role: "unknown", content: [part] }).parts;
  }
}

function blobOf(part: Json): Part {
  const type = text(part["mime_type"]);
  const content = text(part["content"]);
  return type.startsWith("image/")
    ? { kind: "image", source: `data:${type};base64,${content}` }
    : { kind: "other", name: type || "data", text: `${content.length} characters of data` };
}

function pretty(value: unknown): string {
  if (typeof value === "string") {
    try {
      return JSON.stringify(JSON.parse(value), null, 2);
    } catch {
      // What a model wrote as arguments may be no JSON.
      return value;
    }
  }
  return asText(value);
}

export interface Exchange {
  input: Said[];
  output: Said[];
}

/** What went in and came out: messages as messages, any other value as it is. */
export function exchangeOf(content: { system?: unknown; input?: unknown; output?: unknown }, isOfModel: boolean): Exchange {
  const roles = isOfModel ? (["user", "assistant"] as const) : (["input", "output"] as const);
  return {
    input: [...systemIn(content.system), ...said(content.input, roles[0])],
    output: said(content.output, roles[1]),
  };
}

function said(value: unknown, role: string): Said[] {
  if (value === null || value === undefined || value === "") {
    return [];
  }
  const messages = messagesIn(value, role);
  if (messages) {
    return messages;
  }
  return [{ role, parts: [typeof value === "string" ? { kind: "text", text: value } : { kind: "value", text: asText(value) }] }];
}
