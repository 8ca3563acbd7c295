import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState } from "react";
import { isTyping } from "./keys";
import { fitting } from "./room";
import { useRoom } from "./useRoom";

export interface Column<Row> {
  id: string;
  title: string;
  /** A track of a CSS grid, such as `90px` or `minmax(120px, 2fr)`. */
  width: string;
  align?: "right";
  render: (row: Row) => React.ReactNode;
  onSort?: () => void;
  sorted?: "ascending" | "descending" | undefined;
  /** Left out where there is no room for all, the greatest first; without it, it stays. */
  yields?: number | undefined;
}

interface TableProps<Row> {
  label: string;
  rows: Row[];
  columns: Column<Row>[];
  keyOf: (row: Row) => string;
  /** What a click, or Enter on the row that the keys have chosen, does. */
  onOpen?: (row: Row) => void;
  /** Called when the end comes near. */
  onEnd?: () => void;
  footer?: React.ReactNode;
  /** Whether it fills what is left of the page and scrolls by itself; else it is as long as its rows. */
  fills?: boolean;
  /** What stands beneath rows, by their keys: what happened between one row and the next. */
  notes?: ReadonlyMap<string, string>;
  /** How high a row is; one line where nothing is said. */
  rowPx?: number;
  /** Told whether the list stands at its beginning. */
  onTop?: (isAtTop: boolean) => void;
}

const ROW_PX = 30;
const NOTE_PX = 18;

/** A table whose rows are drawn as they come into sight: a million feel like a hundred. */
export function Table<Row>(props: TableProps<Row>) {
  const { label, rows, keyOf, onOpen, onEnd, footer, fills = false, onTop, notes, rowPx = ROW_PX } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const columns = fitting(props.columns, useRoom(scroller));
  const left = props.columns.filter((each) => !columns.includes(each));
  const [chosen, setChosen] = useState<string | null>(null);
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (place) => rowPx + (notes?.has(keyOf(rows[place] as Row)) ? NOTE_PX : 0),
    overscan: 12,
    getItemKey: (place) => keyOf(rows[place] as Row),
  });
  useEffect(() => virtual.measure(), [notes, virtual]);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    // Also where there are no rows: a list may be narrowed after it was fetched.
    if (last >= rows.length - 20) {
      onEnd?.();
    }
  }, [last, rows.length, onEnd]);

  useEffect(() => {
    if (!onOpen) {
      return;
    }
    const open = onOpen;
    function onKey(event: KeyboardEvent): void {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) {
        return;
      }
      const place = rows.findIndex((row) => keyOf(row) === chosen);
      if (event.key === "j" || event.key === "k") {
        const next = Math.max(0, Math.min(rows.length - 1, event.key === "j" ? place + 1 : place - 1));
        const row = rows[next];
        if (row !== undefined) {
          setChosen(keyOf(row));
          virtual.scrollToIndex(next);
        }
      } else if (event.key === "Enter" && place >= 0 && !isControl(event.target)) {
        event.preventDefault();
        open(rows[place] as Row);
      }
    }
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [rows, chosen, keyOf, onOpen, virtual]);

  const template = { gridTemplateColumns: columns.map((column) => column.width).join(" ") };
  return (
    <div
      ref={scroller}
      className={`hg-table ${fills ? "hg-fills" : "hg-grows"}`}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      tabIndex={0}
      onPointerOver={(event) => sayWhole(event.target)}
      onScroll={(event) => onTop?.(event.currentTarget.scrollTop < ROW_PX)}
    >
      <div role="rowgroup" className="hg-table-head">
        <div role="row" className="hg-row" style={template} aria-rowindex={1}>
          {columns.map((column) => (
            <Head key={column.id} column={column} />
          ))}
        </div>
      </div>
      <div role="rowgroup" className="hg-table-body" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index] as Row;
          const key = keyOf(row);
          const note = notes?.get(key);
          return (
            <div
              key={key}
              role="row"
              aria-rowindex={item.index + 2}
              className={`hg-row ${onOpen ? "hg-opens" : ""} ${chosen === key ? "hg-chosen" : ""} ${note ? "hg-noted" : ""}`}
              style={{ ...template, ...(rowPx === ROW_PX ? {} : { height: rowPx }), transform: `translateY(${item.start}px)` }}
              onClick={(event) => {
                // What is opened over the page from within a row is no part of it.
                const isWithin = event.currentTarget.contains(event.target as Node);
                if (onOpen && isWithin && !isControl(event.target) && !window.getSelection()?.toString()) {
                  onOpen(row);
                }
              }}
            >
              {columns.map((column) => (
                <div key={column.id} role="cell" className={column.align === "right" ? "hg-right" : ""}>
                  {column.render(row)}
                </div>
              ))}
              {note && (
                <div role="cell" className="hg-note-beneath" title={note}>
                  {note}
                </div>
              )}
            </div>
          );
        })}
      </div>
      {footer && <div className="hg-table-foot">{footer}</div>}
      {left.length > 0 && <div className="hg-left-out">Without room here: {left.map((each) => each.title).join(", ")}</div>}
    </div>
  );
}

function Head<Row>({ column }: { column: Column<Row> }) {
  const sort = column.onSort;
  return (
    <div
      role="columnheader"
      className={column.align === "right" ? "hg-right" : ""}
      {...(sort ? { "aria-sort": column.sorted ?? ("none" as const) } : {})}
    >
      {sort ? (
        <button type="button" className="hg-sort" onClick={sort}>
          {column.title}
          <span aria-hidden="true">
            {column.sorted === "descending" ? " ↓" : column.sorted === "ascending" ? " ↑" : ""}
          </span>
        </button>
      ) : (
        column.title
      )}
    </div>
  );
}

/** Gives a cell that is cut its whole text as a title, where it has none of its own. */
function sayWhole(target: EventTarget): void {
  const cell = target instanceof Element ? target.closest<HTMLElement>("[role='cell'], [role='columnheader']") : null;
  if (!cell || (cell.title && !cell.dataset["whole"])) {
    return;
  }
  cell.title = "";
  const parts = [cell, ...cell.querySelectorAll<HTMLElement>("*")];
  const isCut = parts.some((each) => each.scrollWidth > each.clientWidth && each.clientWidth > 0);
  if (isCut && !parts.some((each) => each.title === cell.textContent)) {
    cell.title = cell.textContent ?? "";
    cell.dataset["whole"] = "said";
  }
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("a, button, input, select, textarea") !== null;
}
