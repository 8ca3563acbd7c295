import { count } from "@/core/format";
import { Text } from "@/core/Text";
import { State } from "@/core/Values";
import { PHASES, type Target, type Watch } from "./driftWords";

/** How far a watch is: what it learns, that it watches, or that it waits for somebody to look. */
export function Phase({ of }: { of: Target | Watch }) {
  const [tone, word] = PHASES[of.phase];
  const [learnt, wanted, what] =
    "reference_hours" in of ? [of.hours, of.reference_hours, "hours"] : [of.answers, of.reference_answers, "answers"];
  return (
    <>
      <State tone={tone}>{word}</State>
      {of.phase === "reference" && (
        <div className="hg-soft hg-number">
          {count(learnt)} of {count(wanted)} {what}
        </div>
      )}
      {of.note && (
        <div className="hg-soft">
          <Text>{of.note}</Text>
        </div>
      )}
    </>
  );
}
