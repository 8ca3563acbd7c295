import type { Schemas } from "@/api";
import { Text } from "@/core/Text";
import { rowsOf, shownAs } from "./changes";

/** What differs between two configurations, a row for each thing. */
export function ChangeTable({ changes, label }: { changes: readonly Schemas["headgate.config.changes.Change"][]; label: string }) {
  return (
    <table className="hg-small-table hg-changes-table" aria-label={label}>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">Was</th>
          <th scope="col">Becomes</th>
        </tr>
      </thead>
      <tbody>
        {rowsOf(changes).map((row) => (
          <tr key={row.path}>
            <th scope="row">
              <code>
                <Text>{row.path}</Text>
              </code>
              {row.note && <div className="hg-soft">{row.note}</div>}
            </th>
            <td>
              <Value of={row.old} kind="hg-was" />
            </td>
            <td>
              <Value of={row.now} kind="hg-is" />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Value({ of, kind }: { of: unknown; kind: string }) {
  const text = shownAs(of);
  return text === null ? (
    <span className="hg-soft">not set</span>
  ) : (
    <code className={kind}>
      <Text>{text}</Text>
    </code>
  );
}
