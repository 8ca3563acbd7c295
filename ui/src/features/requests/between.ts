// What changed between one call and the next, as a list has them: the newest first. Pure.

import { moment } from "@/core/format";
import type { Change } from "../series/useMarks";

const NAMED = 3;

/** By the id of the newer call what changed before it and after the next one: not in front of the newest of all. */
export function between(items: { id: string; started_at: string }[], changes: Change[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const times = changes.map((change) => Date.parse(change.at));
  items.slice(0, -1).forEach((item, place) => {
    const [newer, older] = [Date.parse(item.started_at), Date.parse(items[place + 1]?.started_at ?? "")];
    const here = changes.filter((_, at) => (times[at] ?? 0) <= newer && (times[at] ?? 0) > older);
    if (here.length > 0) {
      const names = here.slice(-NAMED).map((change) => `${moment(change.at)} ${change.name}`);
      found.set(item.id, `▾ ${names.reverse().join(" · ")}${here.length > NAMED ? ` · ${here.length - NAMED} more` : ""}`);
    }
  });
  return found;
}
