import type { Schemas } from "@/api";
import { Text } from "@/core/Text";
import { useKeyNames } from "../access/useKeys";

export type Feedback = Schemas["Feedback"];

const SHOWN_MAX = 100;

interface FeedbackTableProps {
  items: readonly Feedback[];
  /** What can be done about one. */
  actions?: (each: Feedback) => React.ReactNode;
}

/** What people, code and models said, and who; nothing where nobody said anything. */
export function FeedbackTable({ items, actions }: FeedbackTableProps) {
  const nameOfKey = useKeyNames();
  if (items.length === 0) {
    return null;
  }
  return (
    <>
      <table className="hg-small-table">
        <thead>
          <tr>
            <th scope="col">Score</th>
            <th scope="col">Value</th>
            <th scope="col">By</th>
            {actions && (
              <th scope="col">
                <span className="hg-visually-hidden">Change</span>
              </th>
            )}
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
                {each.source} <Text>{each.by || nameOfKey(each.key)}</Text>
              </td>
              {actions && <td className="hg-right">{actions(each)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
      {items.length > SHOWN_MAX && <p className="hg-soft">and more: the {SHOWN_MAX} newest stand here</p>}
    </>
  );
}

function valueOf(score: Feedback): string {
  const value = typeof score.value === "boolean" ? (score.value ? "yes" : "no") : String(score.value);
  return score.label && score.label !== value ? `${value} (${score.label})` : value;
}
