import { useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { Chart } from "@/core/Chart";
import { compact } from "@/core/format";
import { Empty, Failed, Loading } from "@/core/States";
import { Table } from "@/core/Table";
import { parseSearch, patched, shared, useShared, useView } from "@/shell/view";
import { CountedNote } from "../listing/CountedNote";
import { Facet } from "../listing/Facet";
import { Chips, ColumnChooser, TextFilter } from "../listing/FilterBar";
import { FilterMenu } from "../listing/FilterMenu";
import { FacetColumn, FoldButton, useFold } from "../listing/Fold";
import { Following } from "../listing/Following";
import { NothingMatches, narrowedBy } from "../listing/NothingMatches";
import { AddTracesToDataset } from "../datasets/AddToDataset";
import { SavedViews } from "../listing/SavedViews";
import { useMarks } from "../series/useMarks";
import { COLUMNS, SHOWN_BY_DEFAULT, columnsOf } from "./columns";
import { TracePages } from "./TracePages";
import { FIELDS, type Field, type Filters, SORTS, type Sort, WRITTEN, filtersOf, queryOf, sortOf } from "./filters";
import { type Item, placeOf, useTraceCounts, useTraceFacets, useTraces } from "./useTraces";

export default function Traces() {
  const { search } = useView();
  const fold = useFold();
  const filters = useMemo(() => filtersOf(search), [search]);
  const text = JSON.stringify(filters);
  // The same filters are the same object, so that what hangs on them is asked once.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const steady = useMemo(() => filters, [text]);
  return (
    <TracePages fills>
      <div className="hg-requests">
        <FacetColumn fold={fold}>
          <TraceFacets filters={steady} />
        </FacetColumn>
        <List
          filters={steady}
          sort={sortOf(search)}
          columns={search["columns"]}
          lead={<FoldButton fold={fold} chosen={Object.keys(steady).length} />}
        />
      </div>
    </TracePages>
  );
}

const FACETS: Field[] = ["status", "flag", "name", "model", "agent", "tool", "provider", "service", "user", "tag", "release"];

function TraceFacets({ filters }: { filters: Filters }) {
  const view = useShared();
  const found = useTraceFacets(view, filters);
  const items = found.data?.items ?? [];
  return (
    <>
      {FACETS.map((field) => {
        const facet = items.find((each) => each.facet === field);
        const values = (facet?.values ?? []).map((each) => ({
          value: each.value,
          title: field === "release" ? each.value.slice(0, 12) : each.value,
          count: each.traces,
        }));
        if (values.length === 0 && filters[field] === undefined) {
          return null;
        }
        // Those that are counted as all of the list are have one note beneath all of them.
        const isOwn = facet !== undefined && !facet.complete && filters[field] !== undefined;
        const note = isOwn ? `of the newest ${compact(facet.traces)} traces` : "";
        return <Facet key={field} field={field} title={FIELDS[field]} values={values} chosen={filters[field]} isOpen note={note} />;
      })}
      {found.data && !found.data.complete && (
        <p className="hg-soft hg-facets-note">Counted over the newest {compact(found.data.traces)} traces.</p>
      )}
    </>
  );
}

interface ListProps {
  filters: Filters;
  sort: Sort;
  columns: string | undefined;
  /** What stands first above it. */
  lead: React.ReactNode;
}

function List({ filters, sort, columns, lead }: ListProps) {
  const view = useShared();
  const navigate = useNavigate();
  const { pages, items, tail } = useTraces(view, filters, sort);
  const shown = useMemo(() => columnsOf(columns), [columns]);
  const onOpen = useCallback(
    (item: Item) => {
      const search = patched(shared(parseSearch(window.location.search)), { of: item.project });
      void navigate({ to: `/traces/${item.trace_id}`, search: search as never });
    },
    [navigate],
  );
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) {
      void fetchNextPage();
    }
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  return (
    <div className="hg-list">
      <div className="hg-list-bar">
        {lead}
        <TextFilter key={filters.text ?? ""} text={filters.text ?? ""} label="Text in steps" />
        <Sorts sort={sort} isFailed={filters.status === "error"} />
        <FilterMenu fields={WRITTEN} filters={filters} />
        <Chips filters={filters} titles={FIELDS} />
        <span className="hg-spring" />
        <Following tail={tail} isLive={view.isLive && sort === "newest"} nouns={["trace", "traces"]} />
        {items.length > 0 && (
          <AddTracesToDataset
            projects={[...new Set(items.map((item) => item.project))]}
            of={{ trace_ids: [], span_ids: [], filters: withoutProject(queryOf(view, filters)) }}
            what="The newest traces of this list"
          />
        )}
        <SavedViews list="traces" />
        <ColumnChooser columns={COLUMNS} chosen={columns} byDefault={SHOWN_BY_DEFAULT} />
      </div>
      <Histogram filters={filters} />
      {items.length > 0 ? (
        <Table
          label="traces"
          rows={items}
          columns={shown}
          keyOf={placeOf}
          onOpen={onOpen}
          onEnd={onEnd}
          onTop={(isAtTop) => tail.setHeld(!isAtTop)}
          footer={isFetchingNextPage ? "Loading more …" : null}
          fills
        />
      ) : (
        <Nothing pages={pages} filters={filters} />
      )}
    </div>
  );
}

function withoutProject({ project: _, ...filters }: Record<string, string>): Record<string, string> {
  return filters;
}

/** What is asked for most: one click each. */
function Sorts({ sort, isFailed }: { sort: Sort; isFailed: boolean }) {
  const { set } = useView();
  return (
    <div className="hg-choices" role="group" aria-label="which first">
      {(Object.keys(SORTS) as Sort[]).map((each) => (
        <button
          key={each}
          type="button"
          className="hg-button"
          aria-pressed={each === sort}
          onClick={() => set({ sort: each === "newest" ? null : each })}
        >
          {SORTS[each]}
        </button>
      ))}
      <button type="button" className="hg-button" aria-pressed={isFailed} onClick={() => set({ status: isFailed ? null : "error" })}>
        Failed
      </button>
    </div>
  );
}

/** Traces over time; dragging over it chooses a time. */
function Histogram({ filters }: { filters: Filters }) {
  const view = useShared();
  const { set } = useView();
  const marks = useMarks(view);
  const counts = useTraceCounts(view, filters).data;
  const lines = useMemo(() => [{ label: "traces", colour: "blue", values: counts?.traces ?? [] }], [counts]);
  if (!counts) {
    return <div className="hg-histogram" />;
  }
  return (
    <div className="hg-histogram">
      <Chart
        title="Traces"
        form="bars"
        height={84}
        at={counts.at}
        end={counts.end}
        lines={lines}
        marks={marks}
        write={compact}
        onSelect={(from, to) => set({ from, to, range: null })}
      />
      <CountedNote counts={counts} nouns="traces" newest="5,000" />
    </div>
  );
}

function Nothing({ pages, filters }: { pages: ReturnType<typeof useTraces>["pages"]; filters: Filters }) {
  const view = useShared();
  if (pages.error) {
    return <Failed error={pages.error} onRetry={() => void pages.refetch()} />;
  }
  if (pages.isPending) {
    return <Loading what="traces" />;
  }
  if (Object.keys(narrowedBy(view, filters)).length > 0) {
    return <NothingMatches noun="trace" filters={filters} titles={FIELDS} />;
  }
  const lines = [
    `OTEL_EXPORTER_OTLP_ENDPOINT=${window.location.origin}`,
    "OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20YOUR_KEY",
  ];
  return (
    <Empty title="No trace in this time">
      <p className="hg-soft">Point the exporter of an instrumented application here; traces show within a second.</p>
      <pre className="hg-paste">{lines.join("\n")}</pre>
    </Empty>
  );
}
