import { useParams } from "@tanstack/react-router";
import { Facts } from "@/core/Facts";
import { count, percent } from "@/core/format";
import { Folded } from "@/core/Message";
import { Reach } from "@/core/Reach";
import { Answered } from "@/core/States";
import { Text, Verbatim } from "@/core/Text";
import { Instant, Money, State } from "@/core/Values";
import { To } from "@/shell/To";
import { useKeyNames } from "../access/useKeys";
import { Back } from "../evaluation/Back";
import { WithCalls } from "../evaluation/WithCalls";
import { Corrections } from "./Corrections";
import { Dataset } from "./Dataset";
import { Results } from "./Results";
import { type Report, type RunItem, callsOf, reportOf, spanOf, verdictOf } from "./checkWords";
import { useRun, useRuns } from "./useChecks";

/** One run of a check: what was required, what is known, and each case with its answers. */
export default function OneRun() {
  const { run: id = "" } = useParams({ strict: false });
  const found = useRun(id);
  return (
    <>
      {!found.data && <h1 className="hg-visually-hidden">A run of a check</h1>}
      <Answered of={found} what="the run">
        {({ run, definition, report }) => <Page run={run} definition={definition} report={reportOf(report)} />}
      </Answered>
    </>
  );
}

function Page({ run, definition, report }: { run: RunItem; definition: unknown; report: Report | null }) {
  const nameOf = useKeyNames();
  const [tone, word] = verdictOf(run.verdict);
  return (
    <div>
      <Back path="/checks" to="checks" title={run.name}>
        <State tone={tone}>{word}</State>
        <span className="hg-soft">
          <Text>{run.target}</Text>, <Instant at={run.started_at} />
        </span>
        <span className="hg-spring" />
        <To path="/requests" className="hg-button" filter={callsOf(run)}>
          Its calls
        </To>
        <Earlier of={run} />
      </Back>
      <div className="hg-rule">
        {report ? (
          <p className="hg-said-first">
            <WithCalls sentence={report.sentence} filter={callsOf(run)} />
          </p>
        ) : (
          <p className="hg-note">It has not said yet what is known: the run goes on, or broke off.</p>
        )}
        {report?.hint && (
          <p className="hg-note">
            <Text>{report.hint}</Text>
          </p>
        )}
        {report && report.requirements.length > 0 && <Requirements report={report} />}
        {report && report.corrections.length > 0 && <Corrections of={report.corrections} project={run.project} />}
        <Facts
          facts={[
            ["cases of", <Dataset key="dataset" name={run.dataset} project={run.project} />],
            ["digest", run.dataset_digest && <code key="digest">{run.dataset_digest.slice(0, 12)}</code>],
            ["calls", report && report.calls !== null ? `${count(report.calls)} of ${count(report.calls_planned ?? report.calls)} that all cases would take` : null],
            ["cost", report?.cost_usd ? <To key="cost" path="/requests" filter={callsOf(run)}><Money usd={report.cost_usd} /></To> : null],
            ["key", <To key="key" path="/requests" filter={{ key: run.key }}>{nameOf(run.key)}</To>],
            ["project", run.project],
          ]}
        />
        <Folded title="How it was defined">
          <Verbatim text={JSON.stringify(definition, null, 2)} label="definition" />
        </Folded>
        <Results id={run.id} />
      </div>
    </div>
  );
}

/** Another run of the same check to hold it against. */
function Earlier({ of }: { of: RunItem }) {
  const others = (useRuns(of.name).data?.pages[0]?.items ?? []).filter((each) => each.id !== of.id);
  return others.length === 0 ? null : (
    <details className="hg-others">
      <summary className="hg-button">Compare with</summary>
      <ul>
        {others.slice(0, 12).map((each) => (
          <li key={each.id}>
            <To path={`/checks/${of.id}/against/${each.id}`}>
              <Text>{each.target}</Text>, <Instant at={each.started_at} />
            </To>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Requirements({ report }: { report: Report }) {
  return (
    <table className="hg-small-table hg-findings" aria-label="requirements">
      <thead>
        <tr>
          <th scope="col">Requirement</th>
          <th scope="col">Interval</th>
          <th scope="col" className="hg-right">Right</th>
          <th scope="col">Verdict</th>
          <th scope="col">In words</th>
        </tr>
      </thead>
      <tbody>
        {report.requirements.map((each) => {
          const [tone, word] = verdictOf(each.verdict);
          return (
            <tr key={each.scorer + each.at_least}>
              <th scope="row">
                {each.scorer}: at least {percent(each.at_least)}, at {percent(each.error)} error
                {each.judged && (
                  <div className="hg-soft">{each.judged === "corrected" ? "without its judge’s errors" : "as its judge says"}</div>
                )}
              </th>
              <td>
                {each.mean !== null && (
                  <Reach
                    low={each.low}
                    value={each.mean}
                    high={each.high}
                    least={0}
                    most={1}
                    bound={each.at_least}
                    label={`${each.scorer}: ${percent(each.mean)}, ${spanOf(each.low, each.high)}, required ${percent(each.at_least)}`}
                  />
                )}
                <span className="hg-soft hg-number">{spanOf(each.low, each.high) || "no interval"}</span>
              </td>
              <td className="hg-right hg-number">
                {each.mean === null ? each.judged === "corrected" ? <State tone="quiet">not known</State> : "–" : percent(each.mean)}
                {each.judged === "corrected" && each.said !== null && (
                  <div className="hg-soft">
                    its judge says {percent(each.said)}, marked by people: {count(each.marked ?? 0)}
                  </div>
                )}
              </td>
              <td>
                <State tone={tone}>{word === "passes" ? "holds" : word === "fails" ? "does not hold" : word}</State>
              </td>
              <td>
                <Text>{each.sentence}</Text>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
