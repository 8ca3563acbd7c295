// Tokens by direction, from the buckets that are charged for. Pure.

import type { Schemas } from "@/api";

export type Usage = Schemas["UsageBuckets"];

export const NO_TOKENS: Usage = { input: 0, cache_read: 0, cache_write: 0, output: 0, reasoning: 0 };

export function tokensIn(usage: Usage): number {
  return usage.input + usage.cache_read + usage.cache_write;
}

export function tokensOut(usage: Usage): number {
  return usage.output + usage.reasoning;
}

const NAMES: [keyof Usage, string][] = [
  ["input", "input"],
  ["cache_read", "cache read"],
  ["cache_write", "cache write"],
  ["output", "output"],
  ["reasoning", "reasoning"],
];

/** The buckets that have any, by name. */
export function bucketsOf(usage: Usage): [string, number][] {
  return NAMES.flatMap(([name, title]) => (usage[name] > 0 ? [[title, usage[name]]] : []));
}
