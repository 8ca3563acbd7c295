import { IconArrowLeft } from "@tabler/icons-react";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { Facts } from "@/core/Facts";
import { Answered } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant, State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useView } from "@/shell/view";
import { Arms } from "./Arms";
import { callsOf, daysOf, ROLES, STATES } from "./experimentWords";
import { MetricRows } from "./MetricRows";
import { Stop } from "./Stop";
import { type Shown, useExperiment, useLooks } from "./useExperiments";

/** One experiment: what is known in one sentence, how it came to be known, and what it rests on. */
export default function OneExperiment() {
  const { experiment: name = "" } = useParams({ strict: false });
  const { search } = useView();
  const found = useExperiment(name, search["version"]);
  return (
    <>
      {!found.data && <h1 className="hg-visually-hidden">One experiment</h1>}
      <Answered of={found} what="the experiment">
        {(shown) => <Page shown={shown} />}
      </Answered>
    </>
  );
}

function Page({ shown }: { shown: Shown }) {
  const { report, decision } = shown;
  const looks = useLooks(report.name, report.version);
  const until = decision?.sealed.decided_at ?? null;
  return (
    <div>
      <Head shown={shown} until={until} />
      <div className="hg-rule">
        <p className="hg-verdict">
          <Text>{report.sentence}</Text>
        </p>
        {report.notes.map((note) => (
          <p key={note} className="hg-note">
            <Text>{note}</Text>
          </p>
        ))}
        {ROLES.map(({ role, title, what }) => {
          const metrics = report.metrics.filter((metric) => metric.role === role);
          return metrics.length === 0 ? null : (
            <section key={role} className="hg-section" aria-label={title.toLowerCase()}>
              <header>
                <h2>{title}</h2>
                <span className="hg-soft">{what}</span>
              </header>
              {metrics.map((metric) => (
                <MetricRows key={metric.name} metric={metric} report={report} until={until} looks={looks} />
              ))}
            </section>
          );
        })}
        <Arms report={report} until={until} />
        <Facts
          facts={[
            ["model", <To key="model" path="/requests" filter={{ model: report.alias, project: null }}>{report.alias}</To>],
            ["unit", `${report.unit}, watched for ${daysOf(report.window_days)} from its first call on`],
            ["began", <Instant key="began" at={report.started_at} />],
            ["first exposure", report.first_exposure_at && <Instant key="first" at={report.first_exposure_at} />],
            ["false alarms", `at most ${report.error * 100} in a hundred experiments, however often one looks`],
            ["version", <code key="version">{report.version}</code>],
          ]}
        />
      </div>
    </div>
  );
}

function Head({ shown, until }: { shown: Shown; until: string | null }) {
  const { report, decision, versions } = shown;
  const { set } = useView();
  const mayStop = useMay("experiments:write");
  const [isStopping, setStopping] = useState(false);
  const [tone, word] = STATES[report.state];
  return (
    <header className="hg-call-head">
      <To path="/experiments" className="hg-icon-button" aria-label="back to experiments">
        <IconArrowLeft size={16} stroke={1.6} />
      </To>
      <h1>
        <Text>{report.name}</Text>
      </h1>
      <State tone={tone}>{word}</State>
      {versions.length > 1 && (
        <label className="hg-soft">
          version{" "}
          <select className="hg-input" value={report.version} onChange={(event) => set({ version: event.currentTarget.value })}>
            {versions.map((version) => (
              <option key={version} value={version}>
                {version.slice(0, 8)}
              </option>
            ))}
          </select>
        </label>
      )}
      <span className="hg-spring" />
      <To path="/requests" className="hg-button" filter={callsOf(report, until)}>
        Its calls
      </To>
      {decision && (
        <To
          path={`/experiments/${encodeURIComponent(report.name)}/decision`}
          className="hg-button"
          filter={{ version: report.version }}
        >
          The decision
        </To>
      )}
      {mayStop && report.state === "running" && (
        <button type="button" className="hg-button hg-danger" onClick={() => setStopping(true)}>
          Stop it
        </button>
      )}
      {isStopping && <Stop report={report} onClose={() => setStopping(false)} />}
    </header>
  );
}
