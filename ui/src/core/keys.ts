/** How soon the second key of a sequence such as `g r` has to follow, and when the first was pressed if it never was. */
export const SEQUENCE_MS = 1200;
/** Not 0: a page that has just been opened is no older than a sequence. */
export const NEVER = Number.NEGATIVE_INFINITY;

/** Whether a dialog stands over the page: before it has taken the focus, its keys come to the page. */
export function hasDialog(): boolean {
  return document.querySelector("[role=dialog][aria-modal=true]") !== null;
}

/** Whether a key belongs to a field that is being written in, or to a dialog over the page. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) {
    return false;
  }
  return (
    target.isContentEditable ||
    target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [role=dialog], [role=listbox]") !== null
  );
}
