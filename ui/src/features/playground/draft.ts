// A call as it is edited: its model, its texts and all else as JSON; and the body that these make again. Pure.

import { isRecord } from "@/api";

export interface Line {
  /** `system` for the instructions beside the list. */
  role: string;
  text: string;
  /** The message as it came, where it is more than a text; then `text` is its JSON. */
  isJson: boolean;
}

export interface Draft {
  dialect: string;
  model: string;
  lines: Line[];
  /** What stands beside them in the body, as JSON. */
  rest: string;
}

type Json = Record<string, unknown>;

const LISTS: Record<string, string> = { "openai-responses": "input", google: "contents" };
const SYSTEMS: Record<string, string> = { "openai-responses": "instructions", anthropic: "system" };

export const EMPTY: Draft = {
  dialect: "openai-chat",
  model: "",
  lines: [
    { role: "system", text: "", isJson: false },
    { role: "user", text: "", isJson: false },
  ],
  rest: "{}",
};

/** The dialects that can be edited, and the model route of each. */
export function routeOf(draft: Draft): string | null {
  switch (draft.dialect) {
    case "openai-chat":
      return "v1/chat/completions";
    case "openai-responses":
      return "v1/responses";
    case "anthropic":
      return "v1/messages";
    case "google":
      return `v1beta/models/${encodeURIComponent(draft.model)}:streamGenerateContent?alt=sse`;
    default:
      return null;
  }
}

/** Take a recorded call apart. Null where it is no conversation that was kept whole. */
export function draftOf(call: { dialect: string; model: string; request?: unknown }): Draft | null {
  const empty: Draft = { ...EMPTY, dialect: call.dialect, model: call.model };
  if (!isRecord(call.request) || routeOf(empty) === null) {
    return null;
  }
  const { model: _, stream: __, stream_options: ___, ...members } = call.request;
  const list = LISTS[call.dialect] ?? "messages";
  const system = SYSTEMS[call.dialect];
  const given = members[list];
  const messages = typeof given === "string" ? [{ role: "user", content: given }] : Array.isArray(given) ? given : null;
  if (messages === null) {
    return null;
  }
  delete members[list];
  const lines: Line[] = messages.map((message) => lineOf(message, call.dialect));
  if (system !== undefined && typeof members[system] === "string") {
    lines.unshift({ role: "system", text: members[system], isJson: false });
    delete members[system];
  }
  return { dialect: call.dialect, model: call.model, lines, rest: JSON.stringify(members, null, 2) };
}

function lineOf(message: unknown, dialect: string): Line {
  if (isRecord(message)) {
    const field = dialect === "google" ? "parts" : "content";
    const names = Object.keys(message).filter((name) => name !== "role" && name !== "type");
    const content = message[field];
    const only = Array.isArray(content) && content.length === 1 ? content[0] : null;
    const text = typeof content === "string" ? content : isRecord(only) && Object.keys(only).every((name) => name === "text" || name === "type") ? only["text"] : null;
    if (typeof text === "string" && names.length === 1) {
      return { role: String(message["role"] ?? "user"), text, isJson: false };
    }
    return { role: String(message["role"] ?? "message"), text: JSON.stringify(message, null, 2), isJson: true };
  }
  return { role: "message", text: JSON.stringify(message), isJson: true };
}

/** The body that a draft makes, streamed. Throws SyntaxError that says which part is no JSON. */
export function bodyOf(draft: Draft): Json {
  const body = parsed(draft.rest, "the parameters");
  if (!isRecord(body)) {
    throw new SyntaxError("the parameters are no JSON object");
  }
  const list = LISTS[draft.dialect] ?? "messages";
  const system = SYSTEMS[draft.dialect];
  const lines = draft.lines.filter((line) => line.text !== "");
  const beside = system === undefined ? undefined : lines.find((line) => line.role === "system" && !line.isJson);
  if (system !== undefined && beside) {
    body[system] = beside.text;
  }
  body[list] = lines.filter((line) => line !== beside).map((line, place) => messageOf(line, place, draft.dialect));
  if (draft.dialect === "google") {
    return body;
  }
  const usage = draft.dialect === "openai-chat" ? { stream_options: { include_usage: true } } : {};
  const bound = draft.dialect === "anthropic" && body["max_tokens"] === undefined ? { max_tokens: 1024 } : {};
  return { model: draft.model, ...body, ...bound, stream: true, ...usage };
}

function messageOf(line: Line, place: number, dialect: string): unknown {
  if (line.isJson) {
    return parsed(line.text, `message ${place + 1}`);
  }
  return dialect === "google" ? { role: line.role, parts: [{ text: line.text }] } : { role: line.role, content: line.text };
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
