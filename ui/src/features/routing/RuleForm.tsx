import { IconX } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type Schemas, api, ask } from "@/api";
import { Confirm, Dialog, Field, Problem } from "@/core/Dialogs";
import { useChange } from "@/shell/useChange";
import { timesOf, useShared } from "@/shell/view";
import { NotYet } from "../access/KeyDialogs";
import { bodyOf, HEADERS_MAX, type HeaderLine, NO_HEADER, NO_PARAMETER, NO_TEXT, type ParameterLine, type RuleDraft, VERBS, type Verb } from "./ruleDraft";
import { Outcome } from "./RuleTrial";

type Body = Schemas["RuleBody"];

const ASKED_AGAIN = ["rules", "rule", "rule versions", "timeline", "audit"];
const LOOKED_AT = 500;
const PARAMETERS = ["temperature", "top_p", "max_output", "seed", "reasoning_effort", "parallel_tool_calls", "n", "verbosity"];

interface RuleFormProps {
  draft: RuleDraft;
  isNew: boolean;
  onClose: () => void;
}

/** A rule is written, tried on calls on record, and only then put in force. */
export function RuleForm({ draft: atFirst, isNew, onClose }: RuleFormProps) {
  const view = useShared();
  const [draft, setDraft] = useState(atFirst);
  const set = (part: Partial<RuleDraft>): void => setDraft({ ...draft, ...part });
  const body = bodyOf(draft) as unknown as Body;
  const text = JSON.stringify(body);
  const trial = useMutation({
    mutationFn: async () => {
      const found = await ask(
        api.POST("/api/v1/rules/test", {
          body: { name: draft.name.trim() || null, rule: body, since: timesOf(view).from, limit: LOOKED_AT },
        }),
      );
      return { text, found };
    },
  });
  const put = useChange(() => {
    const name = draft.name.trim();
    return isNew
      ? ask(api.POST("/api/v1/rules", { body: { name, ...body } }))
      : ask(api.PUT("/api/v1/rules/{name}", { params: { path: { name } }, body }));
  }, ASKED_AGAIN);
  if (put.data && put.data.not_acknowledged.length > 0) {
    return (
      <Dialog title="Done, but not everywhere yet" isOpen onClose={onClose}>
        <NotYet names={put.data.not_acknowledged} />
      </Dialog>
    );
  }
  const isTried = trial.data?.text === text;
  return (
    <Confirm
      title={isNew ? "A new rule" : `Change ${draft.name}`}
      isOpen
      onClose={onClose}
      size="xl"
      label="Put it in force"
      isBusy={put.isPending}
      isReady={isTried && draft.name.trim() !== ""}
      error={put.error}
      onConfirm={() => put.mutate(undefined, { onSuccess: (found) => found.not_acknowledged.length === 0 && onClose() })}
    >
      {isNew && (
        <Field label="Name" hint="letters, digits, . _ -; rules apply in the order of their names">
          <input className="hg-input" value={draft.name} onChange={(event) => set({ name: event.currentTarget.value })} data-autofocus required />
        </Field>
      )}
      <Which draft={draft} set={set} />
      <Parameters lines={draft.parameters} onChange={(parameters) => set({ parameters })} />
      <Texts draft={draft} set={set} />
      <div className="hg-form-pair">
        <Field label="Send it to" hint="an alias or provider/model; left out, where it was going">
          <input className="hg-input" value={draft.model} onChange={(event) => set({ model: event.currentTarget.value })} />
        </Field>
        <Field label="Share of these calls, in percent" hint="the same ones each time">
          <input
            className="hg-input"
            type="number"
            min={0}
            max={100}
            step="any"
            value={draft.percent}
            onChange={(event) => set({ percent: event.currentTarget.value })}
          />
        </Field>
        <Field label="Ends" hint="such as 2027-01-31T00:00:00Z; left out, never">
          <input className="hg-input" value={draft.expiresAt} onChange={(event) => set({ expiresAt: event.currentTarget.value })} />
        </Field>
        <Field label="Why" hint="stands in its history">
          <input className="hg-input" value={draft.note} maxLength={2000} onChange={(event) => set({ note: event.currentTarget.value })} />
        </Field>
      </div>
      <section aria-label="tried on calls on record">
        <button type="button" className="hg-button" disabled={trial.isPending} onClick={() => trial.mutate()}>
          {trial.isPending ? "Trying …" : "Try it on calls on record"}
        </button>{" "}
        <span className="hg-soft">
          {trial.data && !isTried
            ? "It says something else now: try it again."
            : "Nothing is sent; it comes into force once it has been tried as it stands."}
        </span>
        <Problem error={trial.error} />
        {isTried && trial.data && <Outcome found={trial.data.found} />}
      </section>
    </Confirm>
  );
}

interface PartProps {
  draft: RuleDraft;
  set: (part: Partial<RuleDraft>) => void;
}

function Which({ draft, set }: PartProps) {
  const fields = [
    ["project", "Of the project"],
    ["forModel", "That ask for the model"],
    ["template", "With the prompt"],
    ["tag", "With the tag"],
  ] as const;
  return (
    <fieldset className="hg-fieldset">
      <legend>Which calls; all, where nothing is said</legend>
      <div className="hg-form-pair">
        {fields.map(([name, label]) => (
          <Field key={name} label={label}>
            <input className="hg-input" value={draft[name]} onChange={(event) => set({ [name]: event.currentTarget.value })} />
          </Field>
        ))}
      </div>
      <Headers lines={draft.headers} onChange={(headers) => set({ headers })} />
    </fieldset>
  );
}

/** Headers that a call has to have. */
function Headers({ lines, onChange }: { lines: HeaderLine[]; onChange: (lines: HeaderLine[]) => void }) {
  const change = (place: number, part: Partial<HeaderLine>): void =>
    onChange(lines.map((each, at) => (at === place ? { ...each, ...part } : each)));
  const names = lines.map((line) => line.name.trim().toLowerCase()).filter((name) => name !== "");
  return (
    <>
      {new Set(names).size < names.length && <p className="hg-note">A header can be named once; of two that are the same the last one counts.</p>}
      {lines.map((line, place) => (
        <div key={place} className="hg-rule-line hg-rule-header">
          <input
            className="hg-input"
            aria-label={`header ${place + 1}`}
            placeholder="x-team"
            value={line.name}
            onChange={(event) => change(place, { name: event.currentTarget.value })}
          />
          <span className="hg-soft" aria-hidden="true">
            is
          </span>
          <input
            className="hg-input"
            aria-label={`value of header ${place + 1}`}
            placeholder="letter by letter"
            value={line.value}
            onChange={(event) => change(place, { value: event.currentTarget.value })}
          />
          <Away label={`take header ${place + 1} away`} onClick={() => onChange(lines.filter((_, at) => at !== place))} />
        </div>
      ))}
      {lines.length < HEADERS_MAX && (
        <button type="button" className="hg-link" onClick={() => onChange([...lines, NO_HEADER])}>
          With a header
        </button>
      )}
    </>
  );
}

function Parameters({ lines, onChange }: { lines: ParameterLine[]; onChange: (lines: ParameterLine[]) => void }) {
  const change = (place: number, part: Partial<ParameterLine>): void =>
    onChange(lines.map((each, at) => (at === place ? { ...each, ...part } : each)));
  return (
    <fieldset className="hg-fieldset">
      <legend>Parameters</legend>
      <datalist id="rule-parameters">
        {PARAMETERS.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      {lines.map((line, place) => (
        <div key={place} className="hg-rule-line">
          <input
            className="hg-input"
            list="rule-parameters"
            aria-label={`parameter ${place + 1}`}
            value={line.name}
            onChange={(event) => change(place, { name: event.currentTarget.value })}
          />
          <select
            className="hg-input"
            aria-label={`what becomes of parameter ${place + 1}`}
            value={line.verb}
            onChange={(event) => change(place, { verb: event.currentTarget.value as Verb })}
          >
            {VERBS.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
          <input
            className="hg-input"
            aria-label={`value of parameter ${place + 1}`}
            value={line.value}
            disabled={line.verb === "is taken out"}
            onChange={(event) => change(place, { value: event.currentTarget.value })}
          />
          <Away label={`take parameter ${place + 1} away`} onClick={() => onChange(lines.filter((_, at) => at !== place))} />
        </div>
      ))}
      <button type="button" className="hg-link" onClick={() => onChange([...lines, NO_PARAMETER])}>
        One more parameter
      </button>
    </fieldset>
  );
}

function Texts({ draft, set }: PartProps) {
  const { texts } = draft;
  const change = (place: number, part: Partial<RuleDraft["texts"][number]>): void =>
    set({ texts: texts.map((each, at) => (at === place ? { ...each, ...part } : each)) });
  return (
    <fieldset className="hg-fieldset">
      <legend>Words of the prompt</legend>
      {texts.map((line, place) => (
        <div key={place} className="hg-rule-line hg-rule-text">
          <textarea
            className="hg-input"
            aria-label={`old text ${place + 1}`}
            placeholder="these words, letter by letter"
            value={line.old}
            onChange={(event) => change(place, { old: event.currentTarget.value })}
          />
          <textarea
            className="hg-input"
            aria-label={`new text ${place + 1}`}
            placeholder="become these"
            value={line.new}
            onChange={(event) => change(place, { new: event.currentTarget.value })}
          />
          <Away label={`take text ${place + 1} away`} onClick={() => set({ texts: texts.filter((_, at) => at !== place) })} />
        </div>
      ))}
      <button type="button" className="hg-link" onClick={() => set({ texts: [...texts, NO_TEXT] })}>
        Change words
      </button>
    </fieldset>
  );
}

function Away({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <button type="button" className="hg-icon-button" aria-label={label} onClick={onClick}>
      <IconX size={14} stroke={1.6} />
    </button>
  );
}
