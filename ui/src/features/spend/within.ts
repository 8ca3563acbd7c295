// What of all spend is looked at: each part that was opened narrows it, and stands in the address. Pure.

import type { Search } from "@/shell/view";
import { DIMENSIONS, type Dimension } from "./dimensions";

/** Sums are kept by all of these together; by user and tag alone, and not within anything. */
export const OPENABLE = ["model", "target", "key", "prompt", "release", "project"] as const;

export type Openable = (typeof OPENABLE)[number];

export type Within = Partial<Record<Exclude<Openable, "project">, string>>;

export function withinOf(search: Search): Within {
  const found: Within = {};
  for (const name of OPENABLE) {
    const value = search[name];
    if (name !== "project" && value) {
      found[name] = value;
    }
  }
  return found;
}

export function isOpenable(dimension: Dimension): dimension is Openable {
  return (OPENABLE as readonly string[]).includes(dimension);
}

/** By what a part is shown once it was opened: the first dimension that does not narrow yet. */
export function nextOf(opened: Dimension, search: Search): Openable {
  return OPENABLE.find((name) => name !== opened && !search[name]) ?? "model";
}

/** Which dimensions can be chosen. */
export function choicesOf(within: Within): Dimension[] {
  const all = Object.keys(DIMENSIONS) as Dimension[];
  return Object.keys(within).length > 0 ? all.filter((name) => isOpenable(name) && !(name in within)) : all;
}
