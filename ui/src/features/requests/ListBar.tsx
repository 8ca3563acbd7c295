import { Checkbox, Popover } from "@mantine/core";
import { IconBookmark, IconColumns3, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { Text } from "@/core/Text";
import { patched, useView } from "@/shell/view";
import { COLUMNS, SHOWN_BY_DEFAULT } from "./columns";
import { FIELDS, type Field, type Filters } from "./filters";
import { type SavedView, savedViews, storeViews } from "./savedViews";

/** The filters that hold, each with a way to take it away; a search in texts; saved views; columns. */
export function ListBar(props: { filters: Filters; columns: string | undefined; children: React.ReactNode }) {
  const { filters, columns, children } = props;
  const { set } = useView();
  const entries = Object.entries(filters) as [Field, string][];
  return (
    <div className="hg-list-bar">
      <TextFilter key={filters.text ?? ""} text={filters.text ?? ""} />
      <ul className="hg-chips" aria-label="filters that hold">
        {entries.map(([name, value]) => (
          <li key={name}>
            <button type="button" className="hg-chip" onClick={() => set({ [name]: null })}>
              {FIELDS[name]}: <Text>{value}</Text>
              <IconX size={12} stroke={2} aria-hidden="true" />
              <span className="hg-visually-hidden">take away</span>
            </button>
          </li>
        ))}
      </ul>
      <span className="hg-spring" />
      {children}
      <SavedViews />
      <ColumnChooser columns={columns} />
    </div>
  );
}

function TextFilter({ text }: { text: string }) {
  const { set } = useView();
  const [written, setWritten] = useState(text);
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        set({ text: written.trim() });
      }}
    >
      <input
        type="search"
        className="hg-input"
        aria-label="text in messages and answers"
        placeholder="Text in messages and answers"
        value={written}
        onChange={(event) => setWritten(event.currentTarget.value)}
      />
    </form>
  );
}

function ColumnChooser({ columns }: { columns: string | undefined }) {
  const { set } = useView();
  const shown = (columns ?? SHOWN_BY_DEFAULT).split(",");
  function toggle(id: string): void {
    const next = COLUMNS.map((column) => column.id).filter((each) => shown.includes(each) !== (each === id));
    const text = next.join(",");
    set({ columns: text === SHOWN_BY_DEFAULT ? null : text }, true);
  }
  return (
    <Popover position="bottom-end" shadow="md" trapFocus withinPortal={false}>
      <Popover.Target>
        <button type="button" className="hg-button hg-quiet-button">
          <IconColumns3 size={14} stroke={1.6} aria-hidden="true" /> Columns
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label="columns">
        <div className="hg-columns">
          {COLUMNS.map((column) => (
            <Checkbox
              key={column.id}
              size="xs"
              label={column.title}
              checked={shown.includes(column.id)}
              onChange={() => toggle(column.id)}
            />
          ))}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

function SavedViews() {
  const { search, set } = useView();
  const [views, setViews] = useState<SavedView[]>(savedViews);
  const [name, setName] = useState("");
  function keep(next: SavedView[]): void {
    setViews(next);
    storeViews(next);
  }
  function open(view: SavedView): void {
    const cleared = Object.fromEntries(Object.keys(search).map((each) => [each, null]));
    set({ ...cleared, ...view.search });
  }
  return (
    <Popover position="bottom-end" shadow="md" trapFocus withinPortal={false}>
      <Popover.Target>
        <button type="button" className="hg-button hg-quiet-button">
          <IconBookmark size={14} stroke={1.6} aria-hidden="true" /> Views
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label="saved views">
        <ul className="hg-views">
          {views.map((view) => (
            <li key={view.name}>
              <button type="button" className="hg-link" onClick={() => open(view)}>
                {view.name}
              </button>
              <button
                type="button"
                className="hg-icon-button"
                aria-label={`delete the view ${view.name}`}
                onClick={() => keep(views.filter((each) => each !== view))}
              >
                <IconX size={12} stroke={2} />
              </button>
            </li>
          ))}
          {views.length === 0 && <li className="hg-soft">None yet. They stay in this browser.</li>}
        </ul>
        <form
          className="hg-save-view"
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim()) {
              keep([...views.filter((each) => each.name !== name.trim()), { name: name.trim(), search: patched(search, {}) }]);
              setName("");
            }
          }}
        >
          <input
            className="hg-input"
            aria-label="name of this view"
            placeholder="Name of this view"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <button type="submit" className="hg-button">
            Save
          </button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
