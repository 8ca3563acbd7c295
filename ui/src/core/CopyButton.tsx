import { IconCopy } from "@tabler/icons-react";
import { useState } from "react";

/** Copies a text, and says whether that worked. */
export function CopyButton({ text, title }: { text: string; title: string }) {
  const [said, setSaid] = useState("");
  return (
    <button
      type="button"
      className="hg-button"
      onClick={() => {
        copy(text).then(
          () => setSaid("Copied"),
          () => setSaid("The browser refused"),
        );
      }}
    >
      <IconCopy size={14} stroke={1.6} aria-hidden="true" /> <span aria-live="polite">{said || title}</span>
    </button>
  );
}

/** The clipboard is there on https and localhost alone; elsewhere a field that is selected does. */
async function copy(text: string): Promise<void> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  if (!isDone) {
    throw new Error("the browser did not copy");
  }
}
