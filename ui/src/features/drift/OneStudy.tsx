import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { api, ask, type Schemas } from "@/api";
import { count, usdOf } from "@/core/format";
import { Facts } from "@/core/Facts";
import { Reach } from "@/core/Reach";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant, Money, State } from "@/core/Values";
import { To } from "@/shell/To";
import { refreshOf, useShared } from "@/shell/view";
import { Back } from "../evaluation/Back";
import { DID, type Group, signed, studyOf, WAYS, within } from "./studyWords";

type Study = Schemas["Study"];

/** What pieces of contexts did over many calls: by kind, source, document and position. */
export default function OneStudy() {
  const { study: id = "" } = useParams({ strict: false });
  const view = useShared();
  const found = useQuery({
    queryKey: ["context study", id],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/grounding/studies/{study_id}", { params: { path: { study_id: id } }, signal })),
    refetchInterval: refreshOf(view),
  });
  return (
    <>
      {!found.data && <h1 className="hg-visually-hidden">A study of contexts</h1>}
      <Answered of={found} what="the study">
        {(study) => <Page of={study} />}
      </Answered>
    </>
  );
}

function Page({ of: { study, findings } }: { of: Study }) {
  const told = studyOf(study);
  const replays = { tag: `study:${study.id}`, range: "30d", from: null, to: null };
  const leftOut = Object.entries(findings.left_out);
  return (
    <div>
      <Back path="/drift" to="drift" title="Which pieces of contexts helped">
        <span className="hg-soft">
          <Text>{told.of}</Text>, <Instant at={study.began_at} />
        </span>
      </Back>
      <div className="hg-rule">
        <p className="hg-said-first">
          <Text>{findings.sentence}</Text>
        </p>
        {study.ended && (
          <p className="hg-note">
            <Text>{study.ended}</Text>; the same command goes on with it.
          </p>
        )}
        <Facts
          facts={[
            ["cases", count(findings.cases)],
            ["pieces", count(findings.pieces)],
            ["repeats", told.repeats === null ? null : count(told.repeats)],
            ["judge", told.judge || "none: only whether a piece was used is told"],
            ["cost", <To key="cost" path="/requests" filter={replays}><Money usd={usdOf(study.cost_pico_usd)} /></To>],
            ["replays", <To key="replays" path="/requests" filter={replays}>their calls</To>],
            ["project", study.project],
          ]}
        />
        {findings.groups.length === 0 && <Empty title="Nothing was replayed yet" />}
        {WAYS.map(([by, title, hint]) => (
          <Way key={by} title={title} hint={hint} groups={findings.groups.filter((each) => each.by === by)} />
        ))}
        {findings.more_groups > 0 && <p className="hg-soft">{count(findings.more_groups)} groups of fewer pieces are not shown.</p>}
        {leftOut.length > 0 && (
          <section className="hg-section" aria-label="left out">
            <header>
              <h2>Left out</h2>
            </header>
            <ul>
              {leftOut.map(([reason, calls]) => (
                <li key={reason}>
                  {count(calls)}: <Text>{reason}</Text>
                </li>
              ))}
            </ul>
          </section>
        )}
        <p className="hg-soft">
          Score gained is what the judge gives with a piece less what it gives without. Intervals hold for all groups together (95 %), at one
          look; cases are the units, however many pieces each has. Helped, harmed, used and idle are pieces that showed it, or nothing, each by
          itself.
        </p>
      </div>
    </div>
  );
}

function Way({ title, hint, groups }: { title: string; hint: string; groups: Group[] }) {
  return groups.length === 0 ? null : (
    <section className="hg-section" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <span className="hg-soft">{hint}</span>
      </header>
      <table className="hg-small-table hg-grounding" aria-label={title}>
        <thead>
          <tr>
            <th scope="col">Pieces</th>
            <th scope="col">Did</th>
            <th scope="col">Score gained</th>
            <th scope="col">Answers apart</th>
            <th scope="col" className="hg-right">In cases</th>
            <th scope="col" className="hg-right">Helped</th>
            <th scope="col" className="hg-right">Harmed</th>
            <th scope="col" className="hg-right">Used</th>
            <th scope="col" className="hg-right">Idle</th>
          </tr>
        </thead>
        <tbody>
          {groups.map((each) => (
            <tr key={each.name}>
              <th scope="row">
                {each.request_id ? (
                  <To path={`/requests/${each.request_id}`}>
                    <Text>{each.name}</Text>
                  </To>
                ) : (
                  <Text>{each.name}</Text>
                )}
              </th>
              <td>
                <State tone={DID[each.did]}>{each.did}</State>
              </td>
              <td>
                <Between name={`${each.name}, score`} value={each.difference} low={each.low} high={each.high} />
              </td>
              <td>
                <Apart value={each.change} low={each.change_low} high={each.change_high} />
              </td>
              <td className="hg-right hg-number">
                {count(each.cases)}
                <div className="hg-soft">{count(each.pieces)} pieces</div>
                {each.unknown > 0 && <div className="hg-soft">{count(each.unknown)} untold</div>}
              </td>
              {[each.helped, each.harmed, each.used, each.idle].map((often, place) => (
                <td key={place} className="hg-right hg-number">
                  {count(often.pieces)}
                  {often.low !== null && often.high !== null && (
                    <div className="hg-soft">
                      {within(often.low, often.high)}
                    </div>
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Between({ name, value, low, high }: { name: string; value: number | null; low: number | null; high: number | null }) {
  if (value === null || low === null || high === null) {
    return <span className="hg-soft">not known</span>;
  }
  const words = `${signed(low)} to ${signed(high)}`;
  return (
    <>
      <Reach low={low} value={value} high={high} least={-1} most={1} label={`${name}: ${signed(value)}, ${words}`} />
      <div className="hg-soft hg-number">{words}</div>
    </>
  );
}

/** A number with its interval in words alone. */
function Apart({ value, low, high }: { value: number | null; low: number | null; high: number | null }) {
  if (value === null || low === null || high === null) {
    return <span className="hg-soft">not known</span>;
  }
  return (
    <div className="hg-number">
      {signed(value)}
      <div className="hg-soft">
        {signed(low)} to {signed(high)}
      </div>
    </div>
  );
}
