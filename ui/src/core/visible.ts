// Makes what can't be seen visible: control characters, terminal codes, marks that turn the direction of text,
// and characters of no width. What a model or a user wrote must not look like something else. Pure.

const NAMES = new Map<number, string>([
  [0x00ad, "SHY"],
  [0x061c, "ALM"],
  [0x180e, "MVS"],
  [0x200b, "ZWSP"],
  [0x200e, "LRM"],
  [0x200f, "RLM"],
  [0x202a, "LRE"],
  [0x202b, "RLE"],
  [0x202c, "PDF"],
  [0x202d, "LRO"],
  [0x202e, "RLO"],
  [0x2060, "WJ"],
  [0x2066, "LRI"],
  [0x2067, "RLI"],
  [0x2068, "FSI"],
  [0x2069, "PDI"],
  [0xfeff, "BOM"],
]);

// Joiners (U+200C, U+200D) are left: emoji and several scripts need them. Tags (U+E0000 on) hide whole texts.
// eslint-disable-next-line no-control-regex
const HIDDEN =
  /[\u0000-\u0008\u000b\u000c\u000d\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

export interface Stretch {
  text: string;
  /** The name of the character that stands here, where it is one that can't be seen. */
  hidden: string | null;
}

export function stretches(text: string): Stretch[] {
  const found: Stretch[] = [];
  let place = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match[0] === "\r" && text[match.index + 1] === "\n") {
      continue;
    }
    if (match.index > place) {
      found.push({ text: text.slice(place, match.index), hidden: null });
    }
    found.push({ text: match[0], hidden: nameOf(match[0]) });
    place = match.index + match[0].length;
  }
  if (place < text.length) {
    found.push({ text: text.slice(place), hidden: null });
  }
  return found;
}

export function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x1b) {
    return "ESC";
  }
  if (code < 0x20) {
    return `^${String.fromCharCode(code + 64)}`;
  }
  return NAMES.get(code) ?? `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The same as one text, for titles and names. */
export function plain(text: string): string {
  return stretches(text)
    .map((each) => (each.hidden === null ? each.text : `\u27e8${each.hidden}\u27e9`))
    .join("");
}
