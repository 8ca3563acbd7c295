import { Reach } from "@/core/Reach";
import { Text } from "@/core/Text";
import { State } from "@/core/Values";
import { count } from "@/core/format";
import { To } from "@/shell/To";
import { callsBehind, callsOf, changeOf, type Comparison, FINDINGS, type Metric, type Report, spanOf, valueOf } from "../experiments/experimentWords";

interface ComparedProps {
  report: Report;
  until: string | null;
}

/** What is known of calls that both arms answered, each with its interval. They are looked at as they are now alone. */
export function Compared({ report, until }: ComparedProps) {
  return (
    <table className="hg-small-table hg-findings" aria-label="calls that both arms answered">
      <thead>
        <tr>
          <th scope="col">Compared in</th>
          <th scope="col">What is known</th>
          <th scope="col">Difference</th>
          <th scope="col" className="hg-right">Candidate</th>
          <th scope="col" className="hg-right">Present</th>
          <th scope="col" className="hg-right">Calls</th>
        </tr>
      </thead>
      <tbody>
        {report.metrics.flatMap((metric) => metric.comparisons.map((one) => <Row key={metric.name} metric={metric} one={one} report={report} until={until} />))}
      </tbody>
    </table>
  );
}

function Row({ metric, one, report, until }: ComparedProps & { metric: Metric; one: Comparison }) {
  const [tone, word] = FINDINGS[one.finding];
  const present = report.arms.find((arm) => arm.name !== one.arm)?.name ?? "";
  const behind = (arm: string) => callsOf(report, until, callsBehind(metric, arm));
  return (
    <tr>
      <th scope="row">
        <Text>{metric.name}</Text> <span className="hg-soft">{metric.role === "guardrail" ? `${metric.better} is better` : "decides nothing"}</span>
      </th>
      <td>
        <State tone={tone}>{word}</State>
        {one.note && (
          <div className="hg-soft">
            <Text>{one.note}</Text>
          </div>
        )}
      </td>
      <td>
        <Difference metric={metric} one={one} />
      </td>
      <td className="hg-right hg-number">
        <To path="/requests" filter={behind(one.arm)}>
          {valueOf(one.mean, metric.scale)}
        </To>
      </td>
      <td className="hg-right hg-number">
        {metric.measure === "agreement" ? (
          <span className="hg-soft">–</span>
        ) : (
          <To path="/requests" filter={behind(present)}>
            {valueOf(one.baseline, metric.scale)}
          </To>
        )}
      </td>
      <td className="hg-right hg-number">
        <To path="/requests" filter={callsOf(report, until, { arm: present })}>
          {count(one.units)}
        </To>
      </td>
    </tr>
  );
}

function Difference({ metric, one }: { metric: Metric; one: Comparison }) {
  const { low, high, difference } = one;
  if (low === null || high === null || difference === null) {
    return <span className="hg-soft">no interval</span>;
  }
  const far = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const span = spanOf(low, high, metric.scale);
  const label = `${metric.name}: ${changeOf(difference, metric.scale)}, ${span}`;
  return (
    <>
      <Reach low={low} value={difference} high={high} least={-far} most={far} label={label} />
      <span className="hg-soft hg-number">{span}</span>
    </>
  );
}
