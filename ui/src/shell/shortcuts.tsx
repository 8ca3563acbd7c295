import { Modal } from "@mantine/core";
import { useNavigate, useRouter } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { hasDialog, isTyping, NEVER, SEQUENCE_MS } from "@/core/keys";
import { FEATURES } from "./registry";
import { parseSearch, shared } from "./view";

const ALWAYS: [string, string][] = [
  ["/", "search pages, prompts, keys, models and requests"],
  ["Ctrl K", "the same"],
  ["j, k", "go down and up in a list"],
  ["Enter", "open what is chosen"],
  ["Esc", "close, or go back"],
  ["?", "these keys"],
];

interface Dialog {
  isOpen: boolean;
  close: () => void;
}

/** The keys that work on every page. */
export function useKeys(openSearch: () => void): Dialog {
  const navigate = useNavigate();
  const router = useRouter();
  const [isOpen, setOpen] = useState(false);
  const begun = useRef(NEVER);
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        openSearch();
        return;
      }
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) {
        return;
      }
      const feature = FEATURES.find((each) => each.key === event.key);
      if (performance.now() - begun.current < SEQUENCE_MS && feature) {
        begun.current = NEVER;
        const search = shared(parseSearch(window.location.search));
        void navigate({ to: placeOf(feature).path, search: search as never });
        return;
      }
      begun.current = event.key === "g" ? performance.now() : NEVER;
      if (event.key === "/") {
        event.preventDefault();
        openSearch();
      } else if (event.key === "?") {
        setOpen(true);
      } else if (event.key === "Escape" && !hasDialog() && window.location.pathname.split("/").length > 2) {
        router.history.back();
      }
    }
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [navigate, openSearch, router]);
  return { isOpen, close: () => setOpen(false) };
}

/** Where a feature's key leads: its place in the rail, or its first page beneath another's. */
function placeOf(feature: (typeof FEATURES)[number]): { path: string; name: string } {
  return feature.rail ?? { path: feature.pages[0]?.path ?? "/", name: feature.pages[0]?.title ?? "" };
}

export function KeysDialog({ isOpen, close }: Dialog) {
  const going = FEATURES.flatMap((feature): [string, string][] =>
    feature.key ? [[`g ${feature.key}`, placeOf(feature).name]] : [],
  );
  return (
    <Modal opened={isOpen} onClose={close} title="Keys" lockScroll={false} closeButtonProps={{ "aria-label": "close" }}>
      <dl className="hg-keys">
        {[...ALWAYS, ...going].map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
