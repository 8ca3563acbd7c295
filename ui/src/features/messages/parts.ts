// The parts of a message, read from whichever dialect. Pure; what isn't known is shown as named JSON.

import { isRecord } from "@/api";

export type Part =
  | { kind: "text"; text: string }
  | { kind: "reasoning"; text: string }
  | { kind: "tool-call"; name: string; id: string; arguments: string }
  | { kind: "tool-result"; id: string; text: string; pictures?: string[] }
  | { kind: "image"; source: string }
  | { kind: "value"; text: string }
  | { kind: "other"; name: string; text: string };

export interface Said {
  role: string;
  /** Which of several answers it is, where there are several. */
  which?: string;
  parts: Part[];
}

export type Json = Record<string, unknown>;

export const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function pretty(value: unknown): string {
  if (typeof value === "string") {
    return value;
  }
  return value === undefined ? "" : JSON.stringify(value, null, 2);
}

export function prettyJson(value: unknown): string {
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

export function records(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

export type Call = Extract<Part, { kind: "tool-call" }>;

export function callOf(call: Json): Call {
  const named = isRecord(call["function"]) ? call["function"] : call;
  const given = named["arguments"] ?? named["input"] ?? named["args"];
  return { kind: "tool-call", name: nameOf(named), id: text(call["call_id"]) || text(call["id"]), arguments: prettyJson(given) };
}

/** The name of a tool, after its server's where it has one. */
export function nameOf(call: Json): string {
  const server = text(call["server_label"]) || text(call["server_name"]);
  return server ? `${server}: ${text(call["name"])}` : text(call["name"]);
}

const TEXTS: unknown[] = ["text", "input_text", "output_text"];

/** What a tool answered: its texts, one beneath the other, and its pictures. */
export function resultOf(id: string, content: unknown): Part {
  const texts: string[] = [];
  const pictures: string[] = [];
  for (const part of Array.isArray(content) ? content : [content]) {
    const picture = isRecord(part) ? pictureIn(part) : "";
    if (picture) {
      pictures.push(picture);
    } else {
      texts.push(isRecord(part) && isText(part) ? text(part["text"]) : Array.isArray(content) ? pretty(part) : prettyJson(part));
    }
  }
  return { kind: "tool-result", id, text: texts.join("\n"), ...(pictures.length > 0 ? { pictures } : {}) };
}

/** Whether a part of a tool's answer is its text and no more: a value with a text beside others is shown whole. */
function isText(part: Json): boolean {
  return typeof part["text"] === "string" && (TEXTS.includes(part["type"]) || Object.keys(part).length === 1);
}

/** The picture that a part is; nothing where it is none. */
function pictureIn(part: Json): string {
  switch (part["type"]) {
    case "image_url":
    case "input_image":
    case "image":
    case "computer_screenshot":
      return imageOf(part);
  }
  const data = part["inlineData"] ?? part["inline_data"];
  if (!isRecord(data)) {
    return "";
  }
  const type = text(data["mimeType"]) || text(data["mime_type"]);
  return type.startsWith("image/") ? `data:${type};base64,${text(data["data"])}` : "";
}

function imageOf(part: Json): string {
  const address = part["image_url"];
  if (typeof address === "string" && address !== "") {
    return address;
  }
  if (isRecord(address)) {
    return text(address["url"]);
  }
  const source = isRecord(part["source"]) ? part["source"] : part;
  const data = text(source["data"]);
  const type = text(source["media_type"]) || text(source["mimeType"]);
  return data ? `data:${type};base64,${data}` : text(source["url"]) || text(source["file_id"]);
}

const BEGINNINGS: [string, string][] = [
  ["iVBOR", "png"],
  ["/9j/", "jpeg"],
  ["R0lG", "gif"],
  ["UklGR", "webp"],
];

/** A picture that comes as base64 alone: what it is shows in how it begins. */
export function pictureOf(data: string, format: unknown): Part {
  const found = BEGINNINGS.find(([beginning]) => data.startsWith(beginning))?.[1];
  return { kind: "image", source: `data:image/${found ?? (text(format) || "png")};base64,${data}` };
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

export function partOf(part: Json): Part[] {
  const kind = text(part["type"]);
  if (TEXTS.includes(kind)) {
    return partsOf(part["text"]);
  }
  if (kind.endsWith("tool_use")) {
    return [callOf(part)];
  }
  if (kind.endsWith("tool_result")) {
    return [resultOf(text(part["tool_use_id"]), part["content"])];
  }
  const picture = pictureIn(part);
  if (picture) {
    return [{ kind: "image", source: picture }];
  }
  switch (kind) {
    case "thinking":
      return [{ kind: "reasoning", text: text(part["thinking"]) }];
    case "redacted_thinking":
      return [{ kind: "reasoning", text: "(the provider keeps this to itself)" }];
    case "refusal":
      return [{ kind: "other", name: "refusal", text: text(part["refusal"]) }];
    case "input_audio":
      return audioOf(part["input_audio"]);
    case "output_audio":
      return audioOf(part);
    default:
      return partOfGoogle(part);
  }
}

/** Sound as what was said in it; without that, how much of it there is. */
export function audioOf(audio: unknown): Part[] {
  if (!isRecord(audio)) {
    return [];
  }
  const transcript = text(audio["transcript"]);
  if (transcript) {
    return [{ kind: "other", name: "transcript", text: transcript }];
  }
  const { length } = text(audio["data"]);
  return [{ kind: "other", name: "audio", text: length > 0 ? `${length} characters of data` : pretty(audio) }];
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
    return [resultOf(text(result["name"]), [pretty(result["response"]), ...records(result["parts"])])];
  }
  const data = part["inlineData"] ?? part["inline_data"];
  if (isRecord(data)) {
    const type = text(data["mimeType"]) || text(data["mime_type"]);
    return [{ kind: "other", name: type || "data", text: `${text(data["data"]).length} characters of data` }];
  }
  return [{ kind: "other", name: text(part["type"]) || Object.keys(part)[0] || "part", text: pretty(part) }];
}
