// What is usual of a signal, as a band behind its line. Pure.

import type { Band, Line } from "@/core/Chart";

/** A signal's line, and the band or the edge of what is usual; an edge that nobody watches isn't drawn. */
export function bandOf(label: string, values: (number | null)[], low: number | null, high: number | null): { lines: Line[]; bands: Band[] } {
  const line: Line = { label, colour: "blue", values };
  const edge = (name: string, at: number, isEdge: boolean): Line => ({
    label: name,
    colour: "green",
    values: values.map(() => at),
    isEdge,
    ...(isEdge ? {} : { dash: [2, 3] }),
  });
  if (high !== null) {
    const edges = [edge("usual from", low ?? 0, true), edge("usual to", high, true)];
    return { lines: [line, ...edges], bands: [{ low: 1, high: 2, colour: "green" }] };
  }
  return { lines: low === null ? [line] : [line, edge("usual from", low, false)], bands: [] };
}
