import { useParams } from "@tanstack/react-router";
import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text, Verbatim } from "@/core/Text";
import { Instant } from "@/core/Values";
import { To } from "@/shell/To";
import { useView } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { Back } from "../evaluation/Back";
import { More } from "../evaluation/More";
import { Conversation } from "../messages/Conversation";
import { askedOf, lineOf, ORIGINS, pathOf, textOf } from "./datasetWords";
import { type CaseRow, useCases, useDataset } from "./useDatasets";
import type { Schemas } from "@/api";

type Shown = Schemas["ShownDataset"];

/** One dataset: its versions, none of which ever changes, and the cases of one of them. */
export default function OneDataset() {
  const { dataset: name = "" } = useParams({ strict: false });
  const { search } = useView();
  const found = useDataset(name, search["of"]);
  return (
    <>
      {!found.data && <h1 className="hg-visually-hidden">One dataset</h1>}
      <Answered of={found} what="the dataset">
        {(shown) => <Page shown={shown} />}
      </Answered>
    </>
  );
}

function Page({ shown }: { shown: Shown }) {
  const { dataset } = shown;
  const { search } = useView();
  const version = Number(search["version"] ?? dataset.version);
  return (
    <div>
      <Back path="/datasets" to="datasets" title={dataset.name}>
        <span className="hg-soft">
          version {version} of {dataset.version}, project {dataset.project}
        </span>
      </Back>
      <div className="hg-rule hg-beside">
        <Versions shown={shown} version={version} />
        <Cases name={dataset.name} project={dataset.project} version={version} />
      </div>
    </div>
  );
}

function Versions({ shown, version }: { shown: Shown; version: number }) {
  const { dataset, versions } = shown;
  const nameOf = useKeyNames();
  return (
    <nav aria-label="versions">
      <h2>Versions</h2>
      {versions.length === 0 && <p className="hg-soft">None yet: cases make the first.</p>}
      <ul className="hg-version-list">
        {versions.map((each) => (
          <li key={each.version} className={each.version === version ? "hg-chosen" : ""}>
            <To path={pathOf(dataset.name)} filter={{ of: dataset.project, version: String(each.version) }}>
              version {each.version}
            </To>{" "}
            <span className="hg-number">
              {count(each.cases)} {each.cases === 1 ? "case" : "cases"}
            </span>
            <div className="hg-soft">
              <Instant at={each.made_at} /> by {nameOf(each.made_by)}
            </div>
            <div className="hg-soft">
              <code>{each.digest.slice(0, 12)}</code>
            </div>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Cases({ name, project, version }: { name: string; project: string; version: number }) {
  const pages = useCases(name, project, version);
  const { search } = useView();
  const rows = pages.data?.pages.flatMap((page) => page.rows) ?? [];
  const chosen = rows.find((row) => row.one.id === search["case"]);
  return (
    <section aria-label="cases">
      <Answered of={pages} what="cases">
        {() =>
          rows.length === 0 ? (
            <Empty title="It has no cases">
              <p className="hg-soft">Open a call, or filter Requests, and choose &quot;Add to dataset&quot;.</p>
            </Empty>
          ) : (
            <>
              {chosen && <OneCase row={chosen} />}
              <table className="hg-small-table hg-cases" aria-label="cases">
                <thead>
                  <tr>
                    <th scope="col">Case</th>
                    <th scope="col">Asks</th>
                    <th scope="col">Expected</th>
                    <th scope="col">Came from</th>
                    <th scope="col">Tags</th>
                  </tr>
                </thead>
                <tbody>
                  {rows.map((row) => (
                    <tr key={row.one.id} className={row === chosen ? "hg-chosen" : ""}>
                      <th scope="row">
                        <To path={pathOf(name)} filter={{ of: project, version: String(version), case: row.one.id }}>
                          <Text>{row.one.id.slice(0, 24)}</Text>
                        </To>
                      </th>
                      <td>
                        <Text>{lineOf(row.one)}</Text>
                      </td>
                      <td>{row.one.expected === undefined || row.one.expected === null ? <span className="hg-soft">not said</span> : <Text>{textOf(row.one.expected).slice(0, 200)}</Text>}</td>
                      <td>
                        <From row={row} project={project} />
                      </td>
                      <td>{(row.one.tags ?? []).join(", ")}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
              <More of={pages} />
            </>
          )
        }
      </Answered>
    </section>
  );
}

/** Where a case came from, as a link where it is on record. */
function From({ row, project }: { row: CaseRow; project: string }) {
  const { source } = row;
  const word = ORIGINS[row.one.origin ?? "file"] ?? "a file";
  return (
    <>
      {source?.request_id ? <To path={`/requests/${source.request_id}`}>{word}</To> : word}
      {source?.trace_id && (
        <>
          {", "}
          <To path={`/traces/${source.trace_id}`} filter={{ of: project }}>
            its trace
          </To>
        </>
      )}
    </>
  );
}

function OneCase({ row }: { row: CaseRow }) {
  const { one } = row;
  const context = one.context === null || one.context === undefined ? [] : [one.context].flat();
  return (
    <article className="hg-one-case" aria-label={`case ${one.id}`}>
      <header>
        <h2>
          <Text>{one.id}</Text>
        </h2>
      </header>
      <Conversation said={askedOf(one)} asWritten={false} />
      {context.map((each, place) => (
        <Verbatim key={place} text={each} label="context" />
      ))}
      {one.expected !== undefined && one.expected !== null && (
        <>
          <h2 className="hg-answer-title">Expected</h2>
          <Verbatim text={textOf(one.expected)} label="expected" />
        </>
      )}
    </article>
  );
}
