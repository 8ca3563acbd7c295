import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { count, percent } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Moment, Money, Name, State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { refreshOf, useShared } from "@/shell/view";

/** The rules that hold live answers against what the model read, and what each came to. */
export function Grounding() {
  const view = useShared();
  const maySee = useMay("snapshots:read");
  const rules = useQuery({
    queryKey: ["grounding rules"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/grounding/rules", { signal })),
    enabled: maySee,
    refetchInterval: refreshOf(view),
  });
  return maySee ? (
    <section className="hg-section" aria-label="groundedness">
      <header>
        <h2>Groundedness</h2>
        <span className="hg-soft">live answers held against what the model read, claim by claim</span>
      </header>
      <Answered of={rules} what="rules of groundedness">
        {({ items }) =>
          items.length === 0 ? (
            <NoRules />
          ) : (
            <table className="hg-small-table hg-grounding" aria-label="rules of groundedness">
              <thead>
                <tr>
                  <th scope="col">Rule</th>
                  <th scope="col">Of calls</th>
                  <th scope="col">Judge</th>
                  <th scope="col">Since</th>
                  <th scope="col" className="hg-right">Held</th>
                  <th scope="col" className="hg-right">Told</th>
                  <th scope="col" className="hg-right">Supported</th>
                  <th scope="col" className="hg-right">With unsupported claims</th>
                  <th scope="col" className="hg-right">Waiting</th>
                  <th scope="col" className="hg-right">Passed over</th>
                  <th scope="col" className="hg-right">Cost today</th>
                </tr>
              </thead>
              <tbody>
                {items.map((each) => (
                  <tr key={each.name}>
                    <th scope="row">
                      <Name>{each.name}</Name>
                    </th>
                    <td className="hg-number">{percent(each.share)}</td>
                    <td>{each.judge ? <Text>{each.judge}</Text> : <span className="hg-soft">words alone</span>}</td>
                    <td>
                      <Moment at={each.since} />
                    </td>
                    <td className="hg-right hg-number">{count(each.held)}</td>
                    <td className="hg-right hg-number">{count(each.scored)}</td>
                    <td className="hg-right hg-number">
                      <Supported mean={each.mean} least={each.alert_below} />
                    </td>
                    <td className="hg-right hg-number">{count(each.with_unsupported)}</td>
                    <td className="hg-right hg-number">{count(each.waiting)}</td>
                    <td className="hg-right hg-number">{count(each.passed_over)}</td>
                    <td className="hg-right">
                      <To path="/requests" filter={{ tag: "grounding", range: "24h", from: null, to: null }}>
                        <Money usd={each.cost_usd_today} />
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

/** The mean share of claims that are supported, and what raises an alert. */
function Supported({ mean, least }: { mean: number | null; least: number | null }) {
  return (
    <>
      {mean === null ? <State tone="quiet">not known</State> : percent(mean)}
      {least !== null && <div className="hg-soft">alert below {percent(least)}</div>}
    </>
  );
}

function NoRules() {
  return (
    <Empty title="No live answer is held against what the model read">
      <p className="hg-soft">A rule in headgate.toml takes a share of calls, and a judge says of each claim whether it is supported:</p>
      <pre className="hg-paste">{`[[grounding]]
name = "assistant"
share = 0.05
judge = "openai/gpt-5-mini"
budget = "2 USD"
alert_below = 0.9`}</pre>
      <p className="hg-soft">
        Without a judge by words alone; <code>headgate grounding show REQUEST</code> looks at one call.
      </p>
    </Empty>
  );
}
