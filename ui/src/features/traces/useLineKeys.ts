import { useEffect } from "react";
import { isTyping } from "@/core/keys";
import type { Line } from "./lines";

interface LineKeys {
  shown: readonly Line[];
  lines: readonly Line[];
  chosen: string | null;
  folded: ReadonlySet<string>;
  choose: (line: Line) => void;
  open: (line: Line) => void;
  fold: (line: Line, isFolded: boolean) => void;
  /** Whether there was anything to close. */
  close: () => boolean;
}

const DOWN = ["j", "ArrowDown"];
const UP = ["k", "ArrowUp"];

/** j and k (or the arrows) go down and up, arrows to the sides fold and unfold, Enter opens, Esc closes. */
export function useLineKeys(keys: LineKeys): void {
  const { shown, lines, chosen, folded, choose, open, fold, close } = keys;
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || isElsewhere(event)) {
        return;
      }
      if (event.key === "Escape") {
        // Else the shell goes back to the list.
        if (close()) {
          event.stopPropagation();
        }
        return;
      }
      const place = shown.findIndex((line) => line.key === chosen);
      const line = shown[place];
      if (DOWN.includes(event.key) || UP.includes(event.key)) {
        event.preventDefault();
        const next = shown[Math.max(0, Math.min(shown.length - 1, place + (DOWN.includes(event.key) ? 1 : -1)))];
        if (next) {
          choose(next);
        }
      } else if (line && event.key === "Enter" && !isControl(event.target)) {
        event.preventDefault();
        open(line);
      } else if (line && event.key === "ArrowRight") {
        event.preventDefault();
        const below = shown[place + 1];
        if (folded.has(line.key)) {
          fold(line, false);
        } else if (below && below.above === line.place) {
          choose(below);
        }
      } else if (line && event.key === "ArrowLeft") {
        event.preventDefault();
        const above = lines[line.above];
        if (line.end > line.place + 1 && !folded.has(line.key)) {
          fold(line, true);
        } else if (above) {
          choose(above);
        }
      }
    }
    document.addEventListener("keydown", onKey, true);
    return () => document.removeEventListener("keydown", onKey, true);
  }, [shown, lines, chosen, folded, choose, open, fold, close]);
}

/** Keys that a part of the page has for itself: tabs and texts that scroll. */
function isElsewhere(event: KeyboardEvent): boolean {
  const inside = event.target instanceof Element && event.target.closest(".hg-side, .hg-top, .hg-rail") !== null;
  return inside && event.key !== "Escape" && event.key !== "j" && event.key !== "k";
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("a, button, input, select, textarea") !== null;
}
