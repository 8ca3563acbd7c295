import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { count, usdOf } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Moment, Money } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { refreshOf, useShared } from "@/shell/view";
import { studyOf } from "./studyWords";

/** What was replayed of many calls, to find which pieces of their contexts helped. */
export function Studies() {
  const view = useShared();
  const maySee = useMay("checks:read");
  const studies = useQuery({
    queryKey: ["context studies"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/grounding/studies", { params: { query: { limit: 20 } }, signal })),
    enabled: maySee,
    refetchInterval: refreshOf(view),
  });
  return maySee ? (
    <section className="hg-section" aria-label="pieces of contexts">
      <header>
        <h2>Which pieces of contexts helped</h2>
        <span className="hg-soft">calls made again without documents and results of tools, one by one</span>
      </header>
      <Answered of={studies} what="studies of contexts">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="Nothing was replayed of many calls yet">
              <p>
                <code>headgate grounding replay --since 1d --judge MODEL --budget 1</code>
              </p>
              <p className="hg-soft">It says beforehand what it takes. With --dataset it replays the cases of one.</p>
            </Empty>
          ) : (
            <table className="hg-small-table hg-grounding" aria-label="studies of contexts">
              <thead>
                <tr>
                  <th scope="col">Of</th>
                  <th scope="col">Judge</th>
                  <th scope="col">Began</th>
                  <th scope="col">Ended</th>
                  <th scope="col" className="hg-right">Calls</th>
                  <th scope="col" className="hg-right">Cost</th>
                </tr>
              </thead>
              <tbody>
                {items.map((each) => (
                  <tr key={each.id}>
                    <th scope="row">
                      <To path={`/drift/contexts/${each.id}`}>
                        <Text>{studyOf(each).of}</Text>
                      </To>
                    </th>
                    <td>{studyOf(each).judge ? <Text>{studyOf(each).judge}</Text> : <span className="hg-soft">none</span>}</td>
                    <td>
                      <Moment at={each.began_at} />
                    </td>
                    <td>{each.ended ? <Text>{each.ended}</Text> : <span className="hg-soft">all were replayed, or it goes on</span>}</td>
                    <td className="hg-right hg-number">
                      <To path={`/drift/contexts/${each.id}`}>{count(each.calls)}</To>
                    </td>
                    <td className="hg-right">
                      <To path="/requests" filter={{ tag: `study:${each.id}`, range: "30d", from: null, to: null }}>
                        <Money usd={usdOf(each.cost_pico_usd)} />
                      </To>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Answered>
    </section>
  ) : null;
}
