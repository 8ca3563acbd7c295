// What was said in a call, read from its bodies in whichever dialect. Pure, and bounded: what can't be read is
// shown as it stands.

import { isRecord } from "@/api";
import { itemOf } from "./items";
import { type Json, type Part, type Said, audioOf, callOf, partsOf, pictureOf, pretty, records, resultOf, text } from "./parts";
import { eventsOf, wholeOf } from "./streamed";

export type { Part, Said } from "./parts";

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
  const item = itemOf(message);
  if (item) {
    return item;
  }
  const role = text(message["role"]) || "unknown";
  if (role === "tool" || role === "function") {
    const id = text(message["tool_call_id"]) || text(message["name"]);
    return { role: "tool", parts: [resultOf(id, message["content"])] };
  }
  const reasoning = text(message["reasoning_content"]) || text(message["reasoning"]);
  const refusal = text(message["refusal"]);
  const parts: Part[] = [
    ...(reasoning ? [{ kind: "reasoning" as const, text: reasoning }] : []),
    ...partsOf(message["content"] ?? message["parts"]),
    ...partsOf(message["images"]),
    ...audioOf(message["audio"]),
    ...[...records(message["tool_calls"]), ...records([message["function_call"]])].map(callOf),
    ...(refusal ? [{ kind: "other" as const, name: "refusal", text: refusal }] : []),
  ];
  return { role, parts };
}

/** What was answered; a stream is put together again. */
export function answeredIn(response: unknown): Said[] {
  if (typeof response === "string") {
    return merged(wholeOf(eventsOf(response)).flatMap(ofBody));
  }
  if (Array.isArray(response)) {
    return merged(wholeOf(records(response)).flatMap(ofBody));
  }
  return isRecord(response) ? merged(ofBody(response)) : [];
}

function ofBody(response: Json): Said[] {
  const choices = [...records(response["choices"]), ...records(response["candidates"])];
  const answers = choices.map((choice, place): Said => {
    const message = choice["message"] ?? choice["content"] ?? { role: "assistant", content: choice["text"] };
    return { ...messageOf(message), ...(choices.length > 1 ? { which: `answer ${place + 1} of ${choices.length}` } : {}) };
  });
  const said = [...answers, ...records(response["output"]).map(messageOf)];
  if (Array.isArray(response["content"])) {
    said.push({ role: "assistant", parts: partsOf(response["content"]) });
  }
  // Routes beside chat: pictures, and what was said in a sound.
  said.push({ role: "assistant", parts: [...picturesIn(response), ...partsOf(text(response["text"]))] });
  const error = response["error"];
  if (isRecord(error) || text(error)) {
    said.push({ role: "error", parts: [{ kind: "other", name: "error", text: pretty(error) }] });
  }
  return said
    .filter((each) => each.parts.length > 0)
    .map((each) => (each.role === "model" || each.role === "unknown" ? { ...each, role: "assistant" } : each));
}

/** What an answer of the Images API holds. */
function picturesIn(response: Json): Part[] {
  return records(response["data"]).flatMap((each): Part[] => {
    const data = text(each["b64_json"]);
    const address = text(each["url"]);
    if (!data && !address) {
      return [];
    }
    const revised = text(each["revised_prompt"]);
    const picture: Part = data ? pictureOf(data, each["output_format"] ?? response["output_format"]) : { kind: "image", source: address };
    return revised ? [picture, { kind: "other", name: "revised prompt", text: revised }] : [picture];
  });
}

/** One after the other of one role is one; texts that follow each other are one text. Several answers stay apart. */
function merged(said: Said[]): Said[] {
  const found: Said[] = [];
  for (const each of said) {
    const before = found.at(-1);
    if (before && before.role === each.role && before.which === each.which) {
      join(before.parts, each.parts);
    } else {
      found.push({ ...each, parts: join([], each.parts) });
    }
  }
  return found;
}

function join(found: Part[], parts: Part[]): Part[] {
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
