import { FeedbackTable } from "../feedback/FeedbackTable";
import { type TraceDetail, useScores } from "./useTrace";

/** What people, code and models said of the trace, or of one of its steps. */
export function Scores({ detail, spanId }: { detail: TraceDetail; spanId: string | null }) {
  const scores = useScores(detail);
  return <FeedbackTable items={(scores.data?.items ?? []).filter((each) => spanId === null || each.span_id === spanId)} />;
}
