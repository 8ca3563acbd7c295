import { Answered } from "@/core/States";
import { useMay } from "@/shell/session";
import { ScoresOf } from "../feedback/ScoresOf";
import type { Feedback, Subject } from "../feedback/scoreForm";
import { type TraceDetail, useScores } from "./useTrace";

interface ScoresProps {
  detail: TraceDetail;
  /** The step that is meant, by its span or, where none tells of it, by its call; else the trace. */
  spanId?: string | null;
  requestId?: string | null;
}

/** What people, code and models said of the trace with its steps, or of one step; and a way to say something. */
export function Scores({ detail, spanId = null, requestId = null }: ScoresProps) {
  const scores = useScores(detail);
  const mayRead = useMay("feedback:read");
  const subject: Subject =
    spanId !== null ? { trace_id: detail.trace_id, span_id: spanId } : requestId !== null ? { request_id: requestId } : { trace_id: detail.trace_id };
  const isOfStep = spanId !== null || requestId !== null;
  const isOfIt = (each: Feedback): boolean =>
    !isOfStep || (spanId !== null && each.span_id === spanId) || (requestId !== null && each.request_id === requestId);
  return mayRead ? (
    <Answered of={scores} what="scores">
      {({ items }) => <ScoresOf items={items.filter(isOfIt)} subject={subject} project={detail.project} of={isOfStep ? "step" : "trace"} />}
    </Answered>
  ) : null;
}
