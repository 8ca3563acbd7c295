import { useState } from "react";
import type { Shared } from "@/shell/view";
import { Facet, type FacetValue } from "../listing/Facet";
import { filterOf, titleOf } from "../listing/none";
import { FIELDS, type Filters } from "./filters";
import { type CallFacet, type FacetName, noteOf, useFacets } from "./useFacets";

const ALL: FacetName[] = ["status", "code", "model", "target", "prompt", "environment", "release", "key", "user", "tag"];
/** The others are counted once they are opened. */
const OPEN_AT_FIRST: FacetName[] = ["status", "code", "model", "target", "prompt"];
const STAYS_OPEN: FacetName[] = ["status", "code"];
const STATUSES = ["ok", "4xx", "5xx"];
const SHADOWS: FacetValue[] = [
  { value: "no", title: "left out", count: -1 },
  { value: "yes", title: "alone", count: -1 },
];

/** What the calls of this list have in common, with how many of them; a click filters by it. */
export function Facets({ view, filters }: { view: Shared; filters: Filters }) {
  const [open, setOpen] = useState<Partial<Record<FacetName, boolean>>>({});
  // The environment is a filter of all pages, which stands at the top.
  const chosen = (name: FacetName): string | undefined => (name === "environment" ? view.environment : filters[name]);
  const isOpen = (name: FacetName): boolean => open[name] ?? (OPEN_AT_FIRST.includes(name) || chosen(name) !== undefined);
  const found = useFacets(view, filters, ALL.filter(isOpen));
  return (
    <>
      {ALL.map((name) => {
        const facet = found.data?.items.find((each) => each.facet === name);
        const values = facet ? valuesOf(facet) : [];
        if (isOpen(name) && facet && values.length === 0 && chosen(name) === undefined) {
          return null;
        }
        return (
          <Facet
            key={name}
            field={name}
            title={name === "environment" ? "Environment" : FIELDS[name]}
            values={values}
            chosen={chosen(name)}
            isOpen={isOpen(name)}
            note={facet && found.data ? noteOf(facet, found.data) : ""}
            {...(STAYS_OPEN.includes(name) ? {} : { onToggle: () => setOpen({ ...open, [name]: !isOpen(name) }) })}
          />
        );
      })}
      <ShadowFacet chosen={filters.shadow} />
    </>
  );
}

/** Calls that a rollout made beside those of callers, to compare the answers: nobody waited for them. */
function ShadowFacet({ chosen }: { chosen: string | undefined }) {
  const [isOpen, setOpen] = useState(chosen !== undefined);
  return (
    <Facet field="shadow" title={FIELDS.shadow} values={SHADOWS} chosen={chosen} isOpen={isOpen} onToggle={() => setOpen(!isOpen)} />
  );
}

function valuesOf({ facet, values }: CallFacet): FacetValue[] {
  if (facet === "status") {
    const calls = new Map(values.map((each) => [each.value, each.calls]));
    return STATUSES.map((value) => ({ value, title: value === "ok" ? "answered" : value, count: calls.get(value) ?? 0 }));
  }
  return values.map(({ value, calls }) => {
    const title = facet === "release" ? value.slice(0, 12) : value;
    return { value: filterOf(value), title: titleOf(title), count: calls };
  });
}
