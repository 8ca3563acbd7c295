import { useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Instant, Name, State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { useProjects } from "../access/Projects";
import { useKeyNames } from "../access/useKeys";
import { SettingsPages } from "./SettingsPages";

type Erasure = Schemas["Erasure"];

/** What is kept of whose calls and for how long, and what was erased. */
export default function Retention() {
  const projects = useProjects();
  const mayErase = useMay("records:erase");
  return (
    <SettingsPages>
      <section className="hg-section" aria-label="retention by project">
        <header>
          <h2>Kept</h2>
        </header>
        <Answered of={projects} what="projects">
          {({ items }) => (
            <table className="hg-small-table hg-pairs" aria-label="retention">
              <thead>
                <tr>
                  <th scope="col">Project</th>
                  <th scope="col">On record</th>
                  <th scope="col" className="hg-right">For</th>
                </tr>
              </thead>
              <tbody>
                {items.map((each) => (
                  <tr key={each.name}>
                    <th scope="row">{each.name}</th>
                    <td>{RECORDED[each.record]}</td>
                    <td className="hg-right hg-number">{each.retention_days} days</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Answered>
        <p className="hg-soft">
          Older days are dropped whole. In headgate.toml: <code>[projects.NAME]</code> with <code>retention = "30 days"</code> and{" "}
          <code>record</code> full, metadata or none.
        </p>
      </section>
      {mayErase && <Erasures />}
    </SettingsPages>
  );
}

const RECORDED: Record<Schemas["ProjectView"]["record"], string> = {
  full: "calls with their messages",
  metadata: "calls without their messages",
  none: "sums alone",
};

function Erasures() {
  const erasures = useQuery({
    queryKey: ["erasures"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/erasures", { params: { query: { limit: 200 } }, signal })),
  });
  return (
    <section className="hg-section" aria-label="erasures">
      <header>
        <h2>Erased on demand</h2>
      </header>
      <Answered of={erasures} what="erasures">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nothing was erased">
              <p className="hg-soft">What a person asks to be forgotten goes everywhere, with a receipt:</p>
              <pre className="hg-paste">headgate erase user anna --project default</pre>
            </Empty>
          ) : (
            <ErasureTable items={items} />
          )
        }
      </Answered>
    </section>
  );
}

function ErasureTable({ items }: { items: Erasure[] }) {
  const nameOf = useKeyNames();
  return (
    <table className="hg-small-table" aria-label="erasures">
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">Of</th>
          <th scope="col">Project</th>
          <th scope="col">By</th>
          <th scope="col">State</th>
          <th scope="col" className="hg-right">Rows</th>
        </tr>
      </thead>
      <tbody>
        {items.map((each) => (
          <tr key={each.id}>
            <td>
              <Instant at={each.at} />
            </td>
            <th scope="row">
              <Name>{`${each.kind.replaceAll("_", " ")} ${each.subject ?? ""}`.trim()}</Name>
            </th>
            <td>{each.project}</td>
            <td>{nameOf(each.by)}</td>
            <td>
              <State tone={each.state === "done" ? "good" : "warn"}>
                {each.state}
                {each.dry_run ? ", counted only" : ""}
              </State>
            </td>
            <td className="hg-right hg-number">{count(each.tables.reduce((sum, table) => sum + table.removed, 0))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
