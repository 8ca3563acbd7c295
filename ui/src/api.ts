// How the console asks the control API: typed by its description, signed in by cookie, one kind of error.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** An answer that is an error, in the API's own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string,
    readonly requestId: string,
  ) {
    super(message);
  }
}

const OWN = { "x-headgate-console": "1" };

export const api = createClient<paths>({ headers: OWN, credentials: "same-origin" });

interface Answered<T> {
  data?: T | undefined;
  error?: unknown;
  response: Response;
}

/** Wait for an answer's data. Throws ApiError where it is an error. */
export async function ask<T>(asked: Promise<Answered<T>>): Promise<T> {
  let answered: Answered<T>;
  try {
    answered = await asked;
  } catch (error) {
    throw new ApiError(0, "unreachable", "the server can't be reached", `check that it runs (${describe(error)})`, "");
  }
  if (answered.data !== undefined && answered.response.ok) {
    return answered.data;
  }
  throw errorOf(answered.response.status, answered.error);
}

export function errorOf(status: number, body: unknown): ApiError {
  const detail = isRecord(body) && isRecord(body["error"]) ? body["error"] : {};
  const text = (name: string): string => (typeof detail[name] === "string" ? detail[name] : "");
  return new ApiError(
    status,
    text("code") || "error",
    text("message") || `the server answered ${status}`,
    text("hint"),
    text("request_id"),
  );
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Have an answer saved as a file. Throws ApiError. */
export async function save(path: string, name: string): Promise<void> {
  const answer = await fetch(path, { headers: OWN, credentials: "same-origin" });
  if (!answer.ok) {
    throw errorOf(answer.status, await answer.json().catch(() => null));
  }
  const url = URL.createObjectURL(await answer.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

/** Follow server-sent events until the signal ends it. Throws ApiError; returns when the server ends it. */
export async function follow(
  path: string,
  signal: AbortSignal,
  onEvent: (kind: string, data: unknown) => void,
): Promise<void> {
  const answer = await fetch(path, { headers: OWN, credentials: "same-origin", signal });
  if (!answer.ok || answer.body === null) {
    throw errorOf(answer.status, await answer.json().catch(() => null));
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    const blocks = (rest + value.replaceAll("\r\n", "\n")).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      readEvent(block, onEvent);
    }
  }
}

function readEvent(block: string, onEvent: (kind: string, data: unknown) => void): void {
  let kind = "message";
  let data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) {
      kind = line.slice(6).trim();
    } else if (line.startsWith("data:")) {
      data += line.slice(5).trimStart();
    }
  }
  if (data !== "") {
    onEvent(kind, JSON.parse(data));
  }
}
