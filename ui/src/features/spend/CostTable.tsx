import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { type Schemas, api, ask } from "@/api";
import { compact, count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { type Column, Table } from "@/core/Table";
import { Money, Name, Share, State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { type Patch, keyOf, refreshOf, timesOf, useShared, useView } from "@/shell/view";
import { filterOf, titleOf as titleOfName } from "../listing/none";
import { isByDay, wholeDays } from "../series/byDay";
import { DIMENSIONS, type Dimension } from "./dimensions";
import { type Within, filterNameOf, isOpenable, nextOf } from "./within";

type Row = Schemas["CostRow"];
type Sort = "cost" | "requests" | "input" | "output" | "each";

/** The names of keys, which costs know by their ids. */
function useKeyNames(isWanted: boolean): Map<string, string> {
  const may = useMay("keys:read");
  const keys = useQuery({
    queryKey: ["keys"],
    queryFn: () => ask(api.GET("/api/v1/keys", { params: { query: { limit: 500 } } })),
    enabled: isWanted && may,
    staleTime: 60_000,
  });
  const items = keys.data?.items;
  return useMemo(() => new Map(items?.map((each) => [each.id, each.name])), [items]);
}

export function CostTable({ dimension, within }: { dimension: Dimension; within: Within }) {
  const view = useShared();
  const costs = useQuery({
    queryKey: ["costs", dimension, within, ...keyOf(view)],
    queryFn: async ({ signal }) => {
      const project = view.project ? { project: view.project } : {};
      const environment = view.environment && isOpenable(dimension) ? { environment: view.environment } : {};
      const time = isByDay(dimension) ? wholeDays(timesOf(view)) : timesOf(view);
      // Two projects may have sessions of one name.
      const group_by = dimension === "session" ? "session,project" : dimension;
      const query = { group_by, limit: 500, ...time, ...project, ...environment, ...within };
      return { ...(await ask(api.GET("/api/v1/costs", { params: { query }, signal }))), time };
    },
    refetchInterval: refreshOf(view),
  });
  return (
    <Answered of={costs} what="costs">
      {(page) => (
        <Rows
          rows={page.items}
          dimension={dimension}
          within={within}
          time={isByDay(dimension) ? { ...page.time, range: null, environment: null } : {}}
          isWhole={page.next === null}
        />
      )}
    </Answered>
  );
}

function valueOf(row: Row, sort: Sort): number {
  switch (sort) {
    case "cost":
      return Number(row.cost_usd ?? -1);
    case "each":
      return row.requests > row.unpriced ? Number(row.cost_usd ?? 0) / (row.requests - row.unpriced) : -1;
    case "requests":
      return row.requests;
    case "input":
      return row.usage.input + row.usage.cache_read + row.usage.cache_write;
    case "output":
      return row.usage.output + row.usage.reasoning;
  }
}

interface RowsProps {
  rows: Row[];
  dimension: Dimension;
  within: Within;
  /** Of the calls that are counted, where it is another than the page's. */
  time: Patch;
  isWhole: boolean;
}

function Rows({ rows, dimension, within, time, isWhole }: RowsProps) {
  const { search, set } = useView();
  const names = useKeyNames(dimension === "key");
  const sort = (search["sort"] ?? "cost") as Sort;
  const isUp = search["order"] === "up";
  const isUnpricedOnly = search["unpriced"] === "only";
  const shown = useMemo(() => {
    const wanted = isUnpricedOnly ? rows.filter((row) => row.unpriced > 0) : rows;
    const sorted = [...wanted].sort((one, other) => valueOf(other, sort) - valueOf(one, sort));
    return isUp ? sorted.reverse() : sorted;
  }, [rows, sort, isUp, isUnpricedOnly]);
  const total = rows.reduce((sum, row) => sum + Number(row.cost_usd ?? 0), 0);
  const titleOf = useCallback(
    (row: Row): string => {
      const value = row[dimension];
      // Counted before sessions were, erased, or gone with their records.
      return value === null ? "not known" : (names.get(value ?? "") ?? titleOfName(value ?? ""));
    },
    [dimension, names],
  );
  const sorting = (name: Sort): Pick<Column<Row>, "onSort" | "sorted"> => ({
    onSort: () => set({ sort: name === "cost" ? null : name, order: sort === name && !isUp ? "up" : null }, true),
    sorted: sort === name ? (isUp ? "ascending" : "descending") : undefined,
  });
  const open = (row: Row): void => {
    const value = filterOf(row[dimension] ?? "");
    const opened = { [filterNameOf(dimension)]: value };
    set({ ...opened, by: nextOf(dimension, { ...search, ...opened }), unpriced: null });
  };
  const columns = columnsOf({ dimension, within, time, total, titleOf, sorting, open });
  return (
    <>
      <div className="hg-table-bar">
        <button
          type="button"
          className="hg-button hg-quiet-button"
          aria-pressed={isUnpricedOnly}
          onClick={() => set({ unpriced: isUnpricedOnly ? null : "only" }, true)}
        >
          Only those without a price
        </button>
        {isByDay(dimension) && <span className="hg-soft">kept by day: counted from the beginning of the first day (UTC)</span>}
      </div>
      {shown.length === 0 ? (
        <Empty title={isUnpricedOnly ? "Every call has a known price" : "No call in this time"} />
      ) : (
        <Table
          label={`cost by ${DIMENSIONS[dimension].toLowerCase()}`}
          rows={shown}
          columns={columns}
          keyOf={(row) => (dimension === "session" ? JSON.stringify([row.project, row.session]) : (row[dimension] ?? ""))}
          footer={isWhole ? null : "The dearest 500; narrow the time or choose a project for others."}
        />
      )}
    </>
  );
}

interface Columns {
  dimension: Dimension;
  within: Within;
  time: Patch;
  total: number;
  titleOf: (row: Row) => string;
  sorting: (name: Sort) => Pick<Column<Row>, "onSort" | "sorted">;
  open: (row: Row) => void;
}

function columnsOf({ dimension, within, time, total, titleOf, sorting, open }: Columns): Column<Row>[] {
  const right = { align: "right" as const };
  const each = (row: Row): string | null => (valueOf(row, "each") < 0 ? null : String(valueOf(row, "each")));
  const calls = (row: Row, shown: React.ReactNode, more: Patch = {}): React.ReactNode => {
    if (row[dimension] === null) {
      return <span data-fact title="counted before sessions were, erased, or gone with their records">{shown}</span>;
    }
    const project = dimension === "session" ? { project: row.project } : {};
    return (
      <To path="/requests" filter={{ ...within, ...time, ...project, [filterNameOf(dimension)]: filterOf(row[dimension] ?? ""), ...more }}>
        {shown}
      </To>
    );
  };
  const number = (value: string): React.ReactNode => <span className="hg-number">{value}</span>;
  return [
    {
      id: "name",
      title: DIMENSIONS[dimension],
      width: "minmax(120px, 2fr)",
      render: (row) =>
        isOpenable(dimension) ? (
          <button type="button" className="hg-link" title={`open ${titleOf(row)}`} onClick={() => open(row)}>
            <Name>{titleOf(row)}</Name>
          </button>
        ) : row.session ? (
          <To path={`/sessions/${encodeURIComponent(row.session)}`} filter={{ project: row.project }}>
            <Name>{titleOf(row)}</Name>
          </To>
        ) : (
          calls(row, <Name>{titleOf(row)}</Name>)
        ),
    },
    ...(dimension === "session" ? [{ id: "project", title: "Project", width: "minmax(72px, 1fr)", render: (row: Row) => <Name>{row.project ?? ""}</Name> }] : []),
    { id: "cost", title: "Cost", width: "92px", ...right, render: (row) => calls(row, <Money usd={row.cost_usd} estimated={row.estimated > 0} />), ...sorting("cost") },
    { id: "share", title: "Share", width: "112px", render: (row) => calls(row, <Share of={total > 0 ? Number(row.cost_usd ?? 0) / total : 0} />) },
    { id: "requests", title: "Calls", width: "72px", ...right, render: (row) => calls(row, number(count(row.requests))), ...sorting("requests") },
    { id: "each", yields: 8, title: "Each", width: "84px", ...right, render: (row) => calls(row, <Money usd={each(row)} />), ...sorting("each") },
    { id: "input", title: "Tokens in", width: "84px", ...right, render: (row) => calls(row, number(compact(valueOf(row, "input")))), ...sorting("input") },
    { id: "output", title: "Tokens out", width: "84px", ...right, render: (row) => calls(row, number(compact(valueOf(row, "output")))), ...sorting("output") },
    {
      id: "unpriced",
      title: "Unpriced",
      width: "84px",
      ...right,
      render: (row) => row.unpriced > 0 && calls(row, <State tone="warn">{count(row.unpriced)}</State>, { price: "unknown" }),
    },
  ];
}
