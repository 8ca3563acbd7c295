// Which columns of a table have room. Pure.

export interface Roomed {
  id: string;
  width: string;
  yields?: number | undefined;
}

const GAP_PX = 12;
const EDGES_PX = 24;

/** The least that a track of a grid takes: `90px` of `90px`, and of `minmax(90px, 2fr)`. */
export function leastOf(width: string): number {
  return Number(/(\d+)px/.exec(width)?.[1] ?? 0);
}

/** The columns that fit beside each other: those that yield are left out, the greatest first, as many as it takes. */
export function fitting<Column extends Roomed>(columns: Column[], room: number): Column[] {
  let kept = columns;
  const needed = (): number => kept.reduce((sum, each) => sum + leastOf(each.width) + GAP_PX, EDGES_PX - GAP_PX);
  const yielding = columns.filter((each) => each.yields !== undefined).sort((one, other) => (other.yields ?? 0) - (one.yields ?? 0));
  for (const next of yielding) {
    if (needed() <= room) {
      break;
    }
    kept = kept.filter((each) => each !== next);
  }
  return kept;
}
