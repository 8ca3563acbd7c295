// Grants as a table: a row for each noun, and what each role may do with it. Pure.

const VERBS = ["make", "read", "write", "erase"];

interface NounRow {
  noun: string;
  /** For each role, in order: its verbs. */
  cells: string[][];
}

export function nounsOf(grants: readonly (readonly string[])[]): NounRow[] {
  const nouns = new Set(grants.flatMap((each) => each.map((grant) => grant.split(":")[0] ?? grant)));
  const rows = [...nouns].map((noun): NounRow => {
    const cells = grants.map((each) =>
      each
        .filter((grant) => grant.startsWith(`${noun}:`))
        .map((grant) => grant.slice(noun.length + 1))
        .sort((one, other) => VERBS.indexOf(one) - VERBS.indexOf(other)),
    );
    return { noun: noun.replaceAll("_", " "), cells };
  });
  // What most may do stands first, so that one sees where a role ends.
  const reach = (row: NounRow): number => row.cells.reduce((sum, verbs) => sum + verbs.length, 0);
  return rows.sort((one, other) => reach(other) - reach(one) || one.noun.localeCompare(other.noun));
}
