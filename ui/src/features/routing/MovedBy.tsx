import { State } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared } from "@/shell/view";
import { useExperiments } from "../experiments/useExperiments";
import { standingOf } from "../rollouts/rolloutWords";
import { useRollouts } from "../rollouts/useRollouts";

/** What takes part of a name's calls elsewhere than its picture says: a rollout, or an experiment that runs. */
export function MovedBy({ alias }: { alias: string }) {
  const view = useShared();
  const rollout = useRollouts(view).data?.items.find((each) => each.alias === alias);
  const experiments = useExperiments(view).data?.items.filter((each) => each.alias === alias && each.state === "running") ?? [];
  return (
    <>
      {rollout && (
        <State tone={standingOf(rollout)[0]}>
          <To path={`/rollouts/${encodeURIComponent(rollout.name)}`}>
            rollout {rollout.name}: {standingOf(rollout)[1]}
          </To>
        </State>
      )}
      {experiments.map((each) => (
        <State key={each.version} tone="accent">
          <To path={`/experiments/${encodeURIComponent(each.name)}`}>experiment {each.name}</To>
        </State>
      ))}
    </>
  );
}
