import { moment } from "@/core/format";

interface Counted {
  /** The end of what was asked for. */
  end: string;
  /** Since when all are counted; null where all are. */
  counted_from: string | null;
}

/** What a chart over a list leaves out, where it does. */
export function CountedNote({ counts, nouns, newest }: { counts: Counted; nouns: string; newest: string }) {
  if (counts.counted_from === null) {
    return null;
  }
  return (
    <p className="hg-soft hg-histogram-note">
      {counts.counted_from === counts.end
        ? `Too many ${nouns} to look through for a chart of these filters.`
        : `The newest ${newest} alone are counted: those since ${moment(counts.counted_from)}.`}
    </p>
  );
}
