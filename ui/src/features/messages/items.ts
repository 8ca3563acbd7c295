// Items of the Responses API that are no messages: reasoning, calls of tools of whichever kind, and what came of them.

import { isRecord } from "@/api";
import { type Json, type Part, type Said, callOf, nameOf, partOf, pictureOf, pretty, prettyJson, records, resultOf, text } from "./parts";

const CALL = "_call";
const GIVEN = ["arguments", "input", "action", "code", "queries", "operation"];
const RESULTS = ["output", "outputs", "results", "result"];
const BESIDE = ["type", "id", "call_id", "status", "name", "server_label", "error", ...RESULTS];

/** What an item says; null where it is a message. */
export function itemOf(item: Json): Said | null {
  const kind = text(item["type"]);
  if (kind === "reasoning") {
    const parts = [...records(item["summary"]), ...records(item["content"])];
    return { role: "assistant", parts: parts.map((part) => ({ kind: "reasoning", text: text(part["text"]) })) };
  }
  if (kind.endsWith("_call_output")) {
    return { role: "tool", parts: [resultOf(text(item["call_id"]), item["output"])] };
  }
  if (kind.endsWith(CALL)) {
    return { role: "assistant", parts: calledIn(item, kind) };
  }
  const isMessage = kind === "" || kind === "message" || "role" in item || "content" in item || "parts" in item;
  return isMessage ? null : { role: "unknown", parts: partOf(item) };
}

function calledIn(item: Json, kind: string): Part[] {
  const parts: Part[] = [
    { ...callOf(item), name: text(item["name"]) ? nameOf(item) : kind.slice(0, -CALL.length), arguments: givenTo(item) },
  ];
  const id = text(item["call_id"]) || text(item["id"]);
  const result = RESULTS.map((name) => item[name]).find((each) => each !== undefined && each !== null);
  if (kind === "image_generation_call") {
    parts.push(...(text(result) ? [pictureOf(text(result), item["output_format"])] : []));
  } else if (Array.isArray(result) ? result.length > 0 : result !== undefined) {
    parts.push(resultOf(id, Array.isArray(result) ? result.map(logged) : result));
  }
  const error = item["error"];
  if (error !== undefined && error !== null && error !== "") {
    parts.push({ kind: "other", name: "error", text: pretty(error) });
  }
  return parts;
}

/** What a tool was called with: its arguments, by whichever name, else all that the item says beside its result. */
function givenTo(item: Json): string {
  const name = GIVEN.find((each) => item[each] !== undefined && item[each] !== null);
  if (name) {
    return name === "code" ? pretty(item[name]) : prettyJson(item[name]);
  }
  const rest = Object.entries(item).filter(([each, value]) => value !== null && !BESIDE.includes(each));
  return rest.length > 0 ? pretty(Object.fromEntries(rest)) : "";
}

/** What a program wrote is a text. */
function logged(output: unknown): unknown {
  return isRecord(output) && output["type"] === "logs" ? { type: "text", text: text(output["logs"]) } : output;
}
