import { StageDots } from "@/core/Stages";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Name, State } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared } from "@/shell/view";
import { EvaluationPages } from "../evaluation/EvaluationPages";
import { type Item, standingOf, stateOf } from "./rolloutWords";
import { useRollouts } from "./useRollouts";

/** Each name of models that moves to a candidate, how far it has come, and what it waits for. */
export default function Rollouts() {
  const rollouts = useRollouts(useShared());
  return (
    <EvaluationPages>
      <Answered of={rollouts} what="rollouts">
        {({ items }) => (items.length === 0 ? <NoRollouts /> : <List items={items} />)}
      </Answered>
    </EvaluationPages>
  );
}

function NoRollouts() {
  return (
    <Empty title="Nothing is being rolled out">
      <p className="hg-soft">
        A name of models moves to another model, prompt or parameter by stages, and falls back by itself. In headgate.toml:
      </p>
      <pre className="hg-paste">{`[[rollouts]]
name = "smaller"
alias = "assistant"
targets = ["openai/gpt-5-mini"]
shares = [0.01, 0.05, 0.25]
guardrails = [
  { name = "errors", measure = "errors", margin = "0.01" },
  { name = "latency", measure = "latency", margin = "10%" },
]`}</pre>
      <p className="hg-soft">
        It moves on once all guardrails are known to hold, and back as soon as one is known to be broken.
      </p>
    </Empty>
  );
}

function List({ items }: { items: Item[] }) {
  return (
    <table className="hg-small-table hg-rollouts" aria-label="rollouts">
      <thead>
        <tr>
          <th scope="col">Rollout</th>
          <th scope="col">Model</th>
          <th scope="col">State</th>
          <th scope="col">Stages</th>
          <th scope="col">What is known</th>
        </tr>
      </thead>
      <tbody>
        {items.map((each) => {
          const [tone, word] = standingOf(each);
          return (
            <tr key={each.name}>
              <th scope="row">
                <To path={`/rollouts/${encodeURIComponent(each.name)}`}>
                  <Name>{each.name}</Name>
                </To>
              </th>
              <td>
                <Name>{each.alias}</Name>
              </td>
              <td>
                <State tone={tone}>{word}</State>
              </td>
              <td>
                <StageDots steps={each.stages.map((stage) => ({ id: stage, state: stateOf(stage, each, each.back ? [each.back] : []) }))} at={each.stages.join(", ")} />
              </td>
              <td>
                <Text>{each.sentence}</Text>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
