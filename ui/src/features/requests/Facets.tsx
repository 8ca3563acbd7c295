import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "@/api";
import { compact } from "@/core/format";
import { Text } from "@/core/Text";
import { type Shared, keyOf, timesOf, useView } from "@/shell/view";
import { useSeries } from "../series/useSeries";
import { FIELDS, type Field, type Filters } from "./filters";

const GROUPS = ["model", "target", "prompt", "release", "key", "user", "tag"] as const;
type Group = (typeof GROUPS)[number];
const OPEN_AT_FIRST: Field[] = ["model", "target", "prompt"];
const SHOWN = 8;

/** What the calls of this time have in common, with how many of them; a click filters by it. */
export function Facets({ view, filters }: { view: Shared; filters: Filters }) {
  return (
    <aside className="hg-facets" aria-label="filters">
      <StatusFacet view={view} filters={filters} />
      {GROUPS.map((group) => (
        <GroupFacet key={group} group={group} view={view} filters={filters} />
      ))}
    </aside>
  );
}

interface Value {
  value: string;
  title: string;
  calls: number;
}

function StatusFacet({ view, filters }: { view: Shared; filters: Filters }) {
  const series = useSeries(view);
  const group = series.data?.groups[0];
  const sum = (values: number[] | undefined): number => (values ?? []).reduce((total, each) => total + each, 0);
  const values: Value[] = [
    { value: "ok", title: "answered", calls: sum(group?.ok) },
    { value: "4xx", title: "4xx", calls: sum(group?.client_errors) },
    { value: "5xx", title: "5xx", calls: sum(group?.server_errors) },
  ];
  const codes = (series.data?.failures ?? []).flatMap((line): Value[] =>
    line.code ? [{ value: line.code, title: line.code, calls: line.calls }] : [],
  );
  return (
    <>
      <Facet field="status" values={values} chosen={filters.status} isOpen />
      {codes.length > 0 && <Facet field="code" values={codes} chosen={filters.code} isOpen />}
    </>
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
    .flatMap((row): Value[] => {
      const value = row[group];
      return value ? [{ value, title: group === "release" ? value.slice(0, 12) : value, calls: row.requests }] : [];
    })
    .sort((one, other) => other.calls - one.calls);
  if (isOpen && found.data && values.length === 0 && filters[group] === undefined) {
    return null;
  }
  return <Facet field={group} values={values} chosen={filters[group]} isOpen={isOpen} onToggle={() => setOpen(!isOpen)} />;
}

function Facet(props: {
  field: Field;
  values: Value[];
  chosen: string | undefined;
  isOpen: boolean;
  onToggle?: () => void;
}) {
  const { field, values, chosen, isOpen, onToggle } = props;
  const { set } = useView();
  const [showsAll, setShowsAll] = useState(false);
  const shown = showsAll ? values : values.slice(0, SHOWN);
  const missing = chosen !== undefined && !shown.some((each) => each.value === chosen);
  const all = missing ? [{ value: chosen, title: chosen, calls: -1 }, ...shown] : shown;
  return (
    <section className="hg-facet" aria-label={FIELDS[field]}>
      <h2>
        {onToggle ? (
          <button type="button" aria-expanded={isOpen} onClick={onToggle}>
            {FIELDS[field]}
            <span aria-hidden="true">{isOpen ? " −" : " +"}</span>
          </button>
        ) : (
          FIELDS[field]
        )}
      </h2>
      {isOpen && (
        <ul>
          {all.map((each) => (
            <li key={each.value}>
              <button
                type="button"
                aria-pressed={each.value === chosen}
                title={each.title}
                onClick={() => set({ [field]: each.value === chosen ? null : each.value })}
              >
                <span className="hg-ellipsis">
                  <Text>{each.title}</Text>
                </span>
                <span className="hg-number">{each.calls < 0 ? "" : compact(each.calls)}</span>
              </button>
            </li>
          ))}
          {values.length > SHOWN && (
            <li>
              <button type="button" className="hg-more" onClick={() => setShowsAll(!showsAll)}>
                {showsAll ? "fewer" : `${values.length - SHOWN} more`}
              </button>
            </li>
          )}
        </ul>
      )}
    </section>
  );
}
