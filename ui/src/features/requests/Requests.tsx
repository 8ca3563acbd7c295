import { useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { Chart } from "@/core/Chart";
import { compact } from "@/core/format";
import { Empty, Failed, Loading } from "@/core/States";
import { Table } from "@/core/Table";
import { shared, parseSearch, useShared, useView } from "@/shell/view";
import { CountedNote } from "../listing/CountedNote";
import { FacetColumn, FoldButton, useFold } from "../listing/Fold";
import { Following } from "../listing/Following";
import { NothingMatches, narrowedBy } from "../listing/NothingMatches";
import { useMarks } from "../series/useMarks";
import { between } from "./between";
import { columnsOf } from "./columns";
import { Facets } from "./Facets";
import { FIELDS, type Filters, filtersOf } from "./filters";
import { ListBar } from "./ListBar";
import { useCounts } from "./useCounts";
import { type Item, useRequests } from "./useRequests";

export default function Requests() {
  const view = useShared();
  const { search } = useView();
  const fold = useFold();
  const filters = useMemo(() => filtersOf(search), [search]);
  const text = JSON.stringify(filters);
  // The same filters are the same object, so that what hangs on them is asked once.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const steady = useMemo(() => filters, [text]);
  return (
    <div className="hg-requests">
      <h1 className="hg-visually-hidden">Requests</h1>
      <FacetColumn fold={fold}>
        <Facets view={view} filters={steady} />
      </FacetColumn>
      <List filters={steady} columns={search["columns"]} lead={<FoldButton fold={fold} chosen={Object.keys(steady).length} />} />
    </div>
  );
}

function List({ filters, columns, lead }: { filters: Filters; columns: string | undefined; lead: React.ReactNode }) {
  const view = useShared();
  const navigate = useNavigate();
  const { pages, items, tail } = useRequests(view, filters);
  const shown = useMemo(() => columnsOf(columns), [columns]);
  const changes = useMarks(view);
  const notes = useMemo(() => between(items, changes), [items, changes]);
  const onOpen = useCallback(
    (item: Item) => {
      const search = shared(parseSearch(window.location.search));
      void navigate({ to: `/requests/${item.id}`, search: search as never });
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
      <ListBar filters={filters} columns={columns} lead={lead}>
        <Following tail={tail} isLive={view.isLive} nouns={["call", "calls"]} />
      </ListBar>
      <Histogram filters={filters} />
      {items.length > 0 ? (
        <Table
          label="requests"
          rows={items}
          columns={shown}
          keyOf={idOf}
          onOpen={onOpen}
          onEnd={onEnd}
          onTop={(isAtTop) => tail.setHeld(!isAtTop)}
          notes={notes}
          footer={isFetchingNextPage ? "Loading more …" : null}
          fills
        />
      ) : (
        <Nothing pages={pages} filters={filters} />
      )}
    </div>
  );
}

function idOf(item: Item): string {
  return item.id;
}

function Nothing({ pages, filters }: { pages: ReturnType<typeof useRequests>["pages"]; filters: Filters }) {
  const view = useShared();
  if (pages.error) {
    return <Failed error={pages.error} onRetry={() => void pages.refetch()} />;
  }
  if (pages.isPending) {
    return <Loading what="requests" />;
  }
  if (Object.keys(narrowedBy(view, filters)).length > 0) {
    return <NothingMatches noun="call" filters={filters} titles={FIELDS} />;
  }
  return (
    <Empty title="No call in this time">
      <p className="hg-soft">
        Point a client at <code>{window.location.origin}/v1</code> with a key of this server; calls show here within a
        second.
      </p>
    </Empty>
  );
}

/** Calls over time; dragging over it chooses a time. */
function Histogram({ filters }: { filters: Filters }) {
  const view = useShared();
  const { set } = useView();
  const marks = useMarks(view);
  const counts = useCounts(view, filters);
  if (!counts) {
    return <div className="hg-histogram" />;
  }
  const status = filters.status ?? "";
  const shows = (name: string): boolean =>
    status === "" || status === name || (status === "error" && name !== "ok") || (/^\d+$/.test(status) && classOf(status) === name);
  const lines = [
    { label: "answered", colour: "green", values: counts.ok, name: "ok" },
    { label: "4xx", colour: "orange", values: counts.client_errors, name: "4xx" },
    { label: "5xx", colour: "vermillion", values: counts.server_errors, name: "5xx" },
  ].filter((line) => shows(line.name));
  return (
    <div className="hg-histogram">
      <Chart
        title="Calls"
        form="bars"
        height={84}
        at={counts.at}
        end={counts.end}
        lines={lines}
        marks={marks}
        write={compact}
        onSelect={(from, to) => set({ from, to, range: null })}
      />
      <CountedNote counts={counts} nouns="calls" newest="10,000" />
    </div>
  );
}

function classOf(status: string): string {
  return status < "400" ? "ok" : `${status[0]}xx`;
}
