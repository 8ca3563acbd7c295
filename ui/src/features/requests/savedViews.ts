// Views of the list that a person has named, in this browser.

import { isRecord } from "@/api";
import type { Search } from "@/shell/view";

export interface SavedView {
  name: string;
  search: Search;
}

const PLACE = "headgate.requests.views";
const VIEWS_MAX = 50;

export function savedViews(): SavedView[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(PLACE) ?? "[]");
    return Array.isArray(found) ? found.filter(isView).slice(0, VIEWS_MAX) : [];
  } catch {
    // What another program left there is no view.
    return [];
  }
}

export function storeViews(views: SavedView[]): void {
  localStorage.setItem(PLACE, JSON.stringify(views.slice(0, VIEWS_MAX)));
}

function isView(value: unknown): value is SavedView {
  return (
    isRecord(value) &&
    typeof value["name"] === "string" &&
    isRecord(value["search"]) &&
    Object.values(value["search"]).every((each) => typeof each === "string")
  );
}
