// What a list of prompts says, in words and addresses. Pure.

import type { Schemas } from "@/api";
import { count } from "@/core/format";
import type { Strand } from "@/core/Sparks";
import type { Patch } from "@/shell/view";
import { NONE } from "../listing/none";
import { estimateText } from "./outcomeWords";

export type Item = Schemas["PromptItem"];
export type Found = Schemas["PromptPage"];
type Use = Schemas["PromptUse"];
type Said = Schemas["VersionFeedback"];

/** ", in staging" after what is said of a time; nothing for all environments. */
export function inEnvironment(environment: string | undefined): string {
  return environment === undefined ? "" : `, in ${environment === NONE ? "no environment" : environment}`;
}

const DAY_MS = 86_400_000;

/** The whole days (UTC) that numbers count: "of 21 to 22 Nov 2026 (UTC)". */
export function daysText(since: string, until: string): string {
  const write = (at: number): string => new Date(at).toISOString().slice(0, 10);
  // What ends at midnight does not touch the day that begins there.
  const [first, last] = [write(Date.parse(since)), write(Date.parse(until) - 1)];
  return first === last ? `on ${first} (UTC)` : `from ${first} to ${last} (whole days, UTC)`;
}

/** The list of the calls that a prompt's numbers count, and no others. */
export function callsOfItem(item: Item, found: Found, environment: string | undefined, more: Patch = {}): Patch {
  return {
    prompt: item.name,
    project: item.project,
    environment: environment ?? null,
    range: null,
    from: found.since,
    to: found.until,
    ...more,
  };
}

const KINDS: Record<Use["kind"], [string, string]> = {
  model: ["model", "models"],
  environment: ["environment", "environments"],
  release: ["release", "releases"],
  key: ["key", "keys"],
};

/** "models", or "model" where there is one. */
export function kindText(use: Use): string {
  return KINDS[use.kind][use.amount === 1 ? 0 : 1];
}

/** The kinds in the order in which one asks for them, whichever come first in the answer. */
export function inOrderOfKinds(used: Use[]): Use[] {
  const order = Object.keys(KINDS);
  return [...used].sort((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind));
}

export function strandsOf(item: Item): Strand[] {
  return item.by_version.map((each) => ({
    id: each.version,
    name: item.kind === "managed" ? `version ${each.version}` : each.version.slice(0, 8),
    values: each.points,
    total: count(each.calls),
  }));
}

/** When each point of its versions' lines begins. */
export function stepsOf(found: Found, item: Item): string[] {
  const points = item.by_version[0]?.points ?? [];
  return points.map((_, place) => new Date(Date.parse(found.since) + place * found.days_per_point * DAY_MS).toISOString());
}

/** What stands beneath the versions that are drawn. */
export function versionsText(item: Item): string | null {
  const others = item.seen.length - item.by_version.length;
  return others > 0 ? `and ${count(others)} more` : null;
}

/** "62 % (51 to 72 %)"; of what was only counted nothing more is known than how often it was said. */
export function saidText(said: Said): string {
  return said.of === "text" || !said.estimate ? answersText(said) : estimateText(said.of, said.estimate);
}

export function answersText(said: Said): string {
  return `${count(said.answers)} ${said.answers === 1 ? "answer" : "answers"}`;
}
