import { IconArrowLeft } from "@tabler/icons-react";
import { useParams } from "@tanstack/react-router";
import { Facts } from "@/core/Facts";
import { Answered, Empty } from "@/core/States";
import { Text, Verbatim, download } from "@/core/Text";
import { Instant, State } from "@/core/Values";
import { To } from "@/shell/To";
import { useView } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { Arms } from "./Arms";
import { changeOf, changeScale, FINDINGS, spanOf, valueOf } from "./experimentWords";
import { type Shown, useExperiment } from "./useExperiments";

type Decision = NonNullable<Shown["decision"]>;

/** The decision that stopped an experiment, as it was sealed. */
export default function Decided() {
  const { experiment: name = "" } = useParams({ strict: false });
  const { search } = useView();
  const found = useExperiment(name, search["version"]);
  return (
    <>
      <header className="hg-call-head">
        <To
          path={`/experiments/${encodeURIComponent(name)}`}
          className="hg-icon-button"
          aria-label="back to the experiment"
          filter={{ version: search["version"] }}
        >
          <IconArrowLeft size={16} stroke={1.6} />
        </To>
        <h1>
          The decision on <Text>{name}</Text>
        </h1>
        <span className="hg-spring" />
        {found.data?.decision && <Save name={name} decision={found.data.decision} />}
      </header>
      <Answered of={found} what="the decision">
        {({ decision, report }) =>
          decision ? (
            <Sealed decision={decision} />
          ) : (
            <Empty title={report.decided ? "Only an admin sees the decision" : "Nothing has been decided yet"}>
              <p className="hg-soft">
                {report.decided
                  ? "It rests on the units of all projects."
                  : "Whoever stops the experiment says why, and all that is known then is sealed here."}
              </p>
            </Empty>
          )
        }
      </Answered>
    </>
  );
}

function Save({ name, decision }: { name: string; decision: Decision }) {
  return (
    <button type="button" className="hg-button" onClick={() => download(JSON.stringify(decision, null, 2), `${name}.json`)}>
      Save it as a file
    </button>
  );
}

function Sealed({ decision }: { decision: Decision }) {
  const who = useKeyNames();
  const { sealed } = decision;
  return (
    <div className="hg-rule">
      <p className="hg-verdict">
        {sealed.arm === null ? (
          "Stopped; no arm was decided for."
        ) : (
          <>
            Decided for <strong>{sealed.arm}</strong>.
          </>
        )}
      </p>
      {sealed.reason && (
        <blockquote className="hg-reason">
          <Text>{sealed.reason}</Text>
        </blockquote>
      )}
      <Facts
        facts={[
          ["known then", <Text key="sentence">{sealed.report.sentence}</Text>],
          ["decided", <span key="at"><Instant at={sealed.decided_at} /> by {who(sealed.decided_by)}</span>],
          [
            "seal",
            decision.intact ? (
              <State key="seal" tone="good">intact: the record is what was sealed</State>
            ) : (
              <State key="seal" tone="bad">broken: somebody changed the record afterwards</State>
            ),
          ],
          ["SHA-256", <code key="digest">{decision.seal}</code>],
        ]}
      />
      <section className="hg-section" aria-label="what was known">
        <h2 className="hg-part-title">What was known</h2>
        <table className="hg-small-table hg-measures" aria-label="what was known">
          <thead>
            <tr>
              <th scope="col">Metric</th>
              <th scope="col">Role</th>
              <th scope="col">Arm</th>
              <th scope="col" className="hg-right">Its mean</th>
              <th scope="col" className="hg-right">Baseline</th>
              <th scope="col" className="hg-right">Difference</th>
              <th scope="col" className="hg-right">Interval</th>
              <th scope="col">Known</th>
            </tr>
          </thead>
          <tbody>
            {sealed.report.metrics.flatMap((metric) =>
              metric.comparisons.map((one) => (
                <tr key={`${metric.name} ${one.arm}`}>
                  <th scope="row">{metric.name}</th>
                  <td>{metric.role}</td>
                  <td>{one.arm}</td>
                  <td className="hg-right hg-number">{valueOf(one.mean, metric.scale)}</td>
                  <td className="hg-right hg-number">{valueOf(one.baseline, metric.scale)}</td>
                  <td className="hg-right hg-number">{changeOf(one.difference, changeScale(metric))}</td>
                  <td className="hg-right hg-number">
                    {one.low === null || one.high === null ? "–" : spanOf(one.low, one.high, changeScale(metric))}
                  </td>
                  <td>
                    <State tone={FINDINGS[one.finding][0]}>{FINDINGS[one.finding][1]}</State>
                  </td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </section>
      <Arms report={sealed.report} until={sealed.decided_at} />
      <section className="hg-section" aria-label="what it rests on">
        <h2 className="hg-part-title">What it rests on</h2>
        <table className="hg-small-table hg-pairs" aria-label="digests of the data">
          <tbody>
            {Object.entries({ ...sealed.data, "digest of the assignment's secret": sealed.seed }).map(([name, digest]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  <code>{digest}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        <Verbatim text={JSON.stringify(sealed.configuration, null, 2)} label="the configuration of the experiment" />
      </section>
    </div>
  );
}
