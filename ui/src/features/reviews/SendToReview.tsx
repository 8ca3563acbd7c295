import { IconScale } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask } from "@/api";
import { Confirm, Field } from "@/core/Dialogs";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useChange } from "@/shell/useChange";
import { pathOf } from "./judgeWords";
import { useJudges } from "./useReviews";

/** Puts a call's answer into the queue that people mark for a judge. */
export function SendToReview({ call, project }: { call: string; project: string }) {
  const [isOpen, setOpen] = useState(false);
  return useMay("judges:write") ? (
    <>
      <button type="button" className="hg-button" onClick={() => setOpen(true)}>
        <IconScale size={14} stroke={1.6} aria-hidden="true" /> Send to review
      </button>
      {isOpen && <Form call={call} project={project} onClose={() => setOpen(false)} />}
    </>
  ) : null;
}

function Form({ call, project, onClose }: { call: string; project: string; onClose: () => void }) {
  const judges = useJudges();
  const found = judges.data?.items.filter((each) => each.project === project) ?? [];
  const [chosen, setChosen] = useState<string | null>(null);
  const judge = chosen ?? found[0]?.name ?? "";
  const send = useChange(
    () => {
      const item = { request_id: call, trace_id: null, span_id: null, case: null, content: null };
      const body = { judge, items: [item], rule: "hand" as const };
      return ask(api.POST("/api/v1/reviews", { params: { query: { project } }, body }));
    },
    ["judges", "judge", "reviews"],
  );
  if (judges.data && found.length === 0) {
    return (
      <Confirm title="Send to review" isOpen onClose={onClose} label="Send it" isBusy={false} isReady={false} error={null} onConfirm={onClose}>
        <p>
          There is no judge in {project}. <To path="/reviews">Reviews</To> says how to define one.
        </p>
      </Confirm>
    );
  }
  if (send.data) {
    return (
      <Confirm title="Send to review" isOpen onClose={onClose} label="Close" isBusy={false} error={null} onConfirm={onClose}>
        <p role="status">
          {send.data.chosen > 0 ? "It waits for people now" : "It was in the queue already"}:{" "}
          <To path={pathOf(judge)} filter={{ of: project, tab: "waiting" }}>
            the queue of {judge}
          </To>
          .
        </p>
      </Confirm>
    );
  }
  return (
    <Confirm
      title="Send to review"
      isOpen
      onClose={onClose}
      label="Send it"
      isBusy={send.isPending}
      isReady={judge !== ""}
      error={send.error ?? judges.error}
      onConfirm={() => send.mutate(undefined)}
    >
      <Field label="Judge" hint="people are asked what this judge is asked">
        <select className="hg-input" value={judge} onChange={(event) => setChosen(event.currentTarget.value)} data-autofocus>
          {found.map((each) => (
            <option key={each.name} value={each.name}>
              {each.name}
            </option>
          ))}
        </select>
      </Field>
      <p className="hg-soft">Answers that are sent by hand count for agreement, never for the corrected score: they are no random sample.</p>
    </Confirm>
  );
}
