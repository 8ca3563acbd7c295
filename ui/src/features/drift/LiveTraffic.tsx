import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant, Moment, Name } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useShared, useView } from "@/shell/view";
import { More } from "../evaluation/More";
import { ofProject } from "../listing/ofProject";
import { callsOfWatch, mostOf, pathOfWatch, type Watch } from "./driftWords";
import { Evidence } from "./Evidence";
import { Phase } from "./Phase";
import { useServed, useWatches } from "./useDrift";

const LOOKS: [Watch["phase"] | "", string][] = [
  ["", "All"],
  ["alarmed", "Changed"],
  ["watching", "Watched"],
  ["reference", "Learning"],
];

/** What is watched of live traffic: each kind of call, and how much speaks for a change. */
export function LiveTraffic() {
  const view = useShared();
  const { search, set } = useView();
  const phase = LOOKS.find(([each]) => each !== "" && each === search["phase"])?.[0] ?? "";
  const target = search["target"];
  const pages = useWatches(view, phase, target);
  const items = ofProject(pages, view.project);
  return (
    <section className="hg-section" aria-label="live traffic">
      <header>
        <h2>Live traffic</h2>
        <span className="hg-soft">each target by project, model, prompt and release; an hour takes five calls to count</span>
        <span className="hg-spring" />
        {target && (
          <button type="button" className="hg-chip" onClick={() => set({ target: null }, true)} aria-label={`not only ${target}`}>
            <Text>{target}</Text> ×
          </button>
        )}
        <span className="hg-by" role="group" aria-label="which watches">
          {LOOKS.map(([each, word]) => (
            <button
              key={each}
              type="button"
              className="hg-button hg-quiet-button"
              aria-pressed={each === phase}
              onClick={() => set({ phase: each || null }, true)}
            >
              {word}
            </button>
          ))}
        </span>
      </header>
      <Answered of={pages} what="what is watched">
        {() =>
          items.length === 0 && !pages.hasNextPage ? (
            <Empty title={phase || target ? "No watch is like that" : "No live traffic is watched yet"}>
              <p className="hg-soft">
                A watch begins with the first hour of five calls or more, and learns for a week of such hours what is usual.{" "}
                <code>traffic = false</code> under [drift] turns it off.
              </p>
            </Empty>
          ) : (
            <>
              <Watches items={items} onTarget={(name) => set({ target: name }, true)} />
              <More of={pages} />
            </>
          )
        }
      </Answered>
    </section>
  );
}

function Watches({ items, onTarget }: { items: Watch[]; onTarget: (target: string) => void }) {
  return (
    <table className="hg-small-table hg-watches" aria-label="live traffic">
      <thead>
        <tr>
          <th scope="col">Asked for</th>
          <th scope="col">Target</th>
          <th scope="col">Prompt</th>
          <th scope="col">What is known</th>
          <th scope="col">Evidence of a change</th>
          <th scope="col">Most by</th>
          <th scope="col" className="hg-right">Calls</th>
          <th scope="col">Last hour</th>
        </tr>
      </thead>
      <tbody>
        {items.map((each) => (
          <tr key={each.id}>
            <th scope="row">
              <To path={pathOfWatch(each)}>
                <Name>{each.model}</Name>
              </To>
              <span className="hg-soft">
                <Text>{each.project}</Text>
              </span>
            </th>
            <td>
              <button type="button" className="hg-link" title={`only ${each.target}`} onClick={() => onTarget(each.target)}>
                <Text>{each.target}</Text>
              </button>
            </td>
            <td>
              {each.prompt ? <Text>{each.prompt}</Text> : <span className="hg-soft">none known</span>}
              {each.release && <div className="hg-soft">release {each.release.slice(0, 8)}</div>}
            </td>
            <td>
              <Phase of={each} />
            </td>
            <td>
              <Evidence of={each} />
            </td>
            <td>{mostOf(each) || <span className="hg-soft">–</span>}</td>
            <td className="hg-right hg-number">
              <To path="/requests" filter={callsOfWatch(each)}>
                {count(each.calls)}
              </To>
            </td>
            <td>
              <Moment at={each.last_hour} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What answers say of themselves, by target; what is new among it is an alarm at once. */
export function WhoServed() {
  const served = useServed(useShared());
  return useMay("snapshots:read") ? (
    <section className="hg-section" aria-label="who served">
      <header>
        <h2>Who served</h2>
        <span className="hg-soft">the models and fingerprints that answers name; a new one is told at once</span>
      </header>
      <Answered of={served} what="who served">
        {({ items }) =>
          items.length === 0 ? (
            <p className="hg-soft">No answer has named its model yet.</p>
          ) : (
            <table className="hg-small-table" aria-label="who served">
              <thead>
                <tr>
                  <th scope="col">Target</th>
                  <th scope="col">Answers name</th>
                  <th scope="col">It is</th>
                  <th scope="col">First</th>
                  <th scope="col">Last</th>
                  <th scope="col" className="hg-right">Answers</th>
                </tr>
              </thead>
              <tbody>
                {items.map((each) => (
                  <tr key={`${each.target} ${each.fact} ${each.value}`}>
                    <th scope="row">
                      <Text>{each.target}</Text>
                    </th>
                    <td>{each.fact === "model" ? "their model" : "a fingerprint"}</td>
                    <td>
                      <Text>{each.value}</Text>
                    </td>
                    <td>
                      <Instant at={each.first_at} />
                    </td>
                    <td>
                      <Instant at={each.last_at} />
                    </td>
                    <td className="hg-right hg-number">
                      <To path="/requests" filter={{ target: each.target }}>
                        {count(each.calls)}
                      </To>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Answered>
    </section>
  ) : null;
}
