import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "@/api";
import { percent } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Instant, Name, State } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared } from "@/shell/view";
import { useMay } from "@/shell/session";
import { RoutingPages } from "./RoutingPages";
import { NEW } from "./ruleDraft";
import { RuleForm } from "./RuleForm";
import { actionsOf, matchOf, type Rule } from "./ruleWords";

/** What is changed in calls before they are sent: which calls, what in them, and until when. */
export default function Rules() {
  const view = useShared();
  const mayWrite = useMay("rules:write");
  const [isWriting, setWriting] = useState(false);
  const rules = useQuery({
    queryKey: ["rules"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/rules", { params: { query: { limit: 500 } }, signal })),
  });
  return (
    <RoutingPages>
      {mayWrite && (
        <p>
          <button type="button" className="hg-button hg-main" onClick={() => setWriting(true)}>
            New rule
          </button>
        </p>
      )}
      {isWriting && <RuleForm draft={{ ...NEW, project: view.project ?? "" }} isNew onClose={() => setWriting(false)} />}
      <Answered of={rules} what="rules">
        {({ items }) => {
          const shown = items.filter((each) => !view.project || !each.match.project || each.match.project === view.project);
          return shown.length === 0 ? (
            <Empty title="No rule changes any call">
              <p className="hg-soft">A rule caps a parameter, pins a model or mends a sentence of a prompt, without a deployment:</p>
              <pre className="hg-paste">headgate rules set colder --model assistant --set temperature=0.1</pre>
            </Empty>
          ) : (
            <RuleTable items={shown} />
          );
        }}
      </Answered>
      <p className="hg-soft">
        Rules apply in the order of their names. Those of a release stand on its page; they hold where it is in force.
      </p>
    </RoutingPages>
  );
}

function RuleTable({ items }: { items: Rule[] }) {
  return (
    <table className="hg-small-table" aria-label="rules">
      <thead>
        <tr>
          <th scope="col">Rule</th>
          <th scope="col">Which calls</th>
          <th scope="col">What it changes</th>
          <th scope="col" className="hg-right">Share</th>
          <th scope="col">Ends</th>
          <th scope="col" className="hg-right">Version</th>
        </tr>
      </thead>
      <tbody>
        {items.map((rule) => (
          <tr key={rule.name}>
            <th scope="row">
              <To path={`/routing/rules/${encodeURIComponent(rule.name)}`}>
                <Name>{rule.name}</Name>
              </To>
              {rule.note && <span className="hg-soft">{rule.note}</span>}
            </th>
            <td>{matchOf(rule).join(", ") || "all"}</td>
            <td>
              {actionsOf(rule).map((each) => (
                <div key={each}>{each}</div>
              ))}
            </td>
            <td className="hg-right hg-number">{percent(rule.share)}</td>
            <td>
              <Ends at={rule.expires_at} />
            </td>
            <td className="hg-right hg-number">{rule.version}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Ends({ at }: { at: string | null }) {
  if (at === null) {
    return <span className="hg-soft">never</span>;
  }
  return Date.parse(at) <= Date.now() ? <State tone="quiet">has ended</State> : <Instant at={at} />;
}
