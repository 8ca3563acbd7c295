import { useState } from "react";
import { api, ask } from "@/api";
import { Confirm, Field } from "@/core/Dialogs";
import { Text } from "@/core/Text";
import { percent } from "@/core/format";
import { useChange } from "@/shell/useChange";
import { type Action, audienceOf, nextOf } from "./rolloutWords";
import { ROLLOUTS, type Shown } from "./useRollouts";

interface MoveItProps {
  shown: Shown;
  action: Action;
  onClose: () => void;
}

/** Moves a rollout by hand, once one has read what is known and what will happen. */
export function MoveIt({ shown, action, onClose }: MoveItProps) {
  const { rollout } = shown;
  const [why, setWhy] = useState("");
  const [seen] = useState(rollout.stage);
  const move = useChange(() => {
    const params = { path: { name: rollout.name } };
    return ask(api.POST("/api/v1/rollouts/{name}/moves", { params, body: { action, why: why.trim(), expected: seen } }));
  }, ROLLOUTS);
  return (
    <Confirm
      title={titleOf(action, rollout.name)}
      isOpen
      onClose={onClose}
      size="lg"
      label={labelOf(action, nextOf({ ...rollout, stage: seen }))}
      isDangerous={action === "back"}
      isBusy={move.isPending}
      error={move.error}
      onConfirm={() => move.mutate(undefined, { onSuccess: onClose })}
    >
      <div className="hg-what">
        <p>
          <Text>{rollout.sentence}</Text>
        </p>
        <p>{whatHappens(action, shown, seen)}</p>
      </div>
      <Field label="Why" hint="stands in its history and in the audit">
        <textarea className="hg-input" value={why} maxLength={2000} onChange={(event) => setWhy(event.currentTarget.value)} data-autofocus />
      </Field>
    </Confirm>
  );
}

function titleOf(action: Action, name: string): string {
  switch (action) {
    case "advance":
      return `Move ${name} on`;
    case "hold":
      return `Hold ${name}`;
    case "resume":
      return `Let ${name} go on`;
    case "back":
      return `Roll ${name} back`;
  }
}

export function labelOf(action: Action, next: string): string {
  switch (action) {
    case "advance":
      return `Move on to ${next}`;
    case "hold":
      return "Hold it here";
    case "resume":
      return "Let it go on";
    case "back":
      return "Roll back";
  }
}

function whatHappens(action: Action, { rollout, plan }: Shown, seen: string): React.ReactNode {
  switch (action) {
    case "advance": {
      const next = plan.stages.find((stage) => stage.name === nextOf({ ...rollout, stage: seen }));
      return (
        <>
          Within a second the candidate serves{" "}
          {next?.kind === "share" && next.share !== null ? (
            <>
              <strong>{percent(next.share)}</strong> of the {plan.unit}s of <strong>{rollout.alias}</strong>; whom it serves now, it goes on to
              serve. The evidence of {next.name} begins anew.
            </>
          ) : next?.kind === "all" ? (
            <>
              <strong>all calls</strong> for <strong>{rollout.alias}</strong>. From then on there is nobody to compare with, and it falls back by
              hand alone.
            </>
          ) : next?.kind === "internal" ? (
            <>
              those who go first ({audienceOf(plan.audience)}) for <strong>{rollout.alias}</strong>, and nobody else.
            </>
          ) : (
            <>
              as {next?.name ?? "the next stage"} says for <strong>{rollout.alias}</strong>.
            </>
          )}
        </>
      );
    }
    case "hold":
      return (
        <>
          It stays at <strong>{seen}</strong>, whatever the evidence says for it, until somebody moves it on or lets it go on. It still falls back
          by itself as soon as a guardrail is known to be broken.
        </>
      );
    case "resume":
      return <>From then on it moves by itself again, once all guardrails are known to hold.</>;
    case "back":
      return (
        <>
          Within a second all calls for <strong>{rollout.alias}</strong> go where headgate.toml says. To try again, change the rollout there: it
          then begins anew.
        </>
      );
  }
}
