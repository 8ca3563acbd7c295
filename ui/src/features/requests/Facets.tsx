import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "@/api";
import { type Shared, keyOf, timesOf } from "@/shell/view";
import { Facet, type FacetValue } from "../listing/Facet";
import { filterOf, titleOf } from "../listing/none";
import { useSeries } from "../series/useSeries";
import { FIELDS, type Field, type Filters } from "./filters";

const GROUPS = ["model", "target", "prompt", "release", "key", "user", "tag"] as const;
type Group = (typeof GROUPS)[number];
const OPEN_AT_FIRST: Field[] = ["model", "target", "prompt"];

/** What the calls of this time have in common, with how many of them; a click filters by it. */
export function Facets({ view, filters }: { view: Shared; filters: Filters }) {
  return (
    <aside className="hg-facets" aria-label="filters">
      <StatusFacet view={view} filters={filters} />
      {GROUPS.map((group) => (
        <GroupFacet key={group} group={group} view={view} filters={filters} />
      ))}
      <ShadowFacet chosen={filters.shadow} />
    </aside>
  );
}

function StatusFacet({ view, filters }: { view: Shared; filters: Filters }) {
  const series = useSeries(view, { latencies: "no" });
  const group = series.data?.groups[0];
  const sum = (values: number[] | undefined): number => (values ?? []).reduce((total, each) => total + each, 0);
  const values: FacetValue[] = [
    { value: "ok", title: "answered", count: sum(group?.ok) },
    { value: "4xx", title: "4xx", count: sum(group?.client_errors) },
    { value: "5xx", title: "5xx", count: sum(group?.server_errors) },
  ];
  const codes = (series.data?.failures ?? []).flatMap((line): FacetValue[] =>
    line.code ? [{ value: line.code, title: line.code, count: line.calls }] : [],
  );
  return (
    <>
      <Facet field="status" title={FIELDS.status} values={values} chosen={filters.status} isOpen />
      {codes.length > 0 && <Facet field="code" title={FIELDS.code} values={codes} chosen={filters.code} isOpen />}
    </>
  );
}

const SHADOWS: FacetValue[] = [
  { value: "no", title: "left out", count: -1 },
  { value: "yes", title: "alone", count: -1 },
];

/** Calls that a rollout made beside those of callers, to compare the answers: nobody waited for them. */
function ShadowFacet({ chosen }: { chosen: string | undefined }) {
  const [isOpen, setOpen] = useState(chosen !== undefined);
  return (
    <Facet field="shadow" title={FIELDS.shadow} values={SHADOWS} chosen={chosen} isOpen={isOpen} onToggle={() => setOpen(!isOpen)} />
  );
}

function GroupFacet({ group, view, filters }: { group: Group; view: Shared; filters: Filters }) {
  const [isOpen, setOpen] = useState(OPEN_AT_FIRST.includes(group) || filters[group] !== undefined);
  const found = useQuery({
    queryKey: ["facet", group, ...keyOf(view)],
    enabled: isOpen,
    staleTime: 30_000,
    queryFn: ({ signal }) => {
      const query = { group_by: group, limit: 100, ...timesOf(view), ...(view.project ? { project: view.project } : {}) };
      return ask(api.GET("/api/v1/costs", { params: { query }, signal }));
    },
  });
  const values = (found.data?.items ?? [])
    .flatMap((row): FacetValue[] => {
      const value = row[group];
      if (value === undefined) {
        return [];
      }
      const title = group === "release" ? value.slice(0, 12) : value;
      return [{ value: filterOf(value), title: titleOf(title), count: row.requests }];
    })
    .sort((one, other) => other.count - one.count);
  if (isOpen && found.data && values.length === 0 && filters[group] === undefined) {
    return null;
  }
  return (
    <Facet
      field={group}
      title={FIELDS[group]}
      values={values}
      chosen={filters[group]}
      isOpen={isOpen}
      onToggle={() => setOpen(!isOpen)}
    />
  );
}
