import type { Column } from "@/core/Table";

/** The columns that the address names, all of them; else those of most people, as many as there is room for. Pure. */
export function shownOf<Row>(columns: Column<Row>[], names: string | undefined, byDefault: string): Column<Row>[] {
  const wanted = (names ?? byDefault).split(",");
  const found = wanted.flatMap((name) => columns.filter((column) => column.id === name));
  if (found.length === 0) {
    return shownOf(columns, undefined, byDefault);
  }
  return names === undefined ? found : found.map((column) => ({ ...column, yields: undefined }));
}
