import { Checkbox, Popover } from "@mantine/core";
import { IconColumns3, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { Text } from "@/core/Text";
import { useView } from "@/shell/view";
import { titleOf } from "./none";

/** The filters that hold, each with a way to take it away. */
export function Chips({ filters, titles }: { filters: Record<string, string>; titles: Record<string, string> }) {
  const { set } = useView();
  return (
    <ul className="hg-chips" aria-label="filters that hold">
      {Object.entries(filters).map(([name, value]) => (
        <li key={name}>
          <button type="button" className="hg-chip" onClick={() => set({ [name]: null })}>
            {titles[name] ?? name}: <Text>{titleOf(value)}</Text>
            <IconX size={12} stroke={2} aria-hidden="true" />
            <span className="hg-visually-hidden">take away</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** A search in texts, which begins with Enter. */
export function TextFilter({ text, label, name = "text" }: { text: string; label: string; name?: string }) {
  const { set } = useView();
  const [written, setWritten] = useState(text);
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        set({ [name]: written.trim() });
      }}
    >
      <input
        type="search"
        className="hg-input"
        aria-label={label.toLowerCase()}
        placeholder={label}
        value={written}
        onChange={(event) => setWritten(event.currentTarget.value)}
      />
    </form>
  );
}

interface ColumnChooserProps {
  columns: { id: string; title: string }[];
  /** What the address says: names with commas between; left out, the columns of most people. */
  chosen: string | undefined;
  byDefault: string;
}

export function ColumnChooser({ columns, chosen, byDefault }: ColumnChooserProps) {
  const { set } = useView();
  const shown = (chosen ?? byDefault).split(",");
  function toggle(id: string): void {
    const next = columns.map((column) => column.id).filter((each) => shown.includes(each) !== (each === id));
    const text = next.join(",");
    set({ columns: text === byDefault ? null : text }, true);
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
          {columns.map((column) => (
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
