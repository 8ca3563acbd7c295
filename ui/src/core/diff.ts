// What differs between two texts, line by line, and within lines that changed. Pure, and bounded.

export interface Row {
  change: "same" | "added" | "removed" | "changed";
  before: string | null;
  after: string | null;
}

const LINES_MAX = 4000;
const EDITS_MAX = 1200;

/** Rows side by side: a removed line stands beside the line that took its place. */
export function rowsOf(before: string, after: string): Row[] {
  const old = before.split("\n").slice(0, LINES_MAX);
  const now = after.split("\n").slice(0, LINES_MAX);
  const kept = common(old, now);
  const rows: Row[] = [];
  let left = 0;
  let right = 0;
  for (const [one, other] of [...kept, [old.length, now.length] as const]) {
    rows.push(...between(old.slice(left, one), now.slice(right, other)));
    if (one < old.length && other < now.length) {
      rows.push({ change: "same", before: old[one] ?? "", after: now[other] ?? "" });
    }
    left = one + 1;
    right = other + 1;
  }
  return rows;
}

function between(old: string[], now: string[]): Row[] {
  const length = Math.max(old.length, now.length);
  return Array.from({ length }, (_, place): Row => {
    const before = old[place] ?? null;
    const after = now[place] ?? null;
    if (before === null) {
      return { change: "added", before, after };
    }
    return { change: after === null ? "removed" : "changed", before, after };
  });
}

/** Pairs of places of lines that both have, in order (Myers, 1986). Too many edits: only what begins and ends alike. */
function common(old: string[], now: string[]): [number, number][] {
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) {
    start += 1;
  }
  let end = 0;
  while (end < old.length - start && end < now.length - start && old[old.length - 1 - end] === now[now.length - 1 - end]) {
    end += 1;
  }
  const head = Array.from({ length: start }, (_, place): [number, number] => [place, place]);
  const tail = Array.from({ length: end }, (_, place): [number, number] => [old.length - end + place, now.length - end + place]);
  const middle = shortest(old.slice(start, old.length - end), now.slice(start, now.length - end));
  return [...head, ...middle.map(([one, other]): [number, number] => [one + start, other + start]), ...tail];
}

function shortest(old: string[], now: string[]): [number, number][] {
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  const most = Math.min(EDITS_MAX, old.length + now.length);
  for (let edits = 0; edits <= most; edits += 1) {
    trace.push(new Map(furthest));
    for (let line = -edits; line <= edits; line += 2) {
      const down = line === -edits || (line !== edits && (furthest.get(line - 1) ?? -1) < (furthest.get(line + 1) ?? -1));
      let x = down ? (furthest.get(line + 1) ?? 0) : (furthest.get(line - 1) ?? 0) + 1;
      while (x < old.length && x - line < now.length && old[x] === now[x - line]) {
        x += 1;
      }
      furthest.set(line, x);
      if (x >= old.length && x - line >= now.length) {
        return backwards(trace, old.length, now.length);
      }
    }
  }
  return [];
}

function backwards(trace: Map<number, number>[], oldLength: number, nowLength: number): [number, number][] {
  const pairs: [number, number][] = [];
  let x = oldLength;
  let y = nowLength;
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const furthest = trace[edits] as Map<number, number>;
    const line = x - y;
    const down = line === -edits || (line !== edits && (furthest.get(line - 1) ?? -1) < (furthest.get(line + 1) ?? -1));
    const before = down ? line + 1 : line - 1;
    const fromX = furthest.get(before) ?? 0;
    const fromY = fromX - before;
    while (x > fromX && y > fromY && x > 0 && y > 0) {
      x -= 1;
      y -= 1;
      pairs.push([x, y]);
    }
    x = fromX;
    y = fromY;
  }
  return pairs.reverse();
}

export interface Piece {
  text: string;
  isChanged: boolean;
}

/** Where two lines differ, without what they begin and end with alike. */
export function piecesOf(before: string, after: string): [Piece[], Piece[]] {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) {
    start += 1;
  }
  let end = 0;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) {
    end += 1;
  }
  const split = (text: string): Piece[] =>
    [
      { text: text.slice(0, start), isChanged: false },
      { text: text.slice(start, text.length - end), isChanged: true },
      { text: text.slice(text.length - end), isChanged: false },
    ].filter((piece) => piece.text !== "");
  return [split(before), split(after)];
}
