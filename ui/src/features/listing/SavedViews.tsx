import { Popover } from "@mantine/core";
import { IconBookmark, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { patched, useView } from "@/shell/view";
import { type SavedView, savedViews, storeViews } from "./savedViews";

/** Views of a list under names, kept in this browser; each is an address of its own. */
export function SavedViews({ list }: { list: string }) {
  const { search, set } = useView();
  const [views, setViews] = useState<SavedView[]>(() => savedViews(list));
  const [name, setName] = useState("");
  function keep(next: SavedView[]): void {
    setViews(next);
    storeViews(list, next);
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
