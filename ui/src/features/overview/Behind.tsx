import type { Line } from "@/core/Chart";
import { To } from "@/shell/To";
import type { Patch } from "@/shell/view";
import { colourOf } from "../series/groupLooks";
import type { SeriesGroup } from "../series/useSeries";
import type { Grouping } from "./grouping";

/** A group as the overview's charts show it. */
export interface Named extends SeriesGroup {
  title: string;
  by: Grouping;
  /** What leads to its calls; null for all others, of which nothing can be asked. */
  calls_filter: Patch | null;
}

interface BehindProps {
  group: Named;
  filter?: Patch;
  children: React.ReactNode;
}

/** The calls of a group. */
export function Behind({ group, filter = {}, children }: BehindProps) {
  return group.calls_filter ? (
    <To path="/requests" filter={{ ...group.calls_filter, ...filter }}>
      {children}
    </To>
  ) : (
    <span data-fact title="the calls of all others can't be listed together">
      {children}
    </span>
  );
}

export function linesOf(groups: Named[], values: (group: Named) => (number | null)[]): (Line & { group: Named })[] {
  return groups.map((group, place) => ({ label: group.title, colour: colourOf(place), values: values(group), group }));
}
