import { Popover } from "@mantine/core";
import { IconBookmark, IconPencil, IconShare, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { Problem } from "@/core/Dialogs";
import { Text } from "@/core/Text";
import { type Search, patched, useShared, useView } from "@/shell/view";
import type { SavedView } from "./savedViews";
import { type ListPage, type SharedView, useViews } from "./useViews";

/** Views of a list under names: those of the project, which others see too, and those of this browser. */
export function SavedViews({ list }: { list: ListPage }) {
  return (
    <Popover position="bottom-end" shadow="md" trapFocus withinPortal={false}>
      <Popover.Target>
        <button type="button" className="hg-button hg-quiet-button">
          <IconBookmark size={14} stroke={1.6} aria-hidden="true" /> Views
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label="saved views">
        <Choices list={list} />
      </Popover.Dropdown>
    </Popover>
  );
}

/** Asked for once somebody opens them. */
function Choices({ list }: { list: ListPage }) {
  const { search, set } = useView();
  const views = useViews(list);
  const [renamed, setRenamed] = useState<SharedView | null>(null);
  function open(shown: Search): void {
    const cleared = Object.fromEntries(Object.keys(search).map((each) => [each, null]));
    set({ ...cleared, ...shown });
  }
  function save(name: string, done: () => void): void {
    const shown = patched(search, {});
    if (views.mayShare) {
      views.saving.mutate({ name, search: shown }, { onSuccess: done });
    } else {
      views.keep([...views.own.filter((each) => each.name !== name), { name, search: shown }]);
      done();
    }
  }
  return (
    <>
      <Shared views={views} renamed={renamed} onRename={setRenamed} onOpen={open} />
      {(views.own.length > 0 || !views.mayShare) && <Own views={views} onOpen={open} />}
      <Problem error={views.saving.error ?? views.changing.error ?? views.deleting.error} />
      <NameForm
        key={renamed?.id ?? "new"}
        label={renamed ? `new name of ${renamed.name}` : "name of this view"}
        first={renamed?.name ?? ""}
        action={renamed ? "Rename" : "Save"}
        onName={(name, done) => {
          if (renamed) {
            views.changing.mutate({ id: renamed.id, name }, { onSuccess: () => setRenamed(null) });
          } else {
            save(name, done);
          }
        }}
      />
    </>
  );
}

type Views = ReturnType<typeof useViews>;

interface SharedProps {
  views: Views;
  renamed: SharedView | null;
  onRename: (view: SharedView | null) => void;
  onOpen: (search: Search) => void;
}

function Shared({ views, renamed, onRename, onOpen }: SharedProps) {
  const { project } = useShared();
  return (
    <section aria-label="views that others see">
      <p className="hg-soft hg-views-kind">Of the project: all who see it see these.</p>
      <ul className="hg-views">
        {views.shared.map((view) => (
          <li key={view.id}>
            <button type="button" className="hg-link" onClick={() => onOpen(view.search)}>
              <Text>{view.name}</Text>
            </button>
            {!project && <span className="hg-soft">{view.project}</span>}
            {views.mayShare && (
              <>
                <button
                  type="button"
                  className="hg-icon-button"
                  aria-label={`rename the view ${view.name}`}
                  aria-pressed={renamed?.id === view.id}
                  onClick={() => onRename(renamed?.id === view.id ? null : view)}
                >
                  <IconPencil size={12} stroke={1.8} />
                </button>
                <button type="button" className="hg-icon-button" aria-label={`delete the view ${view.name}`} onClick={() => views.deleting.mutate(view.id)}>
                  <IconX size={12} stroke={2} />
                </button>
              </>
            )}
          </li>
        ))}
        {views.asking.isPending && <li className="hg-soft">Loading …</li>}
        {views.asking.isSuccess && views.shared.length === 0 && <li className="hg-soft">None yet.</li>}
      </ul>
      <Problem error={views.asking.error} />
    </section>
  );
}

function Own({ views, onOpen }: { views: Views; onOpen: (search: Search) => void }) {
  const without = (view: SavedView): SavedView[] => views.own.filter((each) => each !== view);
  return (
    <section aria-label="views of this browser">
      <p className="hg-soft hg-views-kind">
        Only in this browser{views.mayShare ? "." : ": your key's role may save none for the project."}
      </p>
      <ul className="hg-views">
        {views.own.map((view) => (
          <li key={view.name}>
            <button type="button" className="hg-link" onClick={() => onOpen(view.search)}>
              <Text>{view.name}</Text>
            </button>
            {views.mayShare && (
              <button
                type="button"
                className="hg-icon-button"
                aria-label={`let others see the view ${view.name}`}
                onClick={() => views.saving.mutate({ name: view.name, search: view.search }, { onSuccess: () => views.keep(without(view)) })}
              >
                <IconShare size={12} stroke={1.8} />
              </button>
            )}
            <button type="button" className="hg-icon-button" aria-label={`delete the view ${view.name}`} onClick={() => views.keep(without(view))}>
              <IconX size={12} stroke={2} />
            </button>
          </li>
        ))}
        {views.own.length === 0 && <li className="hg-soft">None yet.</li>}
      </ul>
    </section>
  );
}

interface NameFormProps {
  label: string;
  first: string;
  action: string;
  /** `done` is called once the name stands. */
  onName: (name: string, done: () => void) => void;
}

function NameForm({ label, first, action, onName }: NameFormProps) {
  const [name, setName] = useState(first);
  return (
    <form
      className="hg-save-view"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim()) {
          onName(name.trim(), () => setName(""));
        }
      }}
    >
      <input
        className="hg-input"
        aria-label={label}
        placeholder={label}
        maxLength={80}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <button type="submit" className="hg-button">
        {action}
      </button>
    </form>
  );
}
