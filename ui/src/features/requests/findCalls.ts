import { api, ask } from "@/api";
import type { Shared } from "@/shell/view";
import { type Filters, queryOf } from "./filters";
import type { Item } from "./useRequests";

/** As many as a dataset takes at once. */
export const ADDED_MAX = 1000;
const PAGE = 500;

/** The newest calls that a list shows, whether or not it has drawn them yet. */
export async function findCalls(view: Shared, filters: Filters): Promise<Item[]> {
  const found: Item[] = [];
  let next: string | null = null;
  do {
    const query: Record<string, unknown> = { ...queryOf(view, filters), limit: PAGE, ...(next === null ? {} : { next }) };
    const page: { items: Item[]; next: string | null } = await ask(api.GET("/api/v1/requests", { params: { query } }));
    found.push(...page.items);
    next = page.next;
  } while (next !== null && found.length < ADDED_MAX);
  return found.slice(0, ADDED_MAX);
}
