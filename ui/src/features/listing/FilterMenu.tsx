import { Popover } from "@mantine/core";
import { IconFilter } from "@tabler/icons-react";
import { useState } from "react";
import { useView } from "@/shell/view";

export interface FilterField {
  /** Its name in the address. */
  name: string;
  title: string;
  /** What a person may write. */
  hint: string;
  isNumber?: boolean;
}

/** Filters by what nothing in the list can be clicked for: a field, and a value that one writes. */
export function FilterMenu({ fields, filters }: { fields: FilterField[]; filters: Record<string, string> }) {
  const { set } = useView();
  const [isOpen, setOpen] = useState(false);
  const [name, setName] = useState(fields[0]?.name ?? "");
  const [written, setWritten] = useState<string | null>(null);
  const field = fields.find((each) => each.name === name);
  const value = written ?? filters[name] ?? "";
  return (
    <Popover position="bottom-start" shadow="md" trapFocus withinPortal={false} opened={isOpen} onChange={setOpen}>
      <Popover.Target>
        <button type="button" className="hg-button hg-quiet-button" onClick={() => setOpen(!isOpen)}>
          <IconFilter size={14} stroke={1.6} aria-hidden="true" /> Filter
        </button>
      </Popover.Target>
      <Popover.Dropdown>
        <form
          className="hg-save-view"
          onSubmit={(event) => {
            event.preventDefault();
            set({ [name]: value.trim() });
            setWritten(null);
            setOpen(false);
          }}
        >
          <select
            className="hg-input"
            aria-label="field"
            value={name}
            onChange={(event) => {
              setName(event.currentTarget.value);
              setWritten(null);
            }}
          >
            {fields.map((each) => (
              <option key={each.name} value={each.name}>
                {each.title}
              </option>
            ))}
          </select>
          <input
            className="hg-input"
            aria-label="value"
            placeholder={field?.hint ?? ""}
            value={value}
            {...(field?.isNumber ? { type: "number", min: 0, step: "any" } : {})}
            onChange={(event) => setWritten(event.currentTarget.value)}
          />
          <button type="submit" className="hg-button">
            Apply
          </button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
