import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { api, ask } from "@/api";
import { Problem } from "@/core/Dialogs";
import { isTyping, NEVER, SEQUENCE_MS } from "@/core/keys";
import { Message, Words } from "@/core/Message";
import { Text } from "@/core/Text";
import { useMay } from "@/shell/session";
import { useKeyNames } from "../access/useKeys";
import { Conversation } from "../messages/Conversation";
import { answeredIn, saidIn } from "../messages/conversation";
import { type Choice, choicesOf, markOf, RULES } from "./judgeWords";
import { Subject } from "./Lists";
import type { MarkedItem, Review } from "./useReviews";

interface OneItemProps {
  review: Review;
  onNext: () => void;
  onSkip: (id: string) => void;
}

/** An answer, what is asked of it, and the mark; then what the judge had said. */
export function OneItem({ review, onNext, onSkip }: OneItemProps) {
  const choices = useMemo(() => choicesOf(review.scale, review.shown), [review]);
  const [chosen, setChosen] = useState<Choice | null>(null);
  const [comment, setComment] = useState("");
  const say = useMutation({
    mutationFn: (choice: Choice) =>
      ask(
        api.POST("/api/v1/reviews/{review_id}/marks", {
          params: { path: { review_id: review.item.id } },
          body: { value: choice.value, comment, by: null },
        }),
      ),
  });
  const onSay = (): void => {
    if (chosen && !say.isPending) {
      say.mutate(chosen);
    }
  };
  useMarkKeys({
    choices: say.data ? [] : choices,
    onChoose: setChosen,
    onEnter: say.data ? onNext : onSay,
    onSkip: say.data ? onNext : () => onSkip(review.item.id),
  });
  return (
    <div className="hg-marking-columns">
      <section aria-label="what is to be marked">
        <Read review={review} />
      </section>
      <aside className="hg-marking-side" aria-label="your mark">
        <h2>What is asked</h2>
        <div className="hg-rubric">
          <Words text={review.rubric} asWritten={false} />
        </div>
        {say.data ? (
          <Told marked={say.data} review={review} onNext={onNext} />
        ) : (
          <>
            <Choices choices={choices} chosen={chosen} onChoose={setChosen} />
            <label className="hg-field">
              <span>Why</span>
              <textarea className="hg-input" value={comment} maxLength={8000} onChange={(event) => setComment(event.currentTarget.value)} />
              <span className="hg-soft">may stay empty</span>
            </label>
            <Problem error={say.error} />
            <div className="hg-form-foot">
              <button type="button" className="hg-button" onClick={() => onSkip(review.item.id)}>
                Skip <kbd>s</kbd>
              </button>
              <button type="button" className="hg-button hg-main" disabled={chosen === null || say.isPending} onClick={onSay}>
                Say it <kbd>Enter</kbd>
              </button>
            </div>
            <p className="hg-soft">
              {review.item.mine ? "You have marked this one. " : ""}A mark stays as it is said. What the judge says shows once you have marked.
            </p>
          </>
        )}
      </aside>
    </div>
  );
}

/** What one reads: the call's messages as on its own page, else the texts that were kept. Never who answered. */
function Read({ review }: { review: Review }) {
  const { content, item } = review;
  const mayRead = useMay("requests:read");
  const call = useQuery({
    queryKey: ["request", item.request_id],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/requests/{request_id}", { params: { path: { request_id: item.request_id ?? "" } }, signal })),
    enabled: item.request_id !== null && mayRead && !review.missing,
    staleTime: 60_000,
  });
  const said = useMemo(() => saidIn(call.data?.request), [call.data]);
  const answered = useMemo(() => answeredIn(call.data?.response), [call.data]);
  const [first, second] = review.shown === "ba" ? [content.b, content.a] : [content.a, content.b];
  return (
    <>
      <p className="hg-soft">
        <Subject of={item} project="" />
      </p>
      {review.missing && (
        <p className="hg-note">
          <Text>{review.missing}</Text>
        </p>
      )}
      {said.length > 0 ? <Conversation said={said} asWritten={false} /> : <Part role="user" text={content.input} />}
      <Part role="context" text={content.context} />
      <h2 className="hg-answer-title">{review.shown ? "The two answers" : "Answer"}</h2>
      {answered.length > 0 && !review.shown ? <Conversation said={answered} asWritten={false} /> : <Part role="assistant" text={content.output} />}
      {review.shown && (
        <div className="hg-two-answers">
          <Part role="first" text={first} />
          <Part role="second" text={second} />
        </div>
      )}
      <Part role="reference" text={content.reference} />
    </>
  );
}

function Part({ role, text }: { role: string; text: string | undefined }) {
  return text ? (
    <Message role={role}>
      <Words text={text} asWritten={false} />
    </Message>
  ) : null;
}

function Choices({ choices, chosen, onChoose }: { choices: Choice[]; chosen: Choice | null; onChoose: (choice: Choice) => void }) {
  return (
    <fieldset className="hg-mark-choices">
      <legend className="hg-visually-hidden">your mark</legend>
      {choices.map((each) => (
        <label key={each.key} className={chosen?.key === each.key ? "hg-chosen" : ""}>
          <input type="radio" name="mark" checked={chosen?.key === each.key} onChange={() => onChoose(each)} />
          <span>{each.title}</span>
          {each.title !== each.key && <kbd>{each.key}</kbd>}
        </label>
      ))}
    </fieldset>
  );
}

/** All that was said of it, now that one has said it oneself. */
function Told({ marked, review, onNext }: { marked: MarkedItem; review: Review; onNext: () => void }) {
  const nameOf = useKeyNames();
  const next = useRef<HTMLButtonElement>(null);
  useEffect(() => next.current?.focus(), []);
  const judged = marked.marks.filter((each) => each.source !== "person");
  return (
    <>
      <table className="hg-small-table" aria-label="what was said">
        <tbody>
          {marked.marks.map((each) => (
            <tr key={each.source + each.by + each.version + each.shown + each.repeat}>
              <th scope="row">{each.source === "person" ? nameOf(each.by) : "the judge"}</th>
              <td>
                <strong>{markOf(each.value, review.scale, review.shown)}</strong>
                {each.comment && <div className="hg-soft"><Text>{each.comment}</Text></div>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {judged.length === 0 && <p className="hg-soft">The judge has not marked this answer.</p>}
      <p className="hg-soft">Why it was here: {RULES[marked.chosen] ?? marked.chosen}.</p>
      <div className="hg-form-foot">
        <button ref={next} type="button" className="hg-button hg-main" onClick={onNext}>
          Next <kbd>Enter</kbd>
        </button>
      </div>
    </>
  );
}

interface MarkKeys {
  choices: Choice[];
  onChoose: (choice: Choice) => void;
  onEnter: () => void;
  onSkip: () => void;
}

/** The keys of marking; a letter that follows `g` goes to another page, and is none of them. */
function useMarkKeys(keys: MarkKeys): void {
  const latest = useRef(keys);
  latest.current = keys;
  const begun = useRef(NEVER);
  useEffect(() => {
    function onKey(event: KeyboardEvent): void {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) {
        return;
      }
      const isGoing = performance.now() - begun.current < SEQUENCE_MS;
      begun.current = event.key === "g" ? performance.now() : NEVER;
      if (isGoing) {
        return;
      }
      const { choices, onChoose, onEnter, onSkip } = latest.current;
      const choice = choices.find((each) => each.key === event.key);
      if (choice) {
        // Shown at once, so that an Enter right after it says what was chosen.
        flushSync(() => onChoose(choice));
      } else if (event.key === "s") {
        onSkip();
      } else if (event.key === "Enter" && !isPressed(event.target)) {
        event.preventDefault();
        onEnter();
      }
    }
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

/** A button or a link takes Enter by itself. */
function isPressed(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("a, button, summary") !== null;
}
