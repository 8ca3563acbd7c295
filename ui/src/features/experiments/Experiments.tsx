import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Moment, Name, State } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared } from "@/shell/view";
import { EvaluationPages } from "../evaluation/EvaluationPages";
import { STATES } from "./experimentWords";
import { type Item, useExperiments, useSentences } from "./useExperiments";

/** Every version of every experiment, and what is known of each. */
export default function Experiments() {
  const experiments = useExperiments(useShared());
  return (
    <EvaluationPages end={<To path="/planning">Plan an experiment</To>}>
      <Answered of={experiments} what="experiments">
        {({ items }) => (items.length === 0 ? <NoExperiments /> : <List items={items} />)}
      </Answered>
    </EvaluationPages>
  );
}

function NoExperiments() {
  return (
    <Empty title="No experiment has been defined yet">
      <p className="hg-soft">Is the smaller model as good? In headgate.toml, beside the model that it is about:</p>
      <pre className="hg-paste">{`[[experiments]]
name = "smaller"
alias = "assistant"
unit = "user"

[[experiments.arms]]
name = "now"
share = 1

[[experiments.arms]]
name = "small"
share = 1
targets = ["openai/gpt-5-mini"]

[[experiments.metrics]]
name = "solved"
kind = "event"
effect = "0.02"`}</pre>
      <p className="hg-soft">
        Then say what came of it with <code>headgate feedback</code>, the API or the SDK; this page says what is known,
        and it may be looked at as often as one likes. How long it takes can be planned beforehand.
      </p>
    </Empty>
  );
}

function List({ items }: { items: Item[] }) {
  const sentences = useSentences(items);
  return (
    <table className="hg-small-table hg-experiments" aria-label="experiments">
      <thead>
        <tr>
          <th scope="col">Experiment</th>
          <th scope="col">State</th>
          <th scope="col">Model</th>
          <th scope="col">Arms</th>
          <th scope="col">Unit</th>
          <th scope="col">Began</th>
          <th scope="col">What is known</th>
        </tr>
      </thead>
      <tbody>
        {items.map((each, place) => {
          const [tone, word] = STATES[each.state];
          const path = `/experiments/${encodeURIComponent(each.name)}`;
          return (
            <tr key={each.version}>
              <th scope="row">
                <To path={path} filter={isLast(items, place) ? {} : { version: each.version }}>
                  <Name>{each.name}</Name>
                </To>
                <span className="hg-soft">{each.version.slice(0, 8)}</span>
              </th>
              <td>
                <State tone={tone}>{word}</State>
              </td>
              <td>
                <Name>{each.alias}</Name>
              </td>
              <td>{each.arms.join(", ")}</td>
              <td>{each.unit}</td>
              <td>
                <Moment at={each.started_at} />
              </td>
              <td>
                <Text>{sentences[place] ?? "…"}</Text>
                {each.decided_at && (
                  <>
                    {" "}
                    <To path={`${path}/decision`} filter={{ version: each.version }}>
                      the decision
                    </To>
                  </>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** Whether a name alone leads there: the API takes the version that runs, else the last. */
function isLast(items: Item[], place: number): boolean {
  const same = items.filter((each) => each.name === items[place]?.name);
  return (same.find((each) => each.state === "running") ?? same[0]) === items[place];
}
