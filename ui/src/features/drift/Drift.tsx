import { count, span } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant, Moment, Name, State } from "@/core/Values";
import { useMay, useSession } from "@/shell/session";
import { To } from "@/shell/To";
import { useShared, useView } from "@/shell/view";
import { EvaluationPages } from "../evaluation/EvaluationPages";
import { More } from "../evaluation/More";
import { ofProject } from "../listing/ofProject";
import { KINDS } from "./driftWords";
import { Evidence } from "./Evidence";
import { Grounding } from "./Grounding";
import { LiveTraffic, WhoServed } from "./LiveTraffic";
import { Phase } from "./Phase";
import { Studies } from "./Studies";
import { useAlarms, useCanaries } from "./useDrift";

/** Which models changed, and who watches for it. */
export default function Drift() {
  const maySeeCanaries = useMay("snapshots:read");
  return (
    <EvaluationPages>
      <Alarms />
      <LiveTraffic />
      {maySeeCanaries && <Canaries />}
      <Grounding />
      <Studies />
      <WhoServed />
    </EvaluationPages>
  );
}

function Alarms() {
  const view = useShared();
  const { search, set } = useView();
  const seesAll = useSession().key.role === "admin";
  const openOnly = search["open"] === "only";
  const pages = useAlarms(view, openOnly);
  const items = ofProject(pages, view.project);
  return (
    <section className="hg-section" aria-label="alarms">
      <header>
        <h2>Alarms</h2>
        <span className="hg-soft">models that answer otherwise than they did</span>
        <span className="hg-spring" />
        <button type="button" className="hg-button" aria-pressed={openOnly} onClick={() => set({ open: openOnly ? null : "only" }, true)}>
          Open ones only
        </button>
      </header>
      <Answered of={pages} what="alarms">
        {() =>
          items.length === 0 && !pages.hasNextPage ? (
            <Empty title={openOnly ? "No alarm is open" : seesAll ? "No model is known to have changed" : "No alarm of your project"}>
              <p className="hg-soft">All watches together are wrong at most once in the months that [drift] names (twelve, if it names none).</p>
            </Empty>
          ) : (
            <>
              <table className="hg-small-table hg-alarms" aria-label="alarms">
                <thead>
                  <tr>
                    <th scope="col">Target</th>
                    <th scope="col">State</th>
                    <th scope="col">What changed</th>
                    <th scope="col">Since about</th>
                    <th scope="col">How sure</th>
                    <th scope="col">Seen in</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((each) => (
                    <tr key={each.id}>
                      <th scope="row">
                        <To path={`/drift/alarms/${each.id}`}>
                          <Name>{each.target}</Name>
                        </To>
                      </th>
                      <td>{each.acknowledged_at ? <State tone="quiet">acknowledged</State> : <State tone="bad">open</State>}</td>
                      <td>
                        <Text>{each.sentence}</Text>
                      </td>
                      <td>
                        <Moment at={each.since} />
                      </td>
                      <td>{each.how_sure}</td>
                      <td>{KINDS[each.kind] ?? each.kind}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
              <More of={pages} />
            </>
          )
        }
      </Answered>
    </section>
  );
}

function Canaries() {
  const canaries = useCanaries(useShared());
  return (
    <section className="hg-section" aria-label="canaries">
      <header>
        <h2>Canaries</h2>
        <span className="hg-soft">pinned suites that are asked of targets on a schedule</span>
      </header>
      <Answered of={canaries} what="canaries">
        {({ items }) =>
          items.length === 0 ? (
            <NoCanaries />
          ) : (
            <table className="hg-small-table" aria-label="canaries">
              <thead>
                <tr>
                  <th scope="col">Canary</th>
                  <th scope="col">Target</th>
                  <th scope="col">What is known</th>
                  <th scope="col">Evidence of a change</th>
                  <th scope="col" className="hg-right">Cases</th>
                  <th scope="col">Every</th>
                  <th scope="col">Last run</th>
                </tr>
              </thead>
              <tbody>
                {items.flatMap((canary) =>
                  canary.targets.map((target) => (
                    <tr key={canary.name + target.target}>
                      <th scope="row">
                        <To path={`/drift/canaries/${encodeURIComponent(canary.name)}`}>
                          <Name>{canary.name}</Name>
                        </To>
                      </th>
                      <td>
                        <To path="/requests" filter={{ target: target.target, tag: `canary:${canary.name}` }}>
                          <Text>{target.target}</Text>
                        </To>
                      </td>
                      <td>
                        <Phase of={target} />
                      </td>
                      <td>
                        <Evidence of={target} />
                      </td>
                      <td className="hg-right hg-number">
                        <To path={`/drift/canaries/${encodeURIComponent(canary.name)}`}>{count(canary.cases)}</To>
                      </td>
                      <td>{span(canary.every_s * 1000)}</td>
                      <td>
                        {target.last_run ? <Instant at={target.last_run} /> : <span className="hg-soft">none yet</span>}{" "}
                        <span className="hg-soft">{target.last_state}</span>
                      </td>
                    </tr>
                  )),
                )}
              </tbody>
            </table>
          )
        }
      </Answered>
    </section>
  );
}

function NoCanaries() {
  return (
    <Empty title="No canary watches a hosted model">
      <p className="hg-soft">A provider may change a model under its name. In headgate.toml:</p>
      <pre className="hg-paste">{`[[canaries]]
name = "daily"
targets = ["openai/gpt-5-mini"]`}</pre>
      <p className="hg-soft">
        It asks a suite of its own once a day, through the gateways; <code>[[canaries.cases]]</code> takes yours, and{" "}
        <code>headgate drift run daily</code> asks at once.
      </p>
    </Empty>
  );
}
