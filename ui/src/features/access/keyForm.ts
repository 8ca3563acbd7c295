// What the form of a new key says, as the API takes it. Pure.

import type { Schemas } from "@/api";

export interface KeyForm {
  name: string;
  project: string;
  role: Schemas["CreateKey"]["role"];
  user: string;
  models: string;
  tags: string;
  environment: string;
  record: string;
  expires: string;
  mayAssert: boolean;
  limit: string;
  window: string;
}

export const EMPTY_KEY: KeyForm = {
  name: "",
  project: "",
  role: "member",
  user: "",
  models: "",
  tags: "",
  environment: "",
  record: "",
  expires: "",
  mayAssert: false,
  limit: "",
  window: "month",
};

/** Words between commas, without those that say nothing. */
export function listed(text: string): string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

/** The body of `POST /keys`: what was left empty is left out, so that the server's defaults hold. */
export function bodyOf(form: KeyForm): Schemas["CreateKey"] {
  const name = form.name.trim();
  const optional: Record<string, unknown> = {
    project: form.project.trim() || undefined,
    user: form.user.trim() || undefined,
    models: listed(form.models).length > 0 ? listed(form.models) : undefined,
    tags: listed(form.tags).length > 0 ? listed(form.tags) : undefined,
    environment: form.environment.trim() || undefined,
    record: form.record || undefined,
    expires_at: form.expires ? new Date(form.expires).toISOString() : undefined,
    may_assert: form.mayAssert || undefined,
    budgets: form.limit.trim()
      ? [{ name: meterName(name), limit: `${form.limit.trim()} USD`, window: form.window }]
      : undefined,
  };
  const given = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return { name, role: form.role, ...given } as Schemas["CreateKey"];
}

/** A name as meters may have it, made from a key's. */
function meterName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "") || "key";
}
