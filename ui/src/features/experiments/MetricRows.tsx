import type { UseQueryResult } from "@tanstack/react-query";
import type { Schemas } from "@/api";
import { Closing } from "@/core/Closing";
import { Problem } from "@/core/Dialogs";
import { Loading } from "@/core/States";
import { Text } from "@/core/Text";
import { State } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared } from "@/shell/view";
import { type Change, useMarks } from "../series/useMarks";
import { type Comparison, callsBehind, callsOf, changeOf, changeScale, daysOf, FINDINGS, type Metric, type Report, spanOf, valueOf, waitsWords } from "./experimentWords";

type Looks = Schemas["Looks"];

interface MetricProps {
  metric: Metric;
  report: Report;
  until: string | null;
  looks: UseQueryResult<Looks>;
}

/** A metric in each arm: what is known of it, and how its interval closed in. */
export function MetricRows({ metric, report, until, looks }: MetricProps) {
  const told = metric.comparisons.map((one) => one.note);
  return (
    <>
      {metric.comparisons.map((one) => (
        <article key={one.arm} className="hg-metric" aria-label={`${metric.name} of ${one.arm}`}>
          <Known metric={metric} one={one} report={report} until={until} />
          <OverTime metric={metric} one={one} report={report} looks={looks} />
        </article>
      ))}
      {metric.notes.filter((note) => !told.includes(note)).map((note) => (
        <p key={note} className="hg-note">
          <Text>{note}</Text>
        </p>
      ))}
    </>
  );
}

function Known({ metric, one, report, until }: Omit<MetricProps, "looks"> & { one: Comparison }) {
  const baseline = report.arms[0]?.name ?? "";
  const [tone, word] = FINDINGS[one.finding];
  const waits = waitsWords(metric, report);
  const behind = (arm: string) => callsOf(report, until, callsBehind(metric, arm));
  return (
    <div className="hg-metric-known">
      <h3>
        <Text>{metric.name}</Text> <span className="hg-soft">{metric.better} is better</span>
      </h3>
      <State tone={tone}>{word}</State>
      <dl className="hg-facts">
        <div>
          <dt>{one.arm}</dt>
          <dd className="hg-number">
            <To path="/requests" filter={behind(one.arm)}>
              {valueOf(one.mean, metric.scale)}
            </To>
          </dd>
        </div>
        <div>
          <dt>{baseline}</dt>
          <dd className="hg-number">
            <To path="/requests" filter={behind(baseline)}>
              {valueOf(one.baseline, metric.scale)}
            </To>
          </dd>
        </div>
        <div>
          <dt>difference</dt>
          <dd className="hg-number">{changeOf(one.difference, changeScale(metric))}</dd>
        </div>
        {one.low !== null && one.high !== null && (
          <div>
            <dt>interval</dt>
            <dd className="hg-number">{spanOf(one.low, one.high, changeScale(metric))}</dd>
          </div>
        )}
        {one.more_days !== null && (
          <div>
            <dt>still takes</dt>
            <dd>about {daysOf(Math.max(1, Math.round(one.more_days)))} at this traffic</dd>
          </div>
        )}
      </dl>
      {waits && <p className="hg-soft">{waits}</p>}
      {metric.adjusted && <p className="hg-soft">Adjusted by what units {metric.measure === "feedback" ? "said" : "did"} before.</p>}
      {one.note && (
        <p className="hg-soft">
          <Text>{one.note}</Text>
        </p>
      )}
    </div>
  );
}

/** What changed between the first and the last moment of a chart, whatever time the page looks at. */
function useMarksOf(at: string[] | undefined): Change[] {
  const view = useShared();
  return useMarks({ ...view, project: undefined, environment: undefined, from: at?.[0] ?? view.from, to: at?.at(-1) ?? view.to, isLive: false });
}

function OverTime({ metric, one, report, looks }: Omit<MetricProps, "until"> & { one: Comparison }) {
  const marks = useMarksOf(looks.data?.at);
  if (looks.error) {
    return <Problem error={looks.error} />;
  }
  if (!looks.data) {
    return <Loading what="what was known when" />;
  }
  const line = looks.data.lines.find((each) => each.metric === metric.name && each.arm === one.arm);
  if (!line || line.low.every((each) => each === null)) {
    return <p className="hg-metric-none hg-soft">No interval yet: it is drawn from the first moment at which there is one.</p>;
  }
  const isGuardrail = metric.role === "guardrail";
  return (
    <Closing
      title={`${metric.name}: ${one.arm} less ${report.arms[0]?.name ?? ""}`}
      at={looks.data.at}
      low={line.low}
      value={line.difference}
      high={line.high}
      bound={line.bound}
      boundName={isGuardrail ? "most that may be lost" : "no difference"}
      least={line.least}
      tone={FINDINGS[one.finding][0]}
      marks={marks.filter((mark) => mark.kind !== "alert")}
      write={(value) => changeOf(value, line.scale)}
      writeSpan={(low, high) => spanOf(low, high, line.scale)}
    />
  );
}
