// What flags and problems of traces and spans mean, in words. Pure.

const FLAGS: Record<string, string> = {
  usage_differs: "the record of the call and the span that tells of it count other tokens; the record counts",
  cost_differs: "the record of the call and the span that tells of it say other costs; the record counts",
  sum_differs: "a step says more or less than what the steps below it come to; those below count",
  usage_inconsistent: "the tokens of a span don't add up to the total that it states",
  cost_inconsistent: "the parts of a span's cost don't add up to the total that it states",
  usage_unreadable: "a span states tokens in a form that can't be read",
  cost_unreadable: "a span states a cost in a form that can't be read",
  first_token_unreadable: "a span states the time of its first token in a form that can't be read",
  too_large: "the trace has more steps than are counted; its sums leave some out",
  cut: "a part of the span was too large and was left out or cut",
  events_cut: "the span has more events than are kept",
  indexed_cut: "the span has more numbered attributes than are read",
  own_parent: "the span names itself as its parent",
  ends_before_start: "the span ends before it begins; its length counts as none",
  no_time: "the span does not say when it began or ended",
  clock_off: "the clock of the application was far from this server's",
};

const CUT = /^([a-z_]+)_cut$/;

/** A flag in words; one that is not known stands as it is. */
export function flagInWords(flag: string): string {
  const known = FLAGS[flag];
  if (known !== undefined) {
    return known;
  }
  const cut = CUT.exec(flag)?.[1];
  return cut === undefined ? flag : `the ${cut.replaceAll("_", " ")} of the span was too long and was cut`;
}

const PROBLEMS: Record<string, string> = {
  orphan: "the step above it, which its span names, is not there: it may be on its way, or nobody sends it",
  cycle: "the steps above it lead back to it; it is drawn as a root",
};

export function problemInWords(problem: string): string {
  return PROBLEMS[problem] ?? problem;
}
