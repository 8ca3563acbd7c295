import { useMemo, useState } from "react";
import { type Piece, type Row, piecesOf, rowsOf } from "./diff";
import { Text } from "./Text";

const AROUND = 3;

/** Two texts side by side; what is the same for long is folded. */
export function Diff({ before, after, names }: { before: string; after: string; names: [string, string] }) {
  const rows = useMemo(() => rowsOf(before, after), [before, after]);
  const [showsAll, setShowsAll] = useState(false);
  const shown = useMemo(() => (showsAll ? rows : near(rows)), [rows, showsAll]);
  const hidden = rows.length - shown.filter((row) => row !== null).length;
  return (
    <div className="hg-scroll-x" tabIndex={0} role="region" aria-label={`difference of ${names[0]} and ${names[1]}`}>
      <table className="hg-diff">
        <thead>
          <tr>
            <th scope="col">{names[0]}</th>
            <th scope="col">{names[1]}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row, place) =>
            row === null ? (
              <tr key={place} className="hg-diff-fold">
                <td colSpan={2}>
                  <button type="button" className="hg-link" onClick={() => setShowsAll(true)}>
                    {hidden} lines are the same: show
                  </button>
                </td>
              </tr>
            ) : (
              <DiffRow key={place} row={row} />
            ),
          )}
        </tbody>
      </table>
      {rows.every((row) => row.change === "same") && <p className="hg-soft">They say the same.</p>}
    </div>
  );
}

function DiffRow({ row }: { row: Row }) {
  const [left, right] =
    row.change === "changed" ? piecesOf(row.before ?? "", row.after ?? "") : [whole(row.before), whole(row.after)];
  return (
    <tr>
      <Side pieces={left} sign={row.change === "changed" || row.change === "removed" ? "−" : ""} isThere={row.before !== null} />
      <Side pieces={right} sign={row.change === "changed" || row.change === "added" ? "+" : ""} isThere={row.after !== null} />
    </tr>
  );
}

function whole(text: string | null): Piece[] {
  return text === null || text === "" ? [] : [{ text, isChanged: false }];
}

function Side({ pieces, sign, isThere }: { pieces: Piece[]; sign: "−" | "+" | ""; isThere: boolean }) {
  const kind = !isThere ? "hg-diff-none" : sign === "−" ? "hg-diff-removed" : sign === "+" ? "hg-diff-added" : "";
  return (
    <td className={kind}>
      <span className="hg-diff-sign">{isThere ? sign : ""}</span>
      {pieces.map((piece, place) =>
        piece.isChanged ? (
          <mark key={place}>
            <Text>{piece.text}</Text>
          </mark>
        ) : (
          <Text key={place}>{piece.text}</Text>
        ),
      )}
    </td>
  );
}

/** Rows near a change; null stands for what is folded. */
function near(rows: Row[]): (Row | null)[] {
  const isNear = rows.map(() => false);
  rows.forEach((row, place) => {
    if (row.change !== "same") {
      isNear.fill(true, Math.max(0, place - AROUND), place + AROUND + 1);
    }
  });
  const found: (Row | null)[] = [];
  rows.forEach((row, place) => {
    if (isNear[place] || rows.length <= 2 * AROUND) {
      found.push(row);
    } else if (found.at(-1) !== null) {
      found.push(null);
    }
  });
  return found;
}
