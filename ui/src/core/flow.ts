// Where the parts of a flow stand. Pure.

interface Placed<B> {
  branch: B;
  path: string;
  top: number;
  middle: number;
}

interface Sizes {
  row: number;
  box: number;
  from: number;
  to: number;
}

/** Each branch with its curve from the middle of all to its own. */
export function branchesOf<B>(branches: readonly B[], { row, box, from, to }: Sizes): Placed<B>[] {
  const start = (Math.max(1, branches.length) * row) / 2;
  const bend = (to - from) / 2;
  return branches.map((branch, place) => {
    const middle = place * row + row / 2;
    const path = `M${from} ${start}C${from + bend} ${start} ${to - bend} ${middle} ${to} ${middle}`;
    return { branch, path, top: middle - box / 2, middle };
  });
}

const CHARACTER_PX = 6.4;

/** A text cut to what fits about so wide, with a sign that it is. */
export function fitted(text: string, width: number): string {
  const most = Math.max(1, Math.floor(width / CHARACTER_PX));
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}
