import { Text } from "@/core/Text";
import { type Feedback, type TraceDetail, useScores } from "./useTrace";

/** What people, code and models said of the trace, or of one of its steps. */
export function Scores({ detail, spanId }: { detail: TraceDetail; spanId: string | null }) {
  const scores = useScores(detail);
  const found = (scores.data?.items ?? []).filter((each) => spanId === null || each.span_id === spanId);
  if (found.length === 0) {
    return null;
  }
  return (
    <section aria-label="scores">
      <table className="hg-small-table">
        <thead>
          <tr>
            <th scope="col">Score</th>
            <th scope="col">Value</th>
            <th scope="col">By</th>
          </tr>
        </thead>
        <tbody>
          {found.slice(0, 100).map((each) => (
            <tr key={each.id}>
              <th scope="row">
                <Text>{each.name}</Text>
              </th>
              <td>
                <Text>{valueOf(each)}</Text>
                {each.comment && (
                  <p className="hg-soft">
                    <Text>{each.comment}</Text>
                  </p>
                )}
              </td>
              <td>
                {each.source}
                {each.by && (
                  <>
                    {" "}
                    <Text>{each.by}</Text>
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function valueOf(score: Feedback): string {
  const value = typeof score.value === "boolean" ? (score.value ? "yes" : "no") : String(score.value);
  return score.label && score.label !== value ? `${value} (${score.label})` : value;
}
