import { Modal } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { Text } from "@/core/Text";
import { featuresOf, type Found, pagesOf } from "./registry";
import { useSession } from "./session";
import { parseSearch, shared } from "./view";

interface Dialog {
  isOpen: boolean;
  open: () => void;
  close: () => void;
}

export function useSearchDialog(): Dialog {
  const [isOpen, setOpen] = useState(false);
  return { isOpen, open: useCallback(() => setOpen(true), []), close: useCallback(() => setOpen(false), []) };
}

/** Finds pages, and whatever the features know by name. */
export function SearchDialog({ isOpen, close }: Dialog) {
  return (
    <Modal.Root opened={isOpen} onClose={close} lockScroll={false} size="lg" yOffset="12vh">
      <Modal.Overlay />
      <Modal.Content aria-label="search">
        <Modal.Body p={0}>
          <Search close={close} />
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

function Search({ close }: { close: () => void }) {
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const [asked] = useDebouncedValue(text.trim(), 150);
  const found = useFound(asked);
  const items = found.slice(0, 30);

  function open(item: Found | undefined): void {
    if (!item) {
      return;
    }
    close();
    const search = { ...shared(parseSearch(window.location.search)), ...item.filter };
    void navigate({ to: item.path, search: search as never });
  }

  function onKeyDown(event: React.KeyboardEvent): void {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setChosen(Math.max(0, Math.min(items.length - 1, chosen + step)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(items[chosen]);
    }
  }

  return (
    <div className="hg-search">
      <input
        data-autofocus
        type="search"
        role="combobox"
        aria-label="search"
        aria-expanded={items.length > 0}
        aria-controls="search-found"
        aria-activedescendant={items[chosen] ? `search-${chosen}` : undefined}
        placeholder="Pages, names, users, sessions, tags, ids, or words that were said"
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div id="search-found" role="listbox" aria-label="found">
        {items.map((item, place) => (
          <div
            key={`${item.kind} ${item.path} ${item.title} ${place}`}
            id={`search-${place}`}
            role="option"
            aria-selected={place === chosen}
            className="hg-found"
            onClick={() => open(item)}
            onMouseMove={() => setChosen(place)}
          >
            <span className="hg-ellipsis">
              <Text>{item.title}</Text>
            </span>
            <span className="hg-soft">{item.kind}</span>
            {item.snippet && (
              <span className="hg-soft hg-ellipsis hg-found-snippet">
                <Text>{item.snippet}</Text>
              </span>
            )}
          </div>
        ))}
      </div>
      {asked !== "" && items.length === 0 && <p className="hg-soft hg-none-found">Nothing is called that.</p>}
    </div>
  );
}

function useFound(text: string): Found[] {
  const session = useSession();
  const grants = session.grants as string[];
  const pages = pagesOf(grants);
  const others = useQuery({
    queryKey: ["search", text],
    enabled: text.length >= 2,
    staleTime: 30_000,
    queryFn: async ({ signal }) => {
      const answers = await Promise.allSettled(featuresOf(grants).map((each) => each.search?.(text, signal, grants) ?? []));
      return answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    },
  });
  const wanted = text.toLowerCase();
  const matching = pages.filter((page) => page.title.toLowerCase().includes(wanted));
  const found = text.length >= 2 ? (others.data ?? []) : [];
  const isSaid = (each: Found): boolean => each.isSaid === true || each.snippet !== undefined;
  const rankOf = (each: Found): number => (each.isOffered ? 2 : isSaid(each) ? 1 : 0);
  return [...matching, ...[0, 1, 2].flatMap((rank) => found.filter((each) => rankOf(each) === rank))];
}
