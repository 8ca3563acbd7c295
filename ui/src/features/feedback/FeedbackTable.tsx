import type { Schemas } from "@/api";
import { Text } from "@/core/Text";

export type Feedback = Schemas["Feedback"];

const SHOWN_MAX = 100;

/** What people, code and models said; nothing where nobody said anything. */
export function FeedbackTable({ items }: { items: readonly Feedback[] }) {
  if (items.length === 0) {
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
          {items.slice(0, SHOWN_MAX).map((each) => (
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
