import { Share } from "@/core/Values";
import { Text } from "@/core/Text";
import { To } from "@/shell/To";
import { useShared } from "@/shell/view";
import { burnOf, meterOf } from "../budgets/burn";
import { counts } from "../budgets/scope";
import { useBudgets } from "../budgets/useBudgets";
import type { Detail } from "./detail";

/** The budgets that count a call, as they are now, and how much of each is spent. */
export function CallBudgets({ detail }: { detail: Detail }) {
  const budgets = useBudgets(useShared());
  const touched = (budgets.data ?? []).filter((each) => counts(each, detail));
  if (touched.length === 0) {
    return null;
  }
  return (
    <section aria-label="budgets">
      <h2>Budgets that count it</h2>
      <table className="hg-small-table" aria-label="budgets that count it">
        <tbody>
          {touched.map((each) => (
            <tr key={meterOf(each)}>
              <th scope="row">
                <To path="/spend" filter={{ budget: each.name }}>
                  <Text>{meterOf(each)}</Text>
                </To>
              </th>
              <td className="hg-right hg-nowrap">
                <Share of={burnOf(each, Date.now()).share} label={`spent of ${meterOf(each)}`} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
