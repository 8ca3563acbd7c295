import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import { moment } from "@/core/format";
import { type Shared, keyOf, refreshOf, timesOf } from "@/shell/view";
import { FIELDS, type Field, type Filters, queryOf } from "./filters";

export type FacetName = Schemas["CallFacet"]["facet"];
export type CallFacet = Schemas["CallFacet"];

/** How often each value of these facets stands in the list, each counted under all filters but its own. */
export function useFacets(view: Shared, filters: Filters, facets: readonly FacetName[]) {
  const facet = facets.join(",");
  return useQuery({
    queryKey: ["facets", ...keyOf(view), filters, facet],
    queryFn: async ({ signal }) => {
      const times = timesOf(view);
      const query = { ...queryOf(view, filters), ...times, facet };
      const found = await ask(api.GET("/api/v1/requests/facets", { params: { query }, signal }));
      return { items: found.items, ...times };
    },
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    refetchInterval: refreshOf(view),
  });
}

const SLOT_MS = 15 * 60_000;

/** What a facet's counts leave out, or count beside what the list has; empty where nothing. Pure. */
export function noteOf(facet: CallFacet, asked: { from: string; to: string }): string {
  const [begin, from] = [Date.parse(facet.begin), Date.parse(asked.from)];
  const said: string[] = [];
  if (facet.without.length > 0) {
    said.push(`counted without ${facet.without.map((name) => FIELDS[name as Field] ?? name).join(", ")}`);
  }
  if (begin > from) {
    said.push(`of the newest calls, since ${moment(facet.begin)}`);
  } else if (from - begin > SLOT_MS) {
    said.push(`of whole days, since ${moment(facet.begin)}`);
  }
  return said.join("; ");
}
