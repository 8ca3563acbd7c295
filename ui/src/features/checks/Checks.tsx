import { useQueries } from "@tanstack/react-query";
import { percent } from "@/core/format";
import { Reach } from "@/core/Reach";
import { Answered, Empty } from "@/core/States";
import { Moment, Name, State } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared, useView } from "@/shell/view";
import { EvaluationPages } from "../evaluation/EvaluationPages";
import { More } from "../evaluation/More";
import { WithCalls } from "../evaluation/WithCalls";
import { ofProject } from "../listing/ofProject";
import { Dataset } from "./Dataset";
import { type Report, type RunItem, callsOf, reportOf, spanOf, verdictOf } from "./checkWords";
import { run, useRuns } from "./useChecks";

/** Runs of checks over time: what was required, and what is known. */
export default function Checks() {
  const view = useShared();
  const { search, set } = useView();
  const name = search["name"];
  const pages = useRuns(name, view);
  const items = ofProject(pages, view.project);
  return (
    <EvaluationPages>
      {name && (
        <p>
          <button type="button" className="hg-link" onClick={() => set({ name: null })}>
            Runs of {name} only: show all
          </button>
        </p>
      )}
      <Answered of={pages} what="runs of checks">
        {() =>
          items.length === 0 && !pages.hasNextPage ? (
            <NoChecks />
          ) : (
            <>
              <List items={items} />
              <More of={pages} />
            </>
          )
        }
      </Answered>
    </EvaluationPages>
  );
}

function NoChecks() {
  return (
    <Empty title="No check has run yet">
      <p className="hg-soft">A check is a requirement that is decided with as few calls as it takes. In checks.toml:</p>
      <pre className="hg-paste">{`[[checks]]
name = "orders"
dataset = "orders"
model = "assistant"
scorers = [{ name = "right", kind = "contains" }]
requirements = [{ at_least = 0.95, error = 0.05 }]`}</pre>
      <p>
        <code>headgate check</code>
      </p>
      <p className="hg-soft">It passes, fails, or says how many more cases would tell; runs that are sent to this server stand here.</p>
    </Empty>
  );
}

const REPORTS_MAX = 50;

function List({ items }: { items: RunItem[] }) {
  const { search, set } = useView();
  const reports = useQueries({ queries: items.slice(0, REPORTS_MAX).map((each) => ({ ...run(each.id), staleTime: 60_000 })) });
  const chosen = search["with"];
  const same = items.find((each) => each.id === chosen);
  return (
    <table className="hg-small-table" aria-label="runs of checks">
      <thead>
        <tr>
          <th scope="col">Began</th>
          <th scope="col">Check</th>
          <th scope="col">Target</th>
          <th scope="col">Verdict</th>
          <th scope="col">Interval</th>
          <th scope="col">What is known</th>
          <th scope="col">Cases of</th>
          <th scope="col">
            <span className="hg-visually-hidden">Compare</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((each, place) => {
          const [tone, word] = verdictOf(each.verdict);
          const report = reportOf(reports[place]?.data?.report);
          return (
            <tr key={each.id} className={each.id === chosen ? "hg-chosen" : ""}>
              <th scope="row">
                <To path={`/checks/${each.id}`}>
                  <Moment at={each.started_at} />
                </To>
              </th>
              <td>
                <To path="/checks" filter={{ name: each.name }}>
                  <Name>{each.name}</Name>
                </To>
              </td>
              <td>
                <Name>{each.target}</Name>
              </td>
              <td>
                <State tone={tone}>{word}</State>
              </td>
              <td>{report && <Intervals report={report} />}</td>
              <td>
                {report && <WithCalls sentence={report.sentence} filter={callsOf(each)} />}
              </td>
              <td>
                <Dataset name={each.dataset} project={each.project} />
              </td>
              <td className="hg-actions">
                {same && same.id !== each.id && (
                  <To path={`/checks/${each.id}/against/${same.id}`} className="hg-button">
                    With the chosen one
                  </To>
                )}
                <button
                  type="button"
                  className="hg-button"
                  aria-pressed={each.id === chosen}
                  aria-label={`compare the run of ${each.started_at}`}
                  onClick={() => set({ with: each.id === chosen ? null : each.id }, true)}
                >
                  {each.id === chosen ? "Chosen" : "Compare"}
                </button>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

export function Intervals({ report }: { report: Report }) {
  return report.requirements.map((each) =>
    each.mean === null ? (
      <div key={each.scorer} className="hg-soft">
        {each.scorer}: no number
      </div>
    ) : (
      <div key={each.scorer} title={each.sentence}>
        <Reach
          low={each.low}
          value={each.mean}
          high={each.high}
          least={0}
          most={1}
          bound={each.at_least}
          label={`${each.scorer}: ${percent(each.mean)}, ${spanOf(each.low, each.high)}, required ${percent(each.at_least)}`}
        />
        <span className="hg-soft hg-number hg-nowrap">{spanOf(each.low, each.high) || `${percent(each.mean)}, no interval`}</span>
      </div>
    ),
  );
}
