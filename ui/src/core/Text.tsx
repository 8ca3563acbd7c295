import { memo, useState } from "react";
import { bytes } from "./format";
import { stretches } from "./visible";

/** A text of strangers: what can't be seen in it is named, and its direction ends with it. */
export const Text = memo(function Text({ children }: { children: string }) {
  const parts = stretches(children);
  return (
    <bdi>
      {parts.map((part, place) =>
        part.hidden === null ? (
          part.text
        ) : (
          <span key={place} className="hg-hidden-character" title={`hidden character ${part.hidden}`}>
            {part.hidden}
          </span>
        ),
      )}
    </bdi>
  );
});

export const SHOWN_AT_FIRST = 20_000;
export const SHOWN_AT_MOST = 400_000;

/** Where to cut a text so that no pair of surrogates is torn. */
export function cutAt(text: string, length: number): string {
  if (text.length <= length) {
    return text;
  }
  const code = text.charCodeAt(length - 1);
  return text.slice(0, code >= 0xd800 && code <= 0xdbff ? length - 1 : length);
}

/** A long text, cut: more of it by pieces that a browser draws at once, and all of it as a file. */
export function LongText({ text, children }: { text: string; children: (shown: string) => React.ReactNode }) {
  const [length, setLength] = useState(SHOWN_AT_FIRST);
  const shown = cutAt(text, length);
  const isCut = shown.length < text.length;
  return (
    <>
      {children(shown)}
      {isCut && (
        <p className="hg-cut">
          {bytes(shown.length)} of {bytes(text.length)} shown.{" "}
          <button
            type="button"
            className="hg-link"
            onClick={() => setLength(length < SHOWN_AT_MOST ? SHOWN_AT_MOST : length + SHOWN_AT_MOST)}
          >
            {text.length <= SHOWN_AT_MOST ? "Show all" : "Show more"}
          </button>{" "}
          <button type="button" className="hg-link" onClick={() => download(text)}>
            Save all as a file
          </button>
        </p>
      )}
    </>
  );
}

export function download(text: string, name = "text.txt"): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

/** Text as it was written, letter by letter. */
export function Verbatim({ text, label }: { text: string; label?: string }) {
  return (
    <LongText text={text}>
      {(shown) => (
        <pre className="hg-verbatim" tabIndex={0} aria-label={label ?? "text"}>
          <Text>{shown}</Text>
        </pre>
      )}
    </LongText>
  );
}
