// A call as any client makes it, to see whether a target answers: with a key that is made for it and revoked
// after it, so that it keeps to budgets, regions and rate limits, and stands on record like every other.

import { type Schemas, api, ask, errorOf, isRecord } from "@/api";

export interface Tried {
  status: number;
  requestId: string;
  ms: number;
  /** What it answered, or why it was refused. */
  said: string;
  hint: string;
}

const LASTS_MS = 120_000;
const TEXT = "Answer with the word OK.";

export async function tryTarget(target: string, project: string | null): Promise<Tried> {
  const key = await ask(api.POST("/api/v1/keys", { body: keyFor(target, project, new Date()) }));
  try {
    return await call(target, key.key);
  } finally {
    await ask(api.DELETE("/api/v1/keys/{key_id}", { params: { path: { key_id: key.id } } }));
  }
}

/** A key that may call this target alone, for two minutes. */
export function keyFor(target: string, project: string | null, now: Date): Schemas["CreateKey"] {
  const body = {
    name: `test call ${now.toISOString()}`,
    role: "member",
    models: [target],
    tags: ["test-call"],
    expires_at: new Date(now.getTime() + LASTS_MS).toISOString(),
    ...(project ? { project } : {}),
  };
  return body as Schemas["CreateKey"];
}

async function call(target: string, key: string): Promise<Tried> {
  const body = { model: target, messages: [{ role: "user", content: TEXT }], max_tokens: 64 };
  const began = performance.now();
  const answer = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit",
    signal: AbortSignal.timeout(LASTS_MS),
  });
  const found: unknown = await answer.json().catch(() => null);
  const ms = performance.now() - began;
  const fault = errorOf(answer.status, found);
  return {
    status: answer.status,
    requestId: answer.headers.get("x-headgate-request-id") ?? "",
    ms,
    said: answer.ok ? saidIn(found) : fault.message,
    hint: answer.ok ? "" : fault.hint,
  };
}

export function saidIn(found: unknown): string {
  const choices = isRecord(found) && Array.isArray(found["choices"]) ? found["choices"] : [];
  const message: unknown = isRecord(choices[0]) ? choices[0]["message"] : null;
  const content = isRecord(message) ? message["content"] : null;
  return typeof content === "string" ? content : "";
}
