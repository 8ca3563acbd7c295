import { useState } from "react";
import { type Schemas, api, ask } from "@/api";
import { CopyButton } from "@/core/CopyButton";
import { Confirm, Dialog, Field } from "@/core/Dialogs";
import { money, moment } from "@/core/format";
import { useSession } from "@/shell/session";
import { useChange } from "@/shell/useChange";
import { useShared } from "@/shell/view";
import { bodyOf, EMPTY_KEY, type KeyForm } from "./keyForm";
import { type Key, useRoles, useTraffic } from "./useKeys";

const ASKED_AGAIN = ["key pages", "keys", "projects of keys", "audit", "budgets"];

export interface Shown {
  key: Schemas["CreatedKeyView"];
  why: "made" | "rotated";
}

interface Made {
  onClose: () => void;
  onShown: (shown: Shown) => void;
}

export function NewKey({ onClose, onShown }: Made) {
  const session = useSession();
  const view = useShared();
  const roles = useRoles();
  const [form, setForm] = useState<KeyForm>({ ...EMPTY_KEY, project: view.project ?? session.projects?.[0] ?? "" });
  const make = useChange((body: Schemas["CreateKey"]) => ask(api.POST("/api/v1/keys", { body })), ASKED_AGAIN);
  const gives = roles.data?.items.find((each) => each.role === session.key.role)?.gives ?? ["member" as const];
  const text = (name: keyof KeyForm) => ({
    className: "hg-input",
    value: form[name] as string,
    onChange: (event: React.ChangeEvent<HTMLInputElement | HTMLSelectElement>) =>
      setForm({ ...form, [name]: event.currentTarget.value }),
  });
  return (
    <Confirm
      title="A new key"
      size="lg"
      isOpen
      onClose={onClose}
      label="Make the key"
      isBusy={make.isPending}
      isReady={form.name.trim() !== ""}
      error={make.error}
      onConfirm={() => make.mutate(bodyOf(form), { onSuccess: (key) => onShown({ key, why: "made" }) })}
    >
      <div className="hg-form-pair">
        <Field label="Name" hint="what it is for, such as the application">
          <input {...text("name")} required maxLength={100} data-autofocus />
        </Field>
        <Field label="Project" hint={session.projects === null ? "default, if left empty; a new name begins one" : "your own"}>
          <input {...text("project")} disabled={session.projects !== null} placeholder="default" />
        </Field>
        <Field label="Role" hint={ROLE_HINTS[form.role]}>
          <select {...text("role")}>
            {gives.map((role) => (
              <option key={role} value={role}>
                {role.replace("_", " ")}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Models" hint="names or prefix*, with commas; empty: what the project may">
          <input {...text("models")} placeholder="assistant, mock/*" />
        </Field>
        <Field label="User" hint="whom its calls count for">
          <input {...text("user")} />
        </Field>
        <Field label="Tags" hint="words that costs are grouped by, with commas">
          <input {...text("tags")} placeholder="team:search" />
        </Field>
        <Field label="Environment" hint="whose release holds for its calls">
          <input {...text("environment")} placeholder="production" />
        </Field>
        <Field label="Ends" hint="empty: never">
          <input type="datetime-local" {...text("expires")} />
        </Field>
        <Field label="Budget of its own, in USD" hint="empty: none but those of all">
          <input {...text("limit")} inputMode="decimal" placeholder="10" />
        </Field>
        <Field label="Each">
          <select {...text("window")} disabled={form.limit.trim() === ""}>
            {["hour", "day", "week", "month", "total"].map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </Field>
        <Field label="On record" hint="never more than its project records">
          <select {...text("record")}>
            <option value="">as its project</option>
            <option value="full">full</option>
            <option value="metadata">metadata</option>
            <option value="none">none</option>
          </select>
        </Field>
        <label className="hg-check">
          <input
            type="checkbox"
            checked={form.mayAssert}
            onChange={(event) => setForm({ ...form, mayAssert: event.currentTarget.checked })}
          />
          Its requests may say user, tags and release themselves
        </label>
      </div>
    </Confirm>
  );
}

const ROLE_HINTS: Record<KeyForm["role"], string> = {
  admin: "everything, everywhere",
  project_admin: "keys, budgets, prompts and releases of its project, and calls",
  member: "calls, and the records of its own calls",
  viewer: "reads the project's records and costs; no calls",
};

/** The text of a key, this once. */
export function KeyShown({ shown, onClose }: { shown: Shown; onClose: () => void }) {
  const { key, why } = shown;
  const base = window.location.origin;
  const paste = `export OPENAI_BASE_URL=${base}/v1\nexport OPENAI_API_KEY=${key.key}`;
  return (
    <Dialog title={why === "made" ? `${key.name} is made` : `${key.name} has a new text`} isOpen onClose={onClose} size="lg">
      <div className="hg-once">
        <p>
          <strong>This is shown once.</strong> It is kept nowhere: copy it now, to where secrets are kept.
        </p>
        <code data-testid="key-text">{key.key}</code>
        <div className="hg-form-foot">
          <CopyButton text={key.key} title="Copy the key" />
          <CopyButton text={paste} title="Copy as lines for a shell" />
        </div>
        {key.earlier_until && (
          <p>
            The text before it is taken until <strong>{moment(key.earlier_until)}</strong>; then it is refused.
          </p>
        )}
        <NotYet names={key.not_acknowledged} />
      </div>
    </Dialog>
  );
}

/** Gateways that have not heard of a change within a second. */
export function NotYet({ names }: { names: string[] }) {
  return names.length === 0 ? null : (
    <p className="hg-note">Not taken in yet by {names.join(", ")}: they take it when they reach the database again.</p>
  );
}

const LASTING: [string, number][] = [
  ["at once", 0],
  ["after an hour", 3600],
  ["after a day", 86_400],
  ["after a week", 604_800],
];

export function RotateKey({ of, onClose, onShown }: Made & { of: Key }) {
  const own = useSession().key;
  const [lasts, setLasts] = useState(86_400);
  const rotate = useChange(
    (earlier_lasts_s: number) =>
      ask(
        api.POST("/api/v1/keys/{key_id}/rotate", { params: { path: { key_id: of.id } }, body: { earlier_lasts_s } }),
      ),
    ASKED_AGAIN,
  );
  return (
    <Confirm
      title={`Rotate ${of.name}`}
      isOpen
      onClose={onClose}
      label="Rotate the key"
      isDangerous={lasts === 0}
      isBusy={rotate.isPending}
      error={rotate.error}
      onConfirm={() => rotate.mutate(lasts, { onSuccess: (key) => onShown({ key, why: "rotated" }) })}
    >
      <p>
        It gets another text; its id, rights, budgets and records stay as they are. Give the new text to whoever uses
        it before the old one ends.
      </p>
      <Field label="The old text ends">
        <select className="hg-input" value={lasts} onChange={(event) => setLasts(Number(event.currentTarget.value))} data-autofocus>
          {LASTING.map(([title, seconds]) => (
            <option key={seconds} value={seconds}>
              {title}
            </option>
          ))}
        </select>
      </Field>
      {lasts === 0 && <p className="hg-note">Calls with the old text are refused as soon as you confirm.</p>}
      {of.id === own.id && <p className="hg-note">You are signed in with this key, and will have to sign in again.</p>}
    </Confirm>
  );
}

export function RevokeKey({ of, onClose }: { of: Key; onClose: () => void }) {
  const own = useSession().key;
  const view = useShared();
  const row = useTraffic(view).get(of.id);
  const revoke = useChange(
    () => ask(api.DELETE("/api/v1/keys/{key_id}", { params: { path: { key_id: of.id } } })),
    ASKED_AGAIN,
  );
  return (
    <Confirm
      title={`Revoke ${of.name}`}
      isOpen
      onClose={onClose}
      label="Revoke the key"
      isDangerous
      isBusy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate(undefined, { onSuccess: onClose })}
    >
      <p>
        Every call with <code>{of.prefix}</code> is refused from then on, within a second, everywhere. It can't be
        taken back. Budgets and rate limits that came with the key go too; records stay.
      </p>
      <p>
        {row
          ? `In the time that is looked at it made ${row.requests} calls${row.cost_usd === null ? "" : `, for ${money(row.cost_usd)}`}.`
          : "In the time that is looked at it made no call."}
      </p>
      {of.id === own.id && <p className="hg-note">You are signed in with this key: you will be signed out.</p>}
    </Confirm>
  );
}
