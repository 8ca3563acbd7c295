// Views of a list that a person has named, in this browser.

import { isRecord } from "@/api";
import type { Search } from "@/shell/view";

export interface SavedView {
  name: string;
  search: Search;
}

const VIEWS_MAX = 50;

const placeOf = (list: string): string => `headgate.${list}.views`;

/** The views of a list, such as `requests`. */
export function savedViews(list: string): SavedView[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(placeOf(list)) ?? "[]");
    return Array.isArray(found) ? found.filter(isView).slice(0, VIEWS_MAX) : [];
  } catch {
    // What another program left there is no view.
    return [];
  }
}

export function storeViews(list: string, views: SavedView[]): void {
  localStorage.setItem(placeOf(list), JSON.stringify(views.slice(0, VIEWS_MAX)));
}

function isView(value: unknown): value is SavedView {
  return (
    isRecord(value) &&
    typeof value["name"] === "string" &&
    isRecord(value["search"]) &&
    Object.values(value["search"]).every((each) => typeof each === "string")
  );
}
