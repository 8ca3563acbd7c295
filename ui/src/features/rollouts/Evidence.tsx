import { Loading } from "@/core/States";
import { Problem } from "@/core/Dialogs";
import { Text } from "@/core/Text";
import { Arms } from "../experiments/Arms";
import type { Report } from "../experiments/experimentWords";
import { MetricRows } from "../experiments/MetricRows";
import { useExperiment, useLooks } from "../experiments/useExperiments";
import { Compared } from "./Compared";
import { compares, type StageOf, stateOf, timesOf, wordsAtLeaving } from "./rolloutWords";
import type { Shown } from "./useRollouts";

/** What is known of the stage that is looked at: of the one it stands at, or of one before. */
export function Evidence({ shown, stage }: { shown: Shown; stage: StageOf }) {
  const isHere = shown.rollout.stage === stage.name;
  return (
    <section className="hg-section" aria-label={`evidence at ${stage.name}`}>
      <header>
        <h2>Evidence at {stage.name}</h2>
        <span className="hg-soft">{titleOf(shown, stage)}</span>
      </header>
      <What shown={shown} stage={stage} isHere={isHere} />
    </section>
  );
}

function What({ shown, stage, isHere }: { shown: Shown; stage: StageOf; isHere: boolean }) {
  if (isHere) {
    return <Known stage={stage} report={shown.report} until={null} />;
  }
  const said = wordsAtLeaving(stage, shown.moves);
  return stage.sampled > 0 && said !== "" ? <p><Text>{said}</Text></p> : <Earlier shown={shown} stage={stage} />;
}

function titleOf(shown: Shown, stage: StageOf): string {
  if (stateOf(stage.name, shown.rollout, shown.moves) === "ahead") {
    return "it has not come to this stage";
  }
  return compares(stage)
    ? "what must not get worse by more than its margin; intervals hold however often one looks"
    : stage.kind === "internal"
      ? "those who are named are no sample of all: nothing is concluded from them"
      : "there is nobody left to compare with";
}

function Earlier({ shown, stage }: { shown: Shown; stage: StageOf }) {
  const found = useExperiment(stage.experiment, stage.version);
  const { until } = timesOf(stage.name, shown.moves);
  if (found.data) {
    return <Known stage={stage} report={found.data.report} until={until} />;
  }
  return found.error ? <Problem error={found.error} /> : <Loading what="what was known then" />;
}

function Known({ stage, report, until }: { stage: StageOf; report: Report | null; until: string | null }) {
  if (report === null || report.first_exposure_at === null) {
    return <p className="hg-soft">No call of this stage is on record yet.</p>;
  }
  return (
    <>
      {report.notes.map((note) => (
        <p key={note} className="hg-note">
          <Text>{note}</Text>
        </p>
      ))}
      {stage.sampled > 0 ? (
        <Compared report={report} until={until} />
      ) : (
        <>
          {compares(stage) && <OverTime report={report} until={until} />}
          <Arms report={report} until={until} />
        </>
      )}
    </>
  );
}

function OverTime({ report, until }: { report: Report; until: string | null }) {
  const looks = useLooks(report.name, report.version);
  return (
    <>
      {report.metrics.map((metric) => (
        <MetricRows key={metric.name} metric={metric} report={report} until={until} looks={looks} />
      ))}
    </>
  );
}
