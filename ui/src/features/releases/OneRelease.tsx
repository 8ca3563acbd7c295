import { IconArrowLeft } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { type Schemas, api, ask } from "@/api";
import { Facts } from "@/core/Facts";
import { Answered } from "@/core/States";
import { Text, Verbatim } from "@/core/Text";
import { Instant, Name } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useView } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { Promote } from "./MoveDialogs";
import { titleOf, titlesOf } from "./releaseWords";
import { useEnvironments, useReleases } from "./useReleases";

type Detail = Schemas["ReleaseDetail"];
type Manifest = Schemas["Manifest"];

/** One release: all that it fixes, and what it was compared with before it. */
export default function OneRelease() {
  const { release: id = "" } = useParams({ strict: false });
  const { search } = useView();
  const release = useQuery({
    queryKey: ["release", id, search["of"]],
    queryFn: ({ signal }) => {
      const query = search["of"] ? { project: search["of"] } : {};
      return ask(api.GET("/api/v1/releases/{release}", { params: { path: { release: id }, query }, signal }));
    },
    staleTime: 60_000,
  });
  return (
    <>
      {!release.data && <h1 className="hg-visually-hidden">One release</h1>}
      <Answered of={release} what="the release">
        {(found) => <Shown release={found} />}
      </Answered>
    </>
  );
}

function Shown({ release }: { release: Detail }) {
  const mayWrite = useMay("releases:write");
  const who = useKeyNames();
  const environments = useEnvironments(release.project);
  const releases = useReleases(release.project);
  const [isPromoting, setPromoting] = useState(false);
  // The API leaves out what is empty, whatever its description says.
  const { code, pins = {}, rules = [], managed = {}, prices } = release.manifest as Partial<Manifest> & Pick<Manifest, "code">;
  const { prompts = [], parameters = [], tools = [], dependencies = {} } = code as Partial<Manifest["code"]>;
  const others = (releases.data?.items ?? []).filter((each) => each.id !== release.id);
  const before = others.find((each) => each.created_at <= release.created_at);
  const held = (environments.data?.items ?? []).filter((each) => each.release === release.id).map((each) => each.name);
  return (
    <div>
      <header className="hg-call-head">
        <To path="/releases" className="hg-icon-button" aria-label="back to releases">
          <IconArrowLeft size={16} stroke={1.6} />
        </To>
        <h1>
          <Text>{titleOf(release)}</Text>
        </h1>
        <span className="hg-soft hg-ellipsis">
          <Text>{release.note}</Text>
        </span>
        <span className="hg-spring" />
        {before && (
          <To path="/releases/compare" className="hg-button" filter={{ a: before.id, b: release.id, of: release.project }}>
            Compare with {titleOf(before)}
          </To>
        )}
        <To path="/requests" className="hg-button" filter={{ release: release.id }}>
          Its calls
        </To>
        {mayWrite && (
          <button type="button" className="hg-button hg-main" onClick={() => setPromoting(true)}>
            Promote
          </button>
        )}
      </header>
      <div className="hg-rule">
        <Facts
          facts={[
            ["id", <code key="id">{release.id}</code>],
            ["project", release.project],
            ["commit", <code key="commit">{release.commit}</code>],
            ["not committed", release.dirty],
            ["made", <span key="made"><Instant at={release.created_at} /> by {who(release.created_by)}</span>],
            ["in force in", held.join(", ") || <span className="hg-soft">no environment</span>],
            ["prices", prices],
          ]}
        />
        {prompts.map((each) => (
          <section key={`${each.path} ${each.symbol}`} className="hg-difference" aria-label={`prompt ${each.symbol}`}>
            <h2 className="hg-part-title">
              <Text>{`${each.path}:${each.symbol}`}</Text> <span className="hg-soft">version {each.version}</span>
            </h2>
            <Verbatim text={each.text} label={`text of ${each.symbol}`} />
          </section>
        ))}
        <Pairs title="Parameters" pairs={parameters.map((each) => [`${each.path}:${each.symbol} ${each.name}`, each.value])} />
        <Pairs title="Pinned models" pairs={Object.entries(pins)} />
        <Pairs title="Rules" pairs={rules.map((each) => [each.name, `version ${each.version}`])} />
        <Pairs title="Managed prompts" pairs={Object.entries(managed).map(([name, each]) => [name, heldOf(each)])} />
        <Pairs title="Tools" pairs={tools.map((each) => [`${each.path}:${each.name}`, each.version])} />
        <Pairs title="Dependencies" pairs={Object.entries(dependencies)} />
      </div>
      {isPromoting && environments.data && (
        <Promote
          release={release}
          environments={environments.data.items}
          nameOf={titlesOf(releases.data?.items ?? [])}
          onClose={() => setPromoting(false)}
        />
      )}
    </div>
  );
}

function heldOf(managed: Schemas["ManagedInRelease"]): string {
  const labels = Object.entries(managed.labels ?? {}).map(([label, version]) => `${label}: version ${version}`);
  return [...labels, `newest: version ${managed.newest}`].join(", ");
}

function Pairs({ title, pairs }: { title: string; pairs: [string, string][] }) {
  if (pairs.length === 0) {
    return null;
  }
  return (
    <section aria-label={title}>
      <h2 className="hg-part-title">{title}</h2>
      <table className="hg-small-table hg-pairs">
        <tbody>
          {pairs.map(([name, value], place) => (
            <tr key={`${name} ${place}`}>
              <th scope="row">
                <Name>{name}</Name>
              </th>
              <td>
                <code>
                  <Text>{value}</Text>
                </code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
