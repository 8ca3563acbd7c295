import { Facts } from "@/core/Facts";
import { count } from "@/core/format";
import { Text } from "@/core/Text";
import { State } from "@/core/Values";
import { To } from "@/shell/To";
import { InTrace, TraceCost } from "./columns";
import { flagInWords } from "./flags";
import { Scores } from "./Scores";
import { countedAs } from "./lines";
import { bucketsOf, tokensIn, tokensOut } from "./tokens";
import type { TraceDetail } from "./useTrace";

/** What is known of the trace as a whole, beside its steps while none is chosen. */
export function TraceSummary({ detail }: { detail: TraceDetail }) {
  const fact = (title: string, name: string, value: string | null): [string, React.ReactNode] => [
    title,
    value ? <Filtered name={name} value={value} /> : null,
  ];
  return (
    <div className="hg-side-body">
      <Flags flags={detail.flags} />
      <section aria-label="of the trace">
        <h2>Of the trace</h2>
        <Facts
          facts={[
            ["id", <code>{detail.trace_id}</code>],
            fact("project", "project", detail.project),
            fact("service", "service", detail.service),
            fact("release", "release", detail.release),
            ["environment", detail.environment],
            fact("user", "user", detail.user),
            fact("session", "session", detail.session),
            ["tags", detail.tags.length > 0 ? detail.tags.map((tag) => <div key={tag}><Filtered name="tag" value={tag} /></div>) : null],
            ["agents", detail.agents.join(", ")],
            ["tools", detail.tools.join(", ")],
            ["spans", count(detail.span_count)],
            ["tokens", bucketsOf(detail.usage).map(([name, tokens]) => `${count(tokens)} ${name}`).join(", ")],
          ]}
        />
      </section>
      <Costs title="By model" by="model" detail={detail} of={detail.cost_by_model} />
      <Costs title="By step" by="step" detail={detail} of={detail.cost_by_step} />
      <Scores detail={detail} />
    </div>
  );
}

export function Filtered({ name, value }: { name: string; value: string }) {
  return (
    <To path="/traces" filter={{ [name]: value }}>
      <Text>{value}</Text>
    </To>
  );
}

export function Flags({ flags }: { flags: readonly string[] }) {
  if (flags.length === 0) {
    return null;
  }
  return (
    <ul className="hg-flags" aria-label="flags">
      {flags.map((flag) => (
        <li key={flag}>
          <State tone="warn">
            <code>{flag}</code>
          </State>
          <p>{flagInWords(flag)}</p>
        </li>
      ))}
    </ul>
  );
}

interface CostsProps {
  title: string;
  by: "model" | "step";
  detail: TraceDetail;
  of: TraceDetail["cost_by_model"];
}

function Costs({ title, by, detail, of }: CostsProps) {
  if (of.length === 0) {
    return null;
  }
  return (
    <section aria-label={title.toLowerCase()}>
      <table className="hg-small-table">
        <thead>
          <tr>
            <th scope="col">{title}</th>
            <th scope="col" className="hg-right">
              Calls
            </th>
            <th scope="col" className="hg-right">
              In
            </th>
            <th scope="col" className="hg-right">
              Out
            </th>
            <th scope="col" className="hg-right">
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {of.slice(0, 20).map((share) => {
            const calls = (shown: React.ReactNode) => (
              <InTrace of={detail} counted={countedAs(by, share.name)}>
                {shown}
              </InTrace>
            );
            return (
              <tr key={share.name}>
                <th scope="row">
                  <Text>{share.name}</Text>
                </th>
                <td className="hg-right hg-number">{calls(count(share.calls))}</td>
                <td className="hg-right hg-number">{calls(count(tokensIn(share.usage)))}</td>
                <td className="hg-right hg-number">{calls(count(tokensOut(share.usage)))}</td>
                <td className="hg-right">{calls(<TraceCost of={share} />)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {of.length > 20 && <p className="hg-soft">and {count(of.length - 20)} more</p>}
    </section>
  );
}
