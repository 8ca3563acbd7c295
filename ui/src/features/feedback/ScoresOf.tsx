import { IconPencil, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { api, ask } from "@/api";
import { Field, Problem } from "@/core/Dialogs";
import { useMay, useSession } from "@/shell/session";
import { useChange } from "@/shell/useChange";
import { useRoles } from "../access/useKeys";
import { FeedbackTable } from "./FeedbackTable";
import { type Draft, EMPTY, type Feedback, type Filled, KINDS, type Kind, NOTHING, type Subject, draftOf, filled, givenText, missing, named, newId, valueOf } from "./scoreForm";

/** Whose questions are asked again when somebody has said something. */
const ASKED_AGAIN = ["feedback", "scores", "names in use"];

interface ScoresOfProps {
  items: readonly Feedback[];
  subject: Subject;
  project: string;
  /** What it is said of, in a word: "call", "trace", "step" or "session". */
  of: string;
}

/** What was said, and a way to say something oneself: given, changed and taken back. */
export function ScoresOf({ items, subject, project, of }: ScoresOfProps) {
  const may = useMay("feedback:write");
  const { key } = useSession();
  const [edited, setEdited] = useState<Feedback | "new" | null>(null);
  const taking = useChange(
    (each: Feedback) => ask(api.DELETE("/api/v1/feedback/{feedback_id}", { params: { path: { feedback_id: each.id }, query: { project: each.project } } })),
    ASKED_AGAIN,
  );
  const actions = (each: Feedback): React.ReactNode => {
    const isOwn = each.key === key.id && each.source === "person";
    return (
      <>
        {isOwn && (
          <button type="button" className="hg-icon-button" aria-label={`change ${each.name}`} onClick={() => setEdited(each)}>
            <IconPencil size={13} stroke={1.7} />
          </button>
        )}
        {isOwn && (
          <button type="button" className="hg-icon-button" aria-label={`take ${each.name} back`} disabled={taking.isPending} onClick={() => taking.mutate(each)}>
            <IconX size={13} stroke={1.8} />
          </button>
        )}
      </>
    );
  };
  return (
    <section aria-label={`scores of the ${of}`} className="hg-scores">
      <h2>Scores</h2>
      <FeedbackTable items={items} {...(may ? { actions } : {})} />
      {items.length === 0 && <p className="hg-soft">Nobody has said anything of this {of} yet.</p>}
      <Problem error={taking.error} />
      {!may ? (
        <WhyNot />
      ) : edited !== null ? (
        <ScoreForm
          key={edited === "new" ? "new" : edited.id}
          said={edited === "new" ? null : edited}
          subject={subject}
          project={project}
          of={of}
          onDone={() => setEdited(null)}
        />
      ) : (
        <button type="button" className="hg-button" onClick={() => setEdited("new")}>
          Score this {of}
        </button>
      )}
    </section>
  );
}

/** Who may not give scores hears whose key may. */
function WhyNot() {
  const { key } = useSession();
  const roles = useRoles();
  const able = roles.data?.items.filter((role) => role.grants.includes("feedback:write")).map((role) => role.role.replace("_", " "));
  return (
    <p className="hg-soft">
      A key of role {key.role.replace("_", " ")} gives no scores{able ? `; one of role ${able.join(" or ")} does` : ""}.
    </p>
  );
}

interface ScoreFormProps {
  /** What is changed; null where something new is said. */
  said: Feedback | null;
  subject: Subject;
  project: string;
  of: string;
  onDone: () => void;
}

function ScoreForm({ said, subject, project, of, onDone }: ScoreFormProps) {
  const { key } = useSession();
  const id = useId();
  const [drafted, setDraft] = useState<Draft>(() => (said ? draftOf(said) : EMPTY));
  const names = useQuery({
    queryKey: ["names in use", project],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/feedback/names", { params: { query: { project } }, signal })),
    staleTime: 60_000,
  });
  const inUse = names.data?.items ?? [];
  const draft = filled(drafted, inUse);
  const lacks = missing(draft);
  const giving = useChange(async (value: boolean | number | string) => {
    const query = { project };
    const comment = draft.comment.trim();
    if (said) {
      return ask(api.PUT("/api/v1/feedback/{feedback_id}", { params: { path: { feedback_id: said.id }, query }, body: { value, comment } }));
    }
    const body = { ...NOTHING, ...subject, name: draft.name.trim(), value, comment, by: key.name, id: newId() };
    return ask(api.POST("/api/v1/feedback", { params: { query }, body }));
  }, ASKED_AGAIN);
  return (
    <form
      className="hg-form hg-score-form"
      aria-label={said ? `change ${said.name}` : `score this ${of}`}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          event.stopPropagation();
          onDone();
        }
      }}
      onSubmit={(event) => {
        event.preventDefault();
        const value = valueOf(draft);
        if (value !== null && lacks === "") {
          giving.mutate(value, { onSuccess: onDone });
        }
      }}
    >
      <Field label="Name" {...(said ? {} : { hint: "one in use, or a new one" })}>
        <input
          className="hg-input"
          list={`${id}-names`}
          value={draft.name}
          disabled={said !== null}
          maxLength={100}
          autoFocus={said === null}
          autoComplete="off"
          onChange={(event) => setDraft(named(drafted, event.currentTarget.value, inUse))}
        />
      </Field>
      <datalist id={`${id}-names`}>
        {inUse.map((each) => (
          <option key={`${each.name} ${each.kind}`} value={each.name}>
            {KINDS[each.kind]}
          </option>
        ))}
      </datalist>
      <fieldset className="hg-choose">
        <legend>It is</legend>
        {Object.entries(KINDS).map(([kind, title]) => (
          <label key={kind}>
            <input type="radio" name={`${id}-kind`} checked={draft.kind === kind} onChange={() => setDraft({ ...draft, kind: kind as Kind, value: "" })} /> {title}
          </label>
        ))}
      </fieldset>
      <Value draft={draft} id={id} words={inUse.find((each) => each.name === draft.name && each.kind === "text")?.words ?? []} hint={givenText(draft.name, inUse)} onChange={(value) => setDraft({ ...draft, value })} />
      <Field label="Comment">
        <textarea className="hg-input" rows={2} maxLength={8000} value={draft.comment} onChange={(event) => setDraft({ ...drafted, comment: event.currentTarget.value })} />
      </Field>
      <Problem error={giving.error} />
      <div className="hg-form-foot">
        <span className="hg-soft" role="status">
          {lacks}
        </span>
        <button type="button" className="hg-button" onClick={onDone}>
          Cancel
        </button>
        <button type="submit" className="hg-button hg-main" disabled={giving.isPending || lacks !== ""}>
          {giving.isPending ? "Working …" : said ? "Change it" : "Give it"}
        </button>
      </div>
    </form>
  );
}

interface ValueProps {
  draft: Filled;
  id: string;
  /** Categories in use under the name. */
  words: string[];
  hint: string;
  onChange: (value: string) => void;
}

function Value({ draft, id, words, hint, onChange }: ValueProps) {
  if (draft.kind === "boolean") {
    return (
      <fieldset className="hg-choose">
        <legend>Value</legend>
        {["yes", "no"].map((each) => (
          <label key={each}>
            <input type="radio" name={`${id}-value`} checked={draft.value === each} onChange={() => onChange(each)} /> {each}
          </label>
        ))}
      </fieldset>
    );
  }
  return (
    <>
      <Field label="Value" {...(hint ? { hint } : {})}>
        <input
          className="hg-input"
          inputMode={draft.kind === "number" ? "decimal" : "text"}
          list={`${id}-words`}
          maxLength={draft.kind === "number" ? 40 : 8000}
          value={draft.value}
          autoComplete="off"
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      </Field>
      <datalist id={`${id}-words`}>
        {words.map((word) => (
          <option key={word} value={word} />
        ))}
      </datalist>
    </>
  );
}
