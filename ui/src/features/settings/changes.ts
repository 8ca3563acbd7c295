// What differs between configurations, as rows. Pure.

import type { Schemas } from "@/api";

interface Row {
  path: string;
  old: unknown;
  now: unknown;
  note: string;
}

/** A row for each key: what comes or goes as a whole is taken apart, so that it can be read. */
export function rowsOf(changes: readonly Schemas["headgate.config.changes.Change"][]): Row[] {
  return changes.flatMap((change): Row[] => {
    const old = asMembers(change.old);
    const now = asMembers(change.new);
    if (change.change === "changed" || (old === null && now === null)) {
      return [{ path: change.path, old: change.old, now: change.new, note: change.note ?? "" }];
    }
    const names = [...new Set([...Object.keys(old ?? {}), ...Object.keys(now ?? {})])];
    return names.map((name) => ({ path: `${change.path}.${name}`, old: old?.[name], now: now?.[name], note: "" }));
  });
}

function asMembers(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}

/** A value as headgate.toml would say it, about; null where it isn't set. */
export function shownAs(value: unknown): string | null {
  if (value === null || value === undefined) {
    return null;
  }
  return typeof value === "string" ? value : JSON.stringify(value, null, 1).replaceAll(/\n\s*/g, " ");
}
