import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { Facts } from "@/core/Facts";
import { Text } from "@/core/Text";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { type Detail, type Exposure, exposuresOf } from "./detail";

/** The experiments and rollouts that decided how a call was served, and which arm it was. */
export function Exposures({ detail }: { detail: Detail }) {
  const exposures = exposuresOf(detail);
  if (exposures.length === 0) {
    return null;
  }
  return (
    <section aria-label="experiments">
      <h2>Experiments</h2>
      {exposures.map((each) => (
        <Facts
          key={`${each.name} ${each.version}`}
          facts={[
            each.isRollout ? ["rollout", <RolloutName of={each} />] : ["experiment", <ExperimentName of={each} />],
            ["arm", <Arm of={each} detail={detail} />],
            [each.by || "unit", each.unit ? <Text>{each.unit}</Text> : "not known"],
          ]}
        />
      ))}
    </section>
  );
}

function ExperimentName({ of }: { of: Exposure }) {
  return (
    <To path={`/experiments/${encodeURIComponent(of.name)}`} filter={{ version: of.version }}>
      <Text>{of.name}</Text>
    </To>
  );
}

/** A rollout's name, with the stage at which it served the call. */
function RolloutName({ of }: { of: Exposure }) {
  const rollout = useQuery({
    queryKey: ["rollout", of.name],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/rollouts/{name}", { params: { path: { name: of.name } }, signal })),
    enabled: useMay("rollouts:read"),
    staleTime: 30_000,
    retry: false,
  });
  const shown = rollout.data;
  const stage = shown?.plan.stages.find((each) => each.version === of.version)?.name;
  return (
    <>
      <To path={`/rollouts/${encodeURIComponent(of.name)}`}>
        <Text>{of.name}</Text>
      </To>
      {shown && <span className="hg-soft">, {stage === undefined ? "as it was before" : `at its stage ${stage}`}</span>}
    </>
  );
}

function Arm({ of, detail }: { of: Exposure; detail: Detail }) {
  const arm = of.arm || "-";
  return (
    <To path="/requests" filter={{ experiment: of.version, arm, project: detail.project }}>
      {of.arm ? <Text>{of.arm}</Text> : "none"}
    </To>
  );
}
