// Calls without a name: what a filter says of them, and what a person reads. Pure.

export const NONE = "-";

/** The filter for a name as sums have it: an empty one is none. */
export function filterOf(name: string): string {
  return name || NONE;
}

export function titleOf(value: string): string {
  return value === NONE || value === "" ? "none" : value;
}
