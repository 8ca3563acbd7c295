import { IconScale } from "@tabler/icons-react";
import { useState } from "react";
import { api, ask, type Schemas } from "@/api";
import { Confirm, Field } from "@/core/Dialogs";
import { count } from "@/core/format";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useChange } from "@/shell/useChange";
import { pathOf } from "./judgeWords";
import { useJudges } from "./useReviews";

type Named = Schemas["Named"];

/** An answer that is sent, where only what differs is said. */
export function named(parts: Partial<Named>): Named {
  return { request_id: null, other_request_id: null, trace_id: null, span_id: null, case: null, content: null, characters: null, ...parts };
}

interface Sent {
  project: string;
  /** Pairs go to judges that compare, single answers to the others. */
  isPairs: boolean;
  title: string;
  rule: "hand" | "check";
  /** What is sent, found out once it is. */
  items: () => Promise<Named[]>;
}

/** Puts a call's answer into the queue that people mark for a judge. */
export function SendToReview({ call, project }: { call: string; project: string }) {
  return (
    <Send project={project} isPairs={false} title="Send to review" rule="hand" items={() => Promise.resolve([named({ request_id: call })])} />
  );
}

/** Puts pairs of calls into the queue of a judge that compares. */
export function SendPairsToReview({ project, items }: { project: string; items: () => Promise<Named[]> }) {
  return <Send project={project} isPairs title="Send pairs to review" rule="check" items={items} />;
}

function Send(sent: Sent) {
  const [isOpen, setOpen] = useState(false);
  return useMay("judges:write") ? (
    <>
      <button type="button" className="hg-button" onClick={() => setOpen(true)}>
        <IconScale size={14} stroke={1.6} aria-hidden="true" /> {sent.title}
      </button>
      {isOpen && <Form {...sent} onClose={() => setOpen(false)} />}
    </>
  ) : null;
}

function Form({ project, isPairs, title, rule, items, onClose }: Sent & { onClose: () => void }) {
  const judges = useJudges();
  const found = judges.data?.items.filter((each) => each.project === project && (each.scale === "pairwise") === isPairs) ?? [];
  const [chosen, setChosen] = useState<string | null>(null);
  const judge = chosen ?? found[0]?.name ?? "";
  const send = useChange(
    async () => {
      const body = { judge, items: await items(), rule };
      return ask(api.POST("/api/v1/reviews", { params: { query: { project } }, body }));
    },
    ["judges", "judge", "reviews"],
  );
  if (judges.data && found.length === 0) {
    return (
      <Confirm title={title} isOpen onClose={onClose} label="Send it" isBusy={false} isReady={false} error={null} onConfirm={onClose}>
        <p>
          There is no judge in {project} that {isPairs ? "compares two answers" : "marks single answers"}. <To path="/reviews">Reviews</To> says
          how to define one{isPairs ? "; its scale is pairwise" : ""}.
        </p>
      </Confirm>
    );
  }
  if (send.data) {
    const of = send.data.ids.length;
    return (
      <Confirm title={title} isOpen onClose={onClose} label="Close" isBusy={false} error={null} onConfirm={onClose}>
        <p role="status">
          {isPairs
            ? `${count(send.data.chosen)} of ${count(of)} pairs wait for people now`
            : send.data.chosen > 0
              ? "It waits for people now"
              : "It was in the queue already"}
          :{" "}
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
      title={title}
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
      {isPairs && <p>Both answers to each case that both runs asked are shown side by side, in an order that chance decides.</p>}
      <p className="hg-soft">Answers that are sent by hand count for agreement, never for the corrected score: they are no random sample.</p>
    </Confirm>
  );
}
