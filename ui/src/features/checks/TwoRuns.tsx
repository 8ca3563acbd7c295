import { useParams } from "@tanstack/react-router";
import type { Schemas } from "@/api";
import { count, percent } from "@/core/format";
import { Reach } from "@/core/Reach";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant, State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { Back } from "../evaluation/Back";
import { pathOf } from "../reviews/judgeWords";
import { pointsOf } from "./checkWords";
import { named, SendPairsToReview } from "../reviews/SendToReview";
import { resultsOf, useComparison } from "./useChecks";

type Comparison = Schemas["RunsCompared"];
type Compared = Schemas["Compared"];

/** Two runs held against each other on the cases that both asked. */
export default function TwoRuns() {
  const { run = "", other = "" } = useParams({ strict: false });
  const found = useComparison(run, other);
  return (
    <>
      {!found.data && <h1 className="hg-visually-hidden">Two runs</h1>}
      <Answered of={found} what="the comparison">
        {(comparison) => <Page comparison={comparison} />}
      </Answered>
    </>
  );
}

function Page({ comparison }: { comparison: Comparison }) {
  const { run, against, scorers } = comparison;
  const maySee = useMay("judges:read");
  const named = (item: Comparison["run"]) => (
    <To path={`/checks/${item.id}`}>
      <Text>{item.name}</Text> of <Text>{item.target}</Text>, <Instant at={item.started_at} />
    </To>
  );
  return (
    <div>
      <Back path={`/checks/${run.id}`} to="the run" title={`${run.name} against ${against.name}`} />
      <div className="hg-rule">
        <p>
          This run: {named(run)}
          <br />
          Held against: {named(against)}
        </p>
        {!comparison.is_same_dataset && (
          <p className="hg-note">They asked cases of different versions of a dataset; only cases of the same name are compared.</p>
        )}
        {scorers.length === 0 ? (
          <Empty title="No scorer marked both" />
        ) : (
          <>
            {scorers.map((each) => (
              <p key={each.scorer} className="hg-said-first">
                <Text>{each.sentence}</Text> {each.judge && maySee && <JudgeLink judge={each.judge} marks={each.marks} project={run.project} />}
              </p>
            ))}
            <Table comparison={comparison} />
            <p>
              <SendPairsToReview project={run.project} items={() => pairsOf(run.id, against.id)} />
            </p>
            <p className="hg-soft">Pairs of the same cases; the interval (95 %) holds however often one looks, and where a run stopped early.
              {scorers.some((each) => each.said !== null) &&
                " Where a judge marked, both means are its word; the difference is without its errors, as far as people have marked its answers."}
            </p>
          </>
        )}
      </div>
    </div>
  );
}

const PAIRS_MAX = 500;

/** The answers of two runs to the same cases, each pair by its two calls; at most as many as are taken at once. */
async function pairsOf(run: string, against: string) {
  const [ours, theirs] = await Promise.all([resultsOf(run), resultsOf(against)]);
  const other = new Map(theirs.map((each) => [`${each.repeat} ${each.case}`, each]));
  const pairs = ours.flatMap((each) => {
    const beside = other.get(`${each.repeat} ${each.case}`);
    const isPair = each.request_id && beside?.request_id && !each.problem && !beside.problem;
    return isPair ? [named({ request_id: each.request_id, other_request_id: beside.request_id })] : [];
  });
  return pairs.slice(0, PAIRS_MAX);
}

interface JudgeLinkProps {
  judge: string;
  marks: number | null;
  project: string;
}

/** Leads to what people marked of a judge, or to where they would. */
function JudgeLink({ judge, marks, project }: JudgeLinkProps) {
  return (
    <To path={pathOf(judge)} filter={{ of: project, tab: marks ? "marked" : "waiting" }}>
      {marks ? "What people marked" : "What people could mark"}
    </To>
  );
}

function Table({ comparison }: { comparison: Comparison }) {
  const { run, against, scorers } = comparison;
  return (
    <table className="hg-small-table" aria-label="comparison">
      <thead>
        <tr>
          <th scope="col">Scorer</th>
          <th scope="col" className="hg-right">This run</th>
          <th scope="col" className="hg-right">The other</th>
          <th scope="col" className="hg-right">Difference</th>
          <th scope="col">Interval</th>
          <th scope="col" className="hg-right">Cases</th>
          <th scope="col" className="hg-right">Better</th>
          <th scope="col" className="hg-right">Worse</th>
          <th scope="col" className="hg-right">Left out</th>
        </tr>
      </thead>
      <tbody>
        {scorers.map((each) => (
          <tr key={each.scorer}>
            <th scope="row">{each.scorer}</th>
            <td className="hg-right hg-number">{each.mean === null ? "–" : <To path={`/checks/${run.id}`}>{percent(each.mean)}</To>}</td>
            <td className="hg-right hg-number">{each.against === null ? "–" : <To path={`/checks/${against.id}`}>{percent(each.against)}</To>}</td>
            <td className="hg-right hg-number">{each.difference === null ? <State tone="quiet">not known</State> : pointsOf(each.difference)}</td>
            <td>
              <Between one={each} />
            </td>
            <td className="hg-right hg-number">
              <To path={`/checks/${run.id}`}>{count(each.cases)}</To>
            </td>
            <td className="hg-right hg-number">
              <To path={`/checks/${against.id}`} filter={{ show: "wrong" }}>
                {count(each.better)}
              </To>
            </td>
            <td className="hg-right hg-number">
              <To path={`/checks/${run.id}`} filter={{ show: "wrong" }}>
                {count(each.worse)}
              </To>
            </td>
            <td className="hg-right hg-number">{count(each.left_out)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Between({ one }: { one: Compared }) {
  const { difference, low, high } = one;
  if (difference === null || low === null || high === null) {
    return <span className="hg-soft">none</span>;
  }
  const words = `${pointsOf(low)} to ${pointsOf(high)}`;
  return (
    <>
      <Reach low={low} value={difference} high={high} least={-1} most={1} label={`${one.scorer}: ${pointsOf(difference)}, ${words}`} />
      <span className="hg-soft hg-number">{words}</span>
    </>
  );
}
