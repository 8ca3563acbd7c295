import { useParams } from "@tanstack/react-router";
import { Facts } from "@/core/Facts";
import { count } from "@/core/format";
import { Folded } from "@/core/Message";
import { Reach } from "@/core/Reach";
import { Answered } from "@/core/States";
import { Text, Verbatim } from "@/core/Text";
import { Instant, State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useView } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { Back } from "../evaluation/Back";
import { endsOf, type Finding, pathOf, SCALES, SCOPES, type Scale, valueOf } from "./judgeWords";
import { MarkedList, WaitingList } from "./Lists";
import { type Shown, useJudge } from "./useReviews";

/** One judge: how far it can be trusted, what rests on it, and what people have still to mark. */
export default function OneJudge() {
  const { judge: name = "" } = useParams({ strict: false });
  const { search } = useView();
  const found = useJudge(name, search["of"], search["version"]);
  return (
    <>
      {!found.data && <h1 className="hg-visually-hidden">One judge</h1>}
      <Answered of={found} what="the judge">
        {(shown) => <Page shown={shown} />}
      </Answered>
    </>
  );
}

function Page({ shown }: { shown: Shown }) {
  const { judge, report } = shown;
  const { search } = useView();
  return (
    <div>
      <Head shown={shown} />
      <div className="hg-rule">
        <p className="hg-said-first">
          <Text>{report.sentence}</Text>
        </p>
        {report.notes.map((note) => (
          <p key={note} className="hg-note">
            <Text>{note}</Text>
          </p>
        ))}
        <ListTabs shown={shown} />
        {search["tab"] === "waiting" && <WaitingList judge={judge.name} project={judge.project} />}
        {search["tab"] === "marked" && <MarkedList judge={judge.name} project={judge.project} scale={judge.scale} />}
        {!search["tab"] && <Known shown={shown} />}
      </div>
    </div>
  );
}

function Head({ shown }: { shown: Shown }) {
  const { judge, versions } = shown;
  const { set } = useView();
  const mayMark = useMay("reviews:write");
  return (
    <Back path="/reviews" to="reviews" title={judge.name}>
      <span className="hg-soft">{SCALES[judge.scale as Scale]}</span>
      {versions.length > 1 && (
        <label className="hg-soft">
          version{" "}
          <select className="hg-input" value={judge.version} onChange={(event) => set({ version: event.currentTarget.value })}>
            {versions.map((version) => (
              <option key={version} value={version}>
                {version.slice(0, 8)}
              </option>
            ))}
          </select>
        </label>
      )}
      <span className="hg-spring" />
      {mayMark && (
        <To path={`${pathOf(judge.name)}/mark`} filter={{ of: judge.project }} className="hg-button hg-main">
          Mark answers
        </To>
      )}
    </Back>
  );
}

const TABS: { tab: string; title: string; of: (shown: Shown) => number | null }[] = [
  { tab: "", title: "What is known", of: () => null },
  { tab: "waiting", title: "Waiting for people", of: (shown) => shown.waiting },
  { tab: "marked", title: "Marked by people", of: (shown) => shown.done },
];

function ListTabs({ shown }: { shown: Shown }) {
  const { search, set } = useView();
  return (
    <div className="hg-looks hg-left" role="group" aria-label="what is shown">
      {TABS.map(({ tab, title, of }) => {
        const number = of(shown);
        return (
          <button
            key={tab}
            type="button"
            className="hg-button hg-quiet-button"
            aria-pressed={(search["tab"] ?? "") === tab}
            onClick={() => set({ tab: tab || null }, true)}
          >
            {title} {number !== null && <span className="hg-number">{count(number)}</span>}
          </button>
        );
      })}
    </div>
  );
}

function Known({ shown }: { shown: Shown }) {
  const { judge, report } = shown;
  const nameOf = useKeyNames();
  const { counts } = report;
  const marked = (number: number) => (
    <To path={pathOf(judge.name)} filter={{ of: judge.project, tab: "marked" }}>
      {count(number)}
    </To>
  );
  return (
    <>
      {SCOPES.map(({ scope, title, what }) => (
        <section key={scope} className="hg-section" aria-label={title.toLowerCase()}>
          <header>
            <h2>{title}</h2>
            <span className="hg-soft">{what}</span>
          </header>
          <Findings findings={report.findings.filter((each) => each.scope === scope)} shown={shown} />
        </section>
      ))}
      <section className="hg-section" aria-label="what it rests on">
        <header>
          <h2>What this rests on</h2>
        </header>
        <Facts
          facts={[
            ["answers it marked", count(counts.judged)],
            ["of which no verdict", counts.unusable > 0 ? count(counts.unusable) : null],
            ["people marked", marked(counts.marked)],
            ["of the random sample", marked(counts.sampled)],
            ["outside of it", counts.left_out > 0 ? <span key="out">{marked(counts.left_out)} <span className="hg-soft">count for agreement, never for the corrected score</span></span> : null],
            ["by several people", counts.by_several > 0 ? marked(counts.by_several) : null],
            ["without a majority", counts.tied > 0 ? marked(counts.tied) : null],
            ["model", <To key="model" path="/requests" filter={{ model: judge.model }}>{judge.model}</To>],
            ["project", judge.project],
            ["defined", <span key="made"><Instant at={judge.made_at} /> <span className="hg-soft">by {nameOf(judge.made_by)}</span></span>],
            ["version", <code key="version">{judge.version}</code>],
          ]}
        />
        <Folded title="What it is asked">
          <Verbatim text={judge.rubric} label="rubric" />
          {judge.prompt && <Verbatim text={judge.prompt} label="prompt" />}
        </Folded>
      </section>
    </>
  );
}

function Findings({ findings, shown }: { findings: Finding[]; shown: Shown }) {
  return (
    <table className="hg-small-table hg-findings">
      <thead>
        <tr>
          <th scope="col">Finding</th>
          <th scope="col">Interval</th>
          <th scope="col" className="hg-right">Value</th>
          <th scope="col" className="hg-right">Answers</th>
          <th scope="col">In words</th>
        </tr>
      </thead>
      <tbody>
        {findings.map((finding) => (
          <OneFinding key={finding.name} finding={finding} shown={shown} />
        ))}
      </tbody>
    </table>
  );
}

/** What isn't known has no number, and its sentence says why. */
function OneFinding({ finding, shown }: { finding: Finding; shown: Shown }) {
  const { judge } = shown;
  const scale = judge.scale as Scale;
  const { estimate, low, high } = finding;
  const write = (value: number): string => valueOf(value, finding, scale);
  const ends = endsOf(finding, scale);
  const interval = low !== null && high !== null ? `${write(low)} to ${write(high)}` : null;
  return (
    <tr>
      <th scope="row">{finding.name}</th>
      <td>
        {estimate !== null && ends !== null && low !== null && (
          <Reach low={low} value={estimate} high={high} least={ends[0]} most={ends[1]} label={`${finding.name}: ${write(estimate)}, ${interval ?? ""}`} />
        )}
        {interval && <span className="hg-soft hg-number">{interval}</span>}
      </td>
      <td className="hg-right hg-number">{estimate === null ? <State tone="quiet">not known</State> : write(estimate)}</td>
      <td className="hg-right hg-number">
        {finding.n > shown.report.counts.marked ? (
          count(finding.n)
        ) : finding.n > 0 ? (
          <To path={pathOf(judge.name)} filter={{ of: judge.project, tab: "marked" }}>
            {count(finding.n)}
          </To>
        ) : (
          "–"
        )}
      </td>
      <td>
        <Text>{finding.sentence}</Text>
      </td>
    </tr>
  );
}
