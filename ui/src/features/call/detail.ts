// What a record says of one call, read from members that the description leaves open. Pure.

import { type Schemas, isRecord } from "@/api";

export type Detail = Schemas["RequestDetail"];

export interface Attempt {
  attempt: number;
  target: string;
  status: number;
  code: string;
  message: string;
  startedAt: string;
  durationMs: number;
  reservedUsd: string;
  chargedUsd: string;
  costUsd: string | null;
  estimated: boolean;
}

export interface Excluded {
  target: string;
  reason: string;
}

export type Weight = "meaning" | "loss" | "note" | "";

export interface Change {
  what: string;
  why: string;
  weight: Weight;
}

export interface Override {
  source: string;
  field: string;
  before: unknown;
  after: unknown;
}

export interface Exposure {
  /** Of an experiment, or where `isRollout` says so of a rollout. */
  name: string;
  isRollout: boolean;
  /** Of the experiment, or of the rollout's stage. */
  version: string;
  /** Empty where the call was in no arm, since its unit was not known. */
  arm: string;
  unit: string;
  by: string;
}

export interface PromptUsed {
  name: string;
  version: string;
  source: string;
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

const text = (value: unknown): string => (value === null || value === undefined ? "" : String(value));

export function attemptsOf(detail: Detail): Attempt[] {
  return records(detail.attempts).map((each) => ({
    attempt: Number(each["attempt"]),
    target: text(each["target"]),
    status: Number(each["status"]),
    code: text(each["code"]),
    message: text(each["message"]),
    startedAt: text(each["started_at"]),
    durationMs: Number(each["duration_ms"]),
    reservedUsd: text(each["reserved_usd"]),
    chargedUsd: text(each["charged_usd"]),
    costUsd: each["cost_usd"] === null ? null : text(each["cost_usd"]),
    estimated: each["estimated"] === true,
  }));
}

export function excludedOf(detail: Detail): Excluded[] {
  return records(detail.excluded).map((each) => ({ target: text(each["target"]), reason: text(each["reason"]) }));
}

const CHANGE = /^(?<what>.*?): (?<why>.*) \((?<weight>meaning|loss|note)\)$/s;

/** What translation and limits changed: what, why, and how bad, the worst first as the record has them. */
export function changesOf(detail: Detail): Change[] {
  return detail.changes.map((line) => {
    const found = CHANGE.exec(line)?.groups;
    return found
      ? { what: found["what"] ?? "", why: found["why"] ?? "", weight: found["weight"] as Weight }
      : { what: line, why: "", weight: "" };
  });
}

export function overridesOf(detail: Detail): Override[] {
  return records(detail.overrides).map((each) => ({
    source: text(each["source"]),
    field: text(each["field"]),
    before: each["before"],
    after: each["after"],
  }));
}

const ROLLOUT = "rollout:";

export function exposuresOf(detail: Detail): Exposure[] {
  return records(detail.exposures).map((each) => {
    const named = text(each["experiment"]);
    const isRollout = named.startsWith(ROLLOUT);
    return {
      name: isRollout ? named.slice(ROLLOUT.length) : named,
      isRollout,
      version: text(each["version"]),
      arm: text(each["arm"]),
      unit: text(each["unit"]),
      by: text(each["by"]),
    };
  });
}

export function promptsOf(detail: Detail): PromptUsed[] {
  return records(detail.prompts).map((each) => ({
    name: text(each["name"]),
    version: text(each["version"]),
    source: text(each["source"]),
  }));
}

const PATHS: Record<string, string> = {
  "openai-chat": "/v1/chat/completions",
  "openai-responses": "/v1/responses",
  anthropic: "/v1/messages",
  "openai embeddings": "/v1/embeddings",
  "openai completions": "/v1/completions",
  "openai moderations": "/v1/moderations",
};

/** The call as a line for a shell, with the key left to be filled in. Null where its body isn't whole. */
export function curlOf(detail: Detail, origin: string): string | null {
  if (detail.request === null || detail.request === undefined || detail.request_truncated) {
    return null;
  }
  const google = `/v1beta/models/${encodeURIComponent(detail.model)}:${detail.stream ? "streamGenerateContent?alt=sse" : "generateContent"}`;
  const path =
    detail.dialect === "google" ? google : (PATHS[detail.dialect] ?? PATHS[`${detail.dialect} ${detail.operation}`]);
  if (path === undefined) {
    return null;
  }
  const body = typeof detail.request === "string" ? detail.request : JSON.stringify(detail.request);
  const version = detail.dialect === "anthropic" ? " \\\n  -H 'anthropic-version: 2023-06-01'" : "";
  return `curl ${origin}${path} \\\n  -H "authorization: Bearer $HEADGATE_KEY" \\\n  -H 'content-type: application/json'${version} \\\n  -d ${quoted(body)}`;
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
