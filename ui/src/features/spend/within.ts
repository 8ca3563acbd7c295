// What of all spend is looked at: each part that was opened narrows it, and stands in the address. Pure.

import type { Search } from "@/shell/view";
import { DIMENSIONS, type Dimension } from "./dimensions";

/** Sums are kept by all of these together; by user, tag and session alone, and not within anything. */
export const OPENABLE = ["model", "target", "provider", "key", "prompt", "release", "environment", "project"] as const;

export type Openable = (typeof OPENABLE)[number];

/** Project and environment are filters that all pages share; a provider is one of targets, by its name alone. */
export type Within = Partial<Record<Exclude<Openable, "project" | "environment" | "provider">, string>>;

const NARROWS: readonly (keyof Within)[] = ["model", "target", "key", "prompt", "release"];

export function withinOf(search: Search): Within {
  const found: Within = {};
  for (const name of NARROWS) {
    const value = search[name];
    if (value) {
      found[name] = value;
    }
  }
  return found;
}

/** The filter that a value of a dimension is. */
export function filterNameOf(dimension: Dimension): string {
  return dimension === "provider" ? "target" : dimension;
}

/** The dimension that a filter is a value of. */
export function dimensionOf(name: string, value: string): Dimension {
  return name === "target" && !value.includes("/") ? "provider" : (name as Dimension);
}

export function isOpenable(dimension: Dimension): dimension is Openable {
  return (OPENABLE as readonly string[]).includes(dimension);
}

/** Whether parts are told apart by it within what was opened: the targets of a provider still are. */
function tellsApart(name: Dimension, search: Search): boolean {
  const target = search["target"];
  if (name === "provider") {
    return !target;
  }
  return name === "target" && target ? dimensionOf("target", target) === "provider" : !search[name];
}

/** By what a part is shown once it was opened: the first dimension that does not narrow yet. */
export function nextOf(opened: Dimension, search: Search): Openable {
  return OPENABLE.find((name) => name !== opened && tellsApart(name, search)) ?? "model";
}

/** Which dimensions can be chosen. Those that are kept by day alone are of all environments, and within nothing. */
export function choicesOf(within: Within, environment: string | undefined): Dimension[] {
  const all = Object.keys(DIMENSIONS) as Dimension[];
  const isWhole = Object.keys(within).length === 0 && !environment;
  return isWhole ? all : all.filter((name) => isOpenable(name) && tellsApart(name, within));
}
