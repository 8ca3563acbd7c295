import { count } from "@/core/format";
import { Text } from "@/core/Text";
import { To } from "@/shell/To";
import type { Patch } from "@/shell/view";
import type { Series } from "../series/useSeries";
import { Behind, type Named } from "./Behind";

interface KindsProps {
  failures: Series["failures"];
  groups: Named[];
  time: Patch;
}

/** Two keys may have one title. */
const keyOf = (group: Named): string => `${group.is_rest} ${group.name}`;

/** Which kind of error each group has, and how many: a kind a row, a group a column. */
export function ErrorKinds({ failures, groups, time }: KindsProps) {
  if (failures.length === 0) {
    return null;
  }
  return (
    <section className="hg-section" aria-label="errors by kind">
      <header>
        <h2>Errors by kind</h2>
      </header>
      <div className="hg-scroll-x">
        <table className="hg-small-table" aria-label="errors by kind">
          <thead>
            <tr>
              <th scope="col">Kind</th>
              <th scope="col" className="hg-right">All</th>
              {groups.map((group) => (
                <th key={keyOf(group)} scope="col" className="hg-right" title={group.title}>
                  <Text>{group.title}</Text>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {failures.map((line) => (
              <Kind key={line.code ?? "all others"} line={line} groups={groups} time={time} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Kind({ line, groups, time }: { line: Series["failures"][number]; groups: Named[]; time: Patch }) {
  const filter = line.code ? { code: line.code } : { status: "error" };
  return (
    <tr>
      <th scope="row">{line.code === "" ? "no code" : <Text>{line.code ?? "all others"}</Text>}</th>
      <td className="hg-right hg-number">
        <To path="/requests" filter={{ ...time, ...filter }}>
          {count(line.calls)}
        </To>
      </td>
      {groups.map((group, place) => {
        const calls = line.by_group?.[place] ?? 0;
        return (
          <td key={keyOf(group)} className="hg-right hg-number">
            {calls === 0 ? (
              <span className="hg-soft" data-fact>
                0
              </span>
            ) : (
              <Behind group={group} filter={filter}>
                {count(calls)}
              </Behind>
            )}
          </td>
        );
      })}
    </tr>
  );
}
