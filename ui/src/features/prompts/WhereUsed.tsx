import { count } from "@/core/format";
import { Text } from "@/core/Text";
import { Instant } from "@/core/Values";
import { To } from "@/shell/To";
import { useKeyNames } from "../access/useKeys";
import { addressOf } from "./address";
import { type Outcomes, callsOf } from "./outcomeWords";
import type { Version } from "./versions";

/** Files and commits, releases, and the calls that name an environment or a release. */
export function WhereUsed({ found, versions, path }: { found: Outcomes; versions: Version[]; path: string | null }) {
  const nameOfKey = useKeyNames();
  const nameOf = (each: Outcomes["places"][number]): string =>
    each.kind === "key" ? nameOfKey(each.name) : each.kind === "release" ? each.name.slice(0, 20) : each.name;
  const now = versions.find((each) => each.isNewest) ?? versions[0];
  return (
    <div className="hg-where">
      <section aria-label="in code">
        <h3>In {found.source === null ? "the catalogue of managed prompts" : "code"}</h3>
        <ul>
          <li data-fact>
            {path === null ? (
              `managed here, in ${found.project}`
            ) : (
              <>
                <code>
                  <Text>{path}</Text>
                  {now?.line ? `:${now.line}` : ""}
                </code>{" "}
                of <Text>{found.source ?? ""}</Text>
              </>
            )}
            {now && <span className="hg-soft"> · {now.who}</span>}
          </li>
          {found.same_text.map((each) => (
            <li key={`${each.source} ${each.name}`} data-fact>
              the same text:{" "}
              <To {...addressOf({ name: each.name, project: found.project, source: each.source })}>
                <Text>{each.name}</Text>
              </To>{" "}
              <span className="hg-soft">
                of <Text>{each.source}</Text>, line {each.line}
              </span>
            </li>
          ))}
        </ul>
      </section>
      <section aria-label="in releases">
        <h3>In releases, of any time</h3>
        {found.releases.length === 0 && <p className="hg-soft">None of the 50 newest holds it, of any time.</p>}
        <ul>
          {found.releases.map((each) => (
            <li key={each.id}>
              <To path={`/releases/${each.id}`} filter={{ of: found.project }}>
                <Text>{each.name || each.commit.slice(0, 10) || each.id}</Text>
              </To>{" "}
              <span className="hg-soft" data-fact>
                <Instant at={each.created_at} /> · {each.versions.length === 1 ? "version" : "versions"} {each.versions.join(", ")}
              </span>
            </li>
          ))}
        </ul>
      </section>
      <section aria-label="by calls">
        <h3>By calls</h3>
        {found.places.length === 0 && <p className="hg-soft">No call of this time.</p>}
        <ul>
          {found.places.map((each) => (
            <li key={`${each.kind} ${each.name}`}>
              {each.kind} <Text>{nameOf(each)}</Text>:{" "}
              <To path="/requests" className="hg-number" filter={callsOf(found, { [each.kind]: each.name })}>
                {count(each.calls)} {each.calls === 1 ? "call" : "calls"}
              </To>
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}
