import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Instant, Name } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared } from "@/shell/view";
import { EvaluationPages } from "../evaluation/EvaluationPages";
import { pathOf } from "./datasetWords";
import { useDatasets } from "./useDatasets";

/** Collections of cases to check with. */
export default function Datasets() {
  const { project } = useShared();
  const datasets = useDatasets();
  return (
    <EvaluationPages>
      <Answered of={datasets} what="datasets">
        {({ items }) => {
          const shown = project ? items.filter((each) => each.project === project) : items;
          return shown.length === 0 ? (
            <NoDatasets />
          ) : (
            <table className="hg-small-table" aria-label="datasets">
              <thead>
                <tr>
                  <th scope="col">Dataset</th>
                  <th scope="col">Project</th>
                  <th scope="col" className="hg-right">Cases</th>
                  <th scope="col" className="hg-right">Version</th>
                  <th scope="col">Digest</th>
                  <th scope="col">Changed</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((each) => (
                  <tr key={each.project + each.name}>
                    <th scope="row">
                      <To path={pathOf(each.name)} filter={{ of: each.project }}>
                        <Name>{each.name}</Name>
                      </To>
                    </th>
                    <td>{each.project}</td>
                    <td className="hg-right hg-number">
                      <To path={pathOf(each.name)} filter={{ of: each.project }}>
                        {count(each.cases)}
                      </To>
                    </td>
                    <td className="hg-right hg-number">{each.version}</td>
                    <td>
                      <code>{each.digest.slice(0, 12)}</code>
                    </td>
                    <td>
                      <Instant at={each.changed_at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          );
        }}
      </Answered>
    </EvaluationPages>
  );
}

function NoDatasets() {
  return (
    <Empty title="No dataset is kept here yet">
      <p className="hg-soft">
        The cases that matter are in the calls that went wrong: open one, or filter Requests, and choose &quot;Add to dataset&quot;. From
        elsewhere:
      </p>
      <pre className="hg-paste">headgate datasets create orders cases.jsonl</pre>
      <p className="hg-soft">
        with lines such as <code>{'{"input": "What is 17 + 26?", "expected": "43"}'}</code>.
      </p>
    </Empty>
  );
}
