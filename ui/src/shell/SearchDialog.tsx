import { Modal } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useState } from "react";
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
  const [isEntered, setEntered] = useState(false);
  const typed = text.trim();
  const { found, isLooking } = useFound(typed);
  const items = found.slice(0, 30);
  const first = items[0];

  const open = useCallback(
    (item: Found | undefined): void => {
      if (!item) {
        return;
      }
      close();
      const search = { ...shared(parseSearch(window.location.search)), ...item.filter };
      void navigate({ to: item.path, search: search as never });
    },
    [close, navigate],
  );

  // Who pastes an id and presses Enter means what is found of it, not what stood there before.
  useEffect(() => {
    if (isEntered && first) {
      open(first);
    } else if (isEntered && !isLooking) {
      setEntered(false);
    }
  }, [isEntered, isLooking, first, open]);

  function onKeyDown(event: React.KeyboardEvent): void {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setChosen(Math.max(0, Math.min(items.length - 1, chosen + step)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (items[chosen]) {
        open(items[chosen]);
      } else {
        setEntered(isLooking);
      }
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
        placeholder="Pages, names, users, sessions, tags, ids or parts of them, words that were said"
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
          setEntered(false);
        }}
        onKeyDown={onKeyDown}
      />
      <div id="search-found" role="listbox" aria-label="found" aria-busy={isLooking}>
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
      {isLooking ? (
        <p className="hg-soft hg-none-found" role="status">
          Looking for {typed.length > 40 ? "it" : `“${typed}”`}…
        </p>
      ) : (
        typed !== "" && items.length === 0 && <p className="hg-soft hg-none-found">Nothing is called that.</p>
      )}
    </div>
  );
}

/** What is found of what is typed now; never of what was typed before, while its answer is on the way. */
function useFound(text: string): { found: Found[]; isLooking: boolean } {
  const session = useSession();
  const grants = session.grants as string[];
  const [asked] = useDebouncedValue(text, 150);
  const isAsked = asked === text && text.length >= 2;
  const others = useQuery({
    queryKey: ["search", text],
    enabled: isAsked,
    staleTime: 30_000,
    queryFn: async ({ signal }) => {
      const answers = await Promise.allSettled(featuresOf(grants).map((each) => each.search?.(text, signal, grants) ?? []));
      return answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    },
  });
  const wanted = text.toLowerCase();
  const matching = pagesOf(grants).filter((page) => page.title.toLowerCase().includes(wanted));
  // By the key of the question, so that an answer of before shows at once where the same is typed again.
  const found = text.length >= 2 ? (others.data ?? []) : [];
  const isSaid = (each: Found): boolean => each.isSaid === true || each.snippet !== undefined;
  const rankOf = (each: Found): number => (each.isOffered ? 2 : isSaid(each) ? 1 : 0);
  return {
    found: [...matching, ...[0, 1, 2].flatMap((rank) => found.filter((each) => rankOf(each) === rank))],
    isLooking: text.length >= 2 && others.data === undefined && !others.isError,
  };
}
