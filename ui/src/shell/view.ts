// What one looks at, as it stands in the address: the filter that every page shares, and each page's own.
// A link that is pasted elsewhere shows the same.

import { useLocation, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";

export type Search = Record<string, string>;

/** These stay when one goes on to another page. */
export const SHARED = ["project", "environment", "range", "from", "to", "live"] as const;

export const RANGES: Record<string, [string, number]> = {
  "1h": ["Last hour", 3_600_000],
  "6h": ["Last 6 hours", 6 * 3_600_000],
  "24h": ["Last 24 hours", 24 * 3_600_000],
  "7d": ["Last 7 days", 7 * 86_400_000],
  "30d": ["Last 30 days", 30 * 86_400_000],
  "90d": ["Last 90 days", 90 * 86_400_000],
};
export const RANGE_DEFAULT = "24h";

export function parseSearch(text: string): Search {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Record<string, unknown>): string {
  const kept = Object.entries(search).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== "",
  );
  const text = new URLSearchParams(kept).toString();
  return text ? `?${text}` : "";
}

export function shared(search: Search): Search {
  return Object.fromEntries(SHARED.flatMap((name) => (search[name] ? [[name, search[name]]] : [])));
}

export type Patch = Record<string, string | null | undefined>;

export function patched(search: Search, patch: Patch): Search {
  const next = { ...search };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === undefined || value === "") {
      delete next[name];
    } else {
      next[name] = value;
    }
  }
  return next;
}

/** The whole of what the address says, and how to change parts of it. */
export function useView(): { search: Search; set: (patch: Patch, replace?: boolean) => void } {
  const location = useLocation();
  const navigate = useNavigate();
  const search = useMemo(() => parseSearch(location.searchStr), [location.searchStr]);
  const set = useCallback(
    (patch: Patch, replace = false) => {
      const next = patched(parseSearch(window.location.search), patch);
      void navigate({ to: window.location.pathname, search: next as never, replace });
    },
    [navigate],
  );
  return { search, set };
}

export interface Shared {
  project: string | undefined;
  environment: string | undefined;
  /** The time as it was chosen; the end of a range that follows is the moment of asking. */
  range: string;
  from: string | undefined;
  to: string | undefined;
  isLive: boolean;
}

export function useShared(): Shared {
  const { search } = useView();
  return useMemo(() => sharedOf(search), [search]);
}

export function sharedOf(search: Search): Shared {
  const isFixed = search["from"] !== undefined && search["to"] !== undefined;
  const range = search["range"] ?? "";
  return {
    project: search["project"],
    environment: search["environment"],
    range: range in RANGES ? range : RANGE_DEFAULT,
    from: isFixed ? search["from"] : undefined,
    to: isFixed ? search["to"] : undefined,
    isLive: search["live"] !== "off" && !isFixed,
  };
}

/** Begin and end as the API takes them, at this moment. */
export function timesOf(view: Shared, now = Date.now()): { from: string; to: string } {
  if (view.from && view.to) {
    return { from: view.from, to: view.to };
  }
  const length = RANGES[view.range]?.[1] ?? 86_400_000;
  return { from: new Date(now - length).toISOString(), to: new Date(now).toISOString() };
}

/** What tells one shared view from another in the keys of questions. */
export function keyOf(view: Shared): (string | undefined)[] {
  return [view.project, view.environment, view.from ?? view.range, view.to];
}

export const REFRESH_MS = 10_000;

/** How often a question is asked again: only where one follows. */
export function refreshOf(view: Shared): number | false {
  return view.isLive ? REFRESH_MS : false;
}
