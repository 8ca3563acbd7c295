// How lines that stand beside one another are told apart. Pure.

const COLOURS = ["blue", "orange", "green", "purple", "sky", "vermillion", "yellow", "mark", "soft"];
const DASHES = [undefined, [6, 3], [2, 3], [8, 3, 2, 3], [1, 2], [10, 4], [4, 2], [3, 5], [1, 4]];

/** The colour of a group by its place: the largest first. */
export function colourOf(place: number): string {
  return COLOURS[place % COLOURS.length] ?? "soft";
}

/** The dash of a line by its place: colour alone can't be told apart by everybody. */
export function dashOf(place: number): { dash?: number[] } {
  const dash = DASHES[place];
  return dash ? { dash } : {};
}
