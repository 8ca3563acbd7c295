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
