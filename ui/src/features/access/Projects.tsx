import { useQuery } from "@tanstack/react-query";
import { type Schemas, api, ask } from "@/api";
import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Money } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { timesOf, useShared } from "@/shell/view";
import { AccessPages } from "./AccessPages";

type Project = Schemas["ProjectView"];

export function useProjects() {
  return useQuery({
    queryKey: ["projects of keys"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/projects", { signal })),
    enabled: useMay("projects:read"),
    staleTime: 30_000,
  });
}

/** The tenants: which models and regions, what is kept of their calls and for how long. */
export default function Projects() {
  const projects = useProjects();
  return (
    <AccessPages>
      <Answered of={projects} what="projects">
        {({ items }) =>
          items.length === 0 ? <Empty title="No project has a key yet" /> : <ProjectTable items={items} />
        }
      </Answered>
      <p className="hg-soft">
        A project begins with its first key. Rules for one stand in headgate.toml, under{" "}
        <code>[projects.NAME]</code>: models, regions, what is recorded and for how long.
      </p>
    </AccessPages>
  );
}

function ProjectTable({ items }: { items: Project[] }) {
  const view = useShared();
  const costs = useQuery({
    queryKey: ["costs", "project", view.range, view.from, view.to],
    queryFn: ({ signal }) => {
      const query = { group_by: "project" as const, limit: 500, ...timesOf(view) };
      return ask(api.GET("/api/v1/costs", { params: { query }, signal }));
    },
    staleTime: 30_000,
  });
  const rows = new Map(costs.data?.items.map((each) => [each.project, each]));
  return (
    <table className="hg-small-table" aria-label="projects">
      <thead>
        <tr>
          <th scope="col">Project</th>
          <th scope="col">Models</th>
          <th scope="col">Regions</th>
          <th scope="col">On record</th>
          <th scope="col" className="hg-right">Kept</th>
          <th scope="col" className="hg-right">Keys</th>
          <th scope="col" className="hg-right">Calls</th>
          <th scope="col" className="hg-right">Cost</th>
        </tr>
      </thead>
      <tbody>
        {items.map((each) => {
          const row = rows.get(each.name);
          return (
            <tr key={each.name}>
              <th scope="row">
                {each.name} {!each.in_file && <span className="hg-soft">· defaults</span>}
              </th>
              <td>{each.models === null ? <span className="hg-soft">all</span> : each.models.join(", ")}</td>
              <td>{each.regions === null ? <span className="hg-soft">everywhere</span> : each.regions.join(", ") || "nowhere"}</td>
              <td>{each.record}</td>
              <td className="hg-right hg-number">{each.retention_days} days</td>
              <td className="hg-right hg-number">
                <To path="/access" filter={{ project: each.name }}>
                  {count(each.keys)}
                </To>
              </td>
              <td className="hg-right hg-number">
                <To path="/requests" filter={{ project: each.name }}>
                  {count(row?.requests ?? 0)}
                </To>
              </td>
              <td className="hg-right">
                {row && (
                  <To path="/requests" filter={{ project: each.name }}>
                    <Money usd={row.cost_usd} estimated={row.estimated > 0} />
                  </To>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
