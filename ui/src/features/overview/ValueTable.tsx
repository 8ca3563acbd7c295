import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Money } from "@/core/Values";
import { To } from "@/shell/To";
import { keyOf, refreshOf, timesOf, useShared } from "@/shell/view";
import { filterOf } from "../listing/none";
import { wholeDays } from "../series/byDay";
import { type ValueBar, barsOf } from "./grouping";

const SHOWN = 20;

/** What the dearest users or tags come to. Their sums are kept by whole days, and so are the calls that these lead to. */
export function ValueTable({ by }: { by: "user" | "tag" }) {
  const view = useShared();
  const costs = useQuery({
    queryKey: ["costs", by, "overview", ...keyOf(view)],
    queryFn: async ({ signal }) => {
      const time = wholeDays(timesOf(view));
      const query = { group_by: by, limit: SHOWN, ...time, ...(view.project ? { project: view.project } : {}) };
      return { time, items: (await ask(api.GET("/api/v1/costs", { params: { query }, signal }))).items };
    },
    refetchInterval: refreshOf(view),
  });
  const nouns = by === "user" ? "users" : "tags";
  return (
    <Answered of={costs} what={nouns}>
      {({ time, items }) => (
        <section className="hg-section" aria-label={`by ${by}`}>
          <header>
            <h2>{by === "user" ? "Users" : "Tags"}</h2>
            <span className="hg-soft">
              the dearest, by whole days (UTC){view.environment ? ", of all environments" : ""}
            </span>
            <span className="hg-spring" />
            <To path="/spend" filter={{ by }}>
              All of them
            </To>
          </header>
          {items.length === 0 ? <Empty title="No call in this time" /> : <Values bars={barsOf(items)} by={by} time={time} />}
        </section>
      )}
    </Answered>
  );
}

function Values({ bars, by, time }: { bars: ValueBar[]; by: "user" | "tag"; time: { from: string; to: string } }) {
  return (
    <table className="hg-small-table" aria-label={by === "user" ? "users" : "tags"}>
      <thead>
        <tr>
          <th scope="col">{by === "user" ? "User" : "Tag"}</th>
          <th scope="col" className="hg-right">Calls</th>
          <th scope="col">Against the most</th>
          <th scope="col" className="hg-right">Cost</th>
          <th scope="col">Against the dearest</th>
        </tr>
      </thead>
      <tbody>
        {bars.map((each) => {
          const calls = (shown: React.ReactNode): React.ReactNode => (
            <To path="/requests" filter={{ [by]: filterOf(each.value), ...time, range: null, environment: null }}>
              {shown}
            </To>
          );
          return (
            <tr key={each.value}>
              <th scope="row">{each.value ? <Text>{each.value}</Text> : <span className="hg-soft">none</span>}</th>
              <td className="hg-right hg-number">{calls(count(each.calls))}</td>
              <td>
                <Bar of={each.callShare} label={`calls of ${each.value || "none"}`} />
              </td>
              <td className="hg-right">{calls(<Money usd={each.cost} />)}</td>
              <td>
                <Bar of={each.costShare} label={`cost of ${each.value || "none"}`} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Bar({ of, label }: { of: number; label: string }) {
  return (
    <span className="hg-share">
      <progress value={of} max={1} aria-label={label} />
    </span>
  );
}
