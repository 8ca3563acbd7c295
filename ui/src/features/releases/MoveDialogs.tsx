import { useState } from "react";
import { api, ask } from "@/api";
import { NotYet } from "../access/KeyDialogs";
import { Confirm, Dialog, Field } from "@/core/Dialogs";
import { useChange } from "@/shell/useChange";
import { countsOf, type Environment, type Release, titleOf } from "./releaseWords";
import { useComparison } from "./useReleases";

const ASKED_AGAIN = ["environments", "environment history", "environment status", "timeline", "audit"];

interface Naming {
  nameOf: (id: string) => string;
  onClose: () => void;
}

/** Puts a release in force in an environment, once one has seen what that changes. */
export function Promote({ release, environments, nameOf, onClose }: Naming & { release: Release; environments: Environment[] }) {
  const ours = environments.filter((each) => each.project === release.project);
  const [name, setName] = useState(ours.find((each) => each.release !== release.id)?.name ?? "");
  const [why, setWhy] = useState("");
  const chosen = ours.find((each) => each.name === name.trim());
  const move = useChange(() => {
    const body = { release: release.id, expected: chosen?.release ?? null, why: why.trim(), project: release.project };
    return ask(api.POST("/api/v1/environments/{name}", { params: { path: { name: name.trim() } }, body }));
  }, ASKED_AGAIN);
  if (move.data && move.data.not_acknowledged.length > 0) {
    return <Late names={move.data.not_acknowledged} onClose={onClose} />;
  }
  const isThere = chosen?.release === release.id;
  return (
    <Confirm
      title={`Promote ${titleOf(release)}`}
      isOpen
      onClose={onClose}
      size="lg"
      label={`Put it in force in ${name.trim() || "…"}`}
      isBusy={move.isPending}
      isReady={name.trim() !== "" && !isThere}
      error={move.error}
      onConfirm={() => move.mutate(undefined, { onSuccess: (found) => found.not_acknowledged.length === 0 && onClose() })}
    >
      <Field label="Environment" hint={`of the project ${release.project}; a new name makes one`}>
        <input
          className="hg-input"
          list="environments-there"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          data-autofocus
          required
        />
        <datalist id="environments-there">
          {ours.map((each) => (
            <option key={each.name} value={each.name} />
          ))}
        </datalist>
      </Field>
      {isThere ? (
        <p className="hg-note">{titleOf(release)} is in force there already.</p>
      ) : (
        <WhatHappens environment={name.trim()} from={chosen?.release ?? null} to={release.id} project={release.project} nameOf={nameOf} />
      )}
      <Why value={why} onChange={setWhy} />
    </Confirm>
  );
}

interface RollBackProps extends Naming {
  environment: Environment;
  from: string | null;
  to: string;
}

export function RollBack({ environment, from, to, nameOf, onClose }: RollBackProps) {
  const [why, setWhy] = useState("");
  const move = useChange(() => {
    const body = { expected: from, why: why.trim(), project: environment.project };
    return ask(api.POST("/api/v1/environments/{name}/rollback", { params: { path: { name: environment.name } }, body }));
  }, ASKED_AGAIN);
  if (move.data && move.data.not_acknowledged.length > 0) {
    return <Late names={move.data.not_acknowledged} onClose={onClose} />;
  }
  return (
    <Confirm
      title={`Roll back ${environment.name}`}
      isOpen
      onClose={onClose}
      size="lg"
      label={`Go back to ${nameOf(to)}`}
      isDangerous
      isBusy={move.isPending}
      error={move.error}
      onConfirm={() => move.mutate(undefined, { onSuccess: (found) => found.not_acknowledged.length === 0 && onClose() })}
    >
      <WhatHappens environment={environment.name} from={from} to={to} project={environment.project} nameOf={nameOf} />
      <Why value={why} onChange={setWhy} />
    </Confirm>
  );
}

interface WhatHappensProps {
  environment: string;
  from: string | null;
  to: string;
  project: string;
  nameOf: (id: string) => string;
}

/** What a move changes, in words, before it is made. */
function WhatHappens({ environment, from, to, project, nameOf }: WhatHappensProps) {
  const comparison = useComparison(from ?? "", to, project, from !== null);
  const counted = comparison.data ? countsOf(comparison.data.differences) : null;
  return (
    <div className="hg-what" role="status">
      <p>
        {from === null ? (
          <>
            <strong>{environment || "The environment"}</strong> holds no release; from then on <strong>{nameOf(to)}</strong> fixes
            its managed prompts, rules and pinned models.
          </>
        ) : (
          <>
            <strong>{environment}</strong> goes from <strong>{nameOf(from)}</strong> to <strong>{nameOf(to)}</strong>: its managed
            prompts, rules and pinned models, at once, on every gateway. Calls that are on their way end as they began.
          </>
        )}
      </p>
      {counted !== null && <p>Between the two differ: {counted || "nothing that is on record"}.</p>}
      <p className="hg-soft">
        Code is not deployed by this: prompts and parameters in the code of your application change with its own deployment.
      </p>
    </div>
  );
}

function Why({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  return (
    <Field label="Why" hint="stands in its history">
      <input className="hg-input" value={value} maxLength={2000} onChange={(event) => onChange(event.currentTarget.value)} />
    </Field>
  );
}

function Late({ names, onClose }: { names: string[]; onClose: () => void }) {
  return (
    <Dialog title="Done, but not everywhere yet" isOpen onClose={onClose}>
      <NotYet names={names} />
    </Dialog>
  );
}
