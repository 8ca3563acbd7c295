import { percent } from "./format";

export interface Step {
  id: string;
  title: string;
  /** `left`: what came after it was given up. */
  state: "done" | "here" | "ahead" | "left";
  /** What the state is, in a word. */
  word: string;
  /** Since when, or for how long. */
  note: string;
  /** The part of all that it concerns; null where it is none of them by number. */
  share: number | null;
  /** What stands for the share where there is none. */
  whom: string;
}

interface StagesProps {
  label: string;
  steps: Step[];
  /** The one whose evidence is shown. */
  chosen: string | null;
  /** What a click on a step leads to; null where there is nothing to see yet. */
  render: (step: Step) => React.ReactNode;
}

/** The way from one thing to another by stages, with how far it has come. */
export function Stages({ label, steps, chosen, render }: StagesProps) {
  return (
    <ol className="hg-stages" aria-label={label}>
      {steps.map((step) => (
        <li
          key={step.id}
          className={`hg-stage hg-stage-${step.state} ${chosen === step.id ? "hg-chosen" : ""}`}
          aria-current={step.state === "here" ? "step" : undefined}
        >
          <span className="hg-stage-line" aria-hidden="true">
            <span className="hg-stage-dot" />
          </span>
          <span className="hg-stage-title">{render(step)}</span>
          <span className="hg-stage-word">{step.word}</span>
          <span className="hg-soft hg-number">{step.note}</span>
          {step.share === null ? (
            <span className="hg-soft hg-stage-whom">{step.whom}</span>
          ) : (
            <progress value={step.share} max={1} aria-label={`${percent(step.share)} ${step.whom}`} />
          )}
        </li>
      ))}
    </ol>
  );
}

/** The same as one line of a table: a dot for each stage, and where it stands in words. */
export function StageDots({ steps, at }: { steps: Pick<Step, "id" | "state">[]; at: string }) {
  return (
    <span className="hg-stage-dots">
      <span aria-hidden="true">
        {steps.map((step) => (
          <span key={step.id} className={`hg-stage-${step.state}`}>
            <span className="hg-stage-dot" />
          </span>
        ))}
      </span>
      {at}
    </span>
  );
}
