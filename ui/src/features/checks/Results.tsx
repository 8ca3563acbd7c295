import { useMemo } from "react";
import { count, percent, usdOf } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Duration, Money, State } from "@/core/Values";
import { To } from "@/shell/To";
import { useView } from "@/shell/view";
import { More } from "../evaluation/More";
import { markOf, type Result, scorersOf } from "./checkWords";
import { useResults } from "./useChecks";

const SHOWS: [string, string][] = [
  ["", "All"],
  ["wrong", "Wrong"],
  ["missing", "Without a mark"],
  ["failed", "Failed calls"],
];

/** Each case of a run, with each of its repeats: the answer's call, and how it was marked. */
export function Results({ id }: { id: string }) {
  const pages = useResults(id);
  const { search, set } = useView();
  const show = search["show"] ?? "";
  const all = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const scorers = useMemo(() => scorersOf(all), [all]);
  const shown = all.filter((each) => isShown(each, show, scorers));
  return (
    <section className="hg-section" aria-label="results">
      <header>
        <h2>Cases</h2>
        <div className="hg-looks" role="group" aria-label="which cases are shown">
          {SHOWS.map(([name, title]) => (
            <button
              key={name}
              type="button"
              className="hg-button hg-quiet-button"
              aria-pressed={name === show}
              onClick={() => set({ show: name || null }, true)}
            >
              {title} <span className="hg-number">{count(all.filter((each) => isShown(each, name, scorers)).length)}</span>
              {pages.hasNextPage && "+"}
            </button>
          ))}
        </div>
      </header>
      <Answered of={pages} what="results">
        {() =>
          shown.length === 0 ? (
            <Empty title={all.length === 0 ? "No result has come yet" : "None of these"} />
          ) : (
            <table className="hg-small-table" aria-label="results">
              <thead>
                <tr>
                  <th scope="col">Case</th>
                  <th scope="col" className="hg-right">Repeat</th>
                  <th scope="col">Answer</th>
                  {scorers.map((scorer) => (
                    <th key={scorer} scope="col">
                      {scorer}
                    </th>
                  ))}
                  <th scope="col" className="hg-right">Took</th>
                  <th scope="col" className="hg-right">Cost</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((each) => (
                  <tr key={`${each.case} ${each.repeat}`}>
                    <th scope="row">
                      <Text>{each.case}</Text>
                    </th>
                    <td className="hg-right hg-number">{each.repeat + 1}</td>
                    <td>{each.request_id ? <To path={`/requests/${each.request_id}`}>its call</To> : <span className="hg-soft">no call</span>}</td>
                    {scorers.map((scorer) => (
                      <td key={scorer}>
                        <OneMark result={each} scorer={scorer} />
                      </td>
                    ))}
                    <td className="hg-right">
                      <Duration ms={each.duration_ms} />
                    </td>
                    <td className="hg-right">
                      <Money usd={each.cost_pico_usd === null || each.cost_pico_usd === undefined ? null : usdOf(each.cost_pico_usd)} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Answered>
      <More of={pages} />
    </section>
  );
}

function isShown(result: Result, show: string, scorers: readonly string[]): boolean {
  switch (show) {
    case "wrong":
      return scorers.some((scorer) => {
        const { score } = markOf(result, scorer);
        return score !== null && score < 1;
      });
    case "missing":
      return scorers.some((scorer) => markOf(result, scorer).score === null);
    case "failed":
      return Boolean(result.problem);
    default:
      return true;
  }
}

/** A score with its reason; where there is none, why. */
function OneMark({ result, scorer }: { result: Result; scorer: string }) {
  const { score, reason } = markOf(result, scorer);
  const call = result.marks?.[scorer]?.request_id;
  return (
    <>
      {score === null ? (
        <State tone="warn">no mark</State>
      ) : score === 1 ? (
        <State tone="good">right</State>
      ) : score === 0 ? (
        <State tone="bad">{result.problem ? "failed" : "wrong"}</State>
      ) : (
        <State tone="quiet">{percent(score)}</State>
      )}
      {reason && (
        <div className="hg-soft">
          <Text>{reason.slice(0, 400)}</Text>
        </div>
      )}
      {call && (
        <div>
          <To path={`/requests/${call}`}>the judge&apos;s call</To>
        </div>
      )}
    </>
  );
}
