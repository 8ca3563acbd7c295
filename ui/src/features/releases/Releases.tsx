import { useMemo, useState } from "react";
import { Lanes } from "@/core/Lanes";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant, State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { timesOf, useShared, useView } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { Promote, RollBack } from "./MoveDialogs";
import { type Environment, type Move, type Release, releaseBefore, stretchesOf, titleOf, titlesOf, VERBS } from "./releaseWords";
import { useEnvironments, useHistories, useReleases } from "./useReleases";

/** Which release held when and where, and every release that there is. */
export default function Releases() {
  const view = useShared();
  const releases = useReleases(view.project);
  const environments = useEnvironments(view.project);
  return (
    <div className="hg-sub-pages">
      <header className="hg-sub-head">
        <h1>Releases</h1>
        <span className="hg-soft">what goes out together: prompts, parameters, rules, pins and dependencies</span>
      </header>
      <Answered of={releases} what="releases">
        {({ items }) =>
          items.length === 0 ? (
            <NoReleases />
          ) : (
            <Answered of={environments} what="environments">
              {(found) => <Shown releases={items} environments={found.items} />}
            </Answered>
          )
        }
      </Answered>
    </div>
  );
}

function NoReleases() {
  return (
    <Empty title="No release is known yet">
      <p className="hg-soft">In the CI of your application, after its tests:</p>
      <pre className="hg-paste">headgate releases create . --name "$VERSION"{"\n"}headgate releases promote "$VERSION" production</pre>
      <p className="hg-soft">Calls then say which release they were of, and two releases can be held side by side.</p>
    </Empty>
  );
}

type Doing = { what: "promote"; release: Release } | { what: "roll back"; environment: Environment; to: string; from: string | null };

function Shown({ releases, environments }: { releases: Release[]; environments: Environment[] }) {
  const mayWrite = useMay("releases:write");
  const histories = useHistories(environments);
  const nameOf = useMemo(() => titlesOf(releases), [releases]);
  const [doing, setDoing] = useState<Doing | null>(null);
  const moves = histories.map((each) => each.data?.items ?? []);
  return (
    <>
      {environments.length > 0 && (
        <>
          <Timeline environments={environments} moves={moves} nameOf={nameOf} />
          <Standing environments={environments} moves={moves} nameOf={nameOf} onRollBack={mayWrite ? setDoing : null} />
        </>
      )}
      <ReleaseTable releases={releases} environments={environments} onPromote={mayWrite ? setDoing : null} />
      {doing?.what === "promote" && (
        <Promote release={doing.release} environments={environments} nameOf={nameOf} onClose={() => setDoing(null)} />
      )}
      {doing?.what === "roll back" && <RollBack {...doing} nameOf={nameOf} onClose={() => setDoing(null)} />}
    </>
  );
}

const MINUTE_MS = 60_000;

interface EnvironmentsProps {
  environments: Environment[];
  moves: Move[][];
  nameOf: (id: string) => string;
}

function Timeline({ environments, moves, nameOf }: EnvironmentsProps) {
  const view = useShared();
  const times = timesOf(view);
  const end = Date.parse(times.to);
  // Where nothing was in force before, there is nothing to see: the first move stands at the left.
  const first = Math.min(...moves.flatMap((each) => each.map((move) => Date.parse(move.at))));
  const begin = Math.max(Date.parse(times.from), Number.isFinite(first) ? Math.min(first, end - MINUTE_MS) : 0);
  const areSeveral = new Set(environments.map((each) => each.project)).size > 1;
  const lanes = environments.map((each, place) => ({
    id: `${each.project} ${each.name}`,
    title: (
      <>
        {each.name} {areSeveral && <span className="hg-soft">{each.project}</span>}
      </>
    ),
    stretches: stretchesOf(moves[place] ?? [], begin, end, nameOf),
    environment: each,
    moves: moves[place] ?? [],
  }));
  return (
    <section className="hg-section" aria-label="timeline of environments">
      <Lanes
        label="which release held when"
        begin={begin}
        end={end}
        lanes={lanes}
        render={(lane, stretch) => {
          const of = lanes.find((each) => each.id === lane.id);
          const release = of?.moves.find((move) => Date.parse(move.at) === stretch.from)?.release;
          return release ? (
            <To path={`/releases/${release}`} filter={{ of: of.environment.project }}>
              {stretch.title}
            </To>
          ) : (
            <span>{stretch.title}</span>
          );
        }}
      />
    </section>
  );
}

function Standing(props: EnvironmentsProps & { onRollBack: ((doing: Doing) => void) | null }) {
  const { environments, moves, nameOf, onRollBack } = props;
  const who = useKeyNames();
  return (
    <section className="hg-section" aria-label="environments">
      <table className="hg-small-table" aria-label="environments">
        <thead>
          <tr>
            <th scope="col">Environment</th>
            <th scope="col">In force</th>
            <th scope="col">Since</th>
            <th scope="col">By</th>
            <th scope="col">Why</th>
            <th scope="col">Before</th>
            <th scope="col">
              <span className="hg-visually-hidden">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {environments.map((each, place) => {
            const before = releaseBefore(moves[place] ?? []);
            return (
              <tr key={`${each.project} ${each.name}`}>
                <th scope="row">
                  {each.name} <span className="hg-soft">{each.project}</span>
                </th>
                <td>
                  {each.release ? (
                    <To path={`/releases/${each.release}`} filter={{ of: each.project }}>
                      <State tone="good">{nameOf(each.release)}</State>
                    </To>
                  ) : (
                    <span className="hg-soft">no release: what is newest holds</span>
                  )}
                </td>
                <td>{each.moved_at && <Instant at={each.moved_at} />}</td>
                <td>
                  {each.action && `${VERBS[each.action] ?? each.action} by `}
                  {each.moved_by && who(each.moved_by)}
                </td>
                <td>
                  <Text>{each.why ?? ""}</Text>
                </td>
                <td>
                  {before && each.release && (
                    <To path="/releases/compare" filter={{ a: before, b: each.release, of: each.project }}>
                      {nameOf(before)}, compare
                    </To>
                  )}
                </td>
                <td className="hg-actions">
                  {onRollBack && before && (
                    <button
                      type="button"
                      className="hg-button"
                      aria-label={`roll back ${each.name}`}
                      onClick={() => onRollBack({ what: "roll back", environment: each, to: before, from: each.release })}
                    >
                      Roll back
                    </button>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

interface ReleaseTableProps {
  releases: Release[];
  environments: Environment[];
  onPromote: ((doing: Doing) => void) | null;
}

function ReleaseTable({ releases, environments, onPromote }: ReleaseTableProps) {
  const { search, set } = useView();
  const who = useKeyNames();
  const [a, b] = [search["a"], search["b"]];
  const chosen = [a, b].filter((each) => each !== undefined);
  function choose(id: string): void {
    if (chosen.includes(id)) {
      const rest = chosen.filter((each) => each !== id);
      set({ a: rest[0] ?? null, b: null }, true);
    } else {
      set({ a: chosen.length === 2 ? chosen[1] : (chosen[0] ?? id), b: chosen.length === 0 ? null : id }, true);
    }
  }
  const one = releases.find((each) => each.id === a);
  const other = releases.find((each) => each.id === b);
  const inOrder = one && other && (one.created_at <= other.created_at ? [one, other] : [other, one]);
  return (
    <section className="hg-section" aria-label="all releases">
      <header>
        <h2>All releases</h2>
        {inOrder?.[0] && inOrder[1] ? (
          <To
            path="/releases/compare"
            className="hg-button hg-main"
            filter={{ a: inOrder[0].id, b: inOrder[1].id, of: inOrder[0].project }}
          >
            Compare {titleOf(inOrder[0])} with {titleOf(inOrder[1])}
          </To>
        ) : (
          <span className="hg-soft">choose two to hold them side by side</span>
        )}
      </header>
      <table className="hg-small-table" aria-label="releases">
        <thead>
          <tr>
            <th scope="col">
              <span className="hg-visually-hidden">Compare</span>
            </th>
            <th scope="col">Release</th>
            <th scope="col">Note</th>
            <th scope="col">Commit</th>
            <th scope="col">Project</th>
            <th scope="col">Made</th>
            <th scope="col">In force in</th>
            <th scope="col">
              <span className="hg-visually-hidden">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {releases.map((each) => (
            <tr key={`${each.project} ${each.id}`}>
              <td>
                <input
                  type="checkbox"
                  aria-label={`compare ${titleOf(each)}`}
                  checked={chosen.includes(each.id)}
                  onChange={() => choose(each.id)}
                />
              </td>
              <th scope="row">
                <To path={`/releases/${each.id}`} filter={{ of: each.project }}>
                  <Text>{titleOf(each)}</Text>
                </To>
              </th>
              <td>
                <Text>{each.note}</Text>
              </td>
              <td>
                <code>{each.commit.slice(0, 10)}</code>
                {each.dirty && <State tone="warn">and what was not committed</State>}
              </td>
              <td>{each.project}</td>
              <td>
                <Instant at={each.created_at} /> <span className="hg-soft">by {who(each.created_by)}</span>
              </td>
              <td>{heldIn(each, environments) || <span className="hg-soft">–</span>}</td>
              <td className="hg-actions">
                {onPromote && (
                  <button
                    type="button"
                    className="hg-button"
                    aria-label={`promote ${titleOf(each)}`}
                    onClick={() => onPromote({ what: "promote", release: each })}
                  >
                    Promote
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function heldIn(release: Release, environments: readonly Environment[]): string {
  return environments
    .filter((each) => each.project === release.project && each.release === release.id)
    .map((each) => each.name)
    .join(", ");
}
