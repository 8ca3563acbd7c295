import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Schemas, api, ask } from "@/api";
import { Confirm, Field } from "@/core/Dialogs";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Duration, Moment, Name, State, Status } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { refreshOf, useShared } from "@/shell/view";
import { STATES, toneOf } from "./picture";
import { RoutingPages } from "./RoutingPages";
import { tryTarget } from "./testCall";

type Provider = Schemas["ProviderView"];

/** How each provider does as this host's gateways see it, and a call to try it. */
export default function Providers() {
  const view = useShared();
  const mayTry = useMay("keys:write") && useMay("calls:make");
  const [tried, setTried] = useState<Provider | null>(null);
  const providers = useQuery({
    queryKey: ["providers"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/providers", { signal })),
    refetchInterval: refreshOf(view),
  });
  return (
    <RoutingPages>
      <Answered of={providers} what="providers">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No provider is set up" />
          ) : (
            <ProviderTable items={items} onTry={mayTry ? setTried : null} />
          )
        }
      </Answered>
      <p className="hg-soft">
        A breaker opens after five failures in a row and lets one call through to try again after a while. Latency is
        to the first token, a rise counting at once. All of it as the gateways of this host see it, a second old.
      </p>
      {tried && <TestCall provider={tried} onClose={() => setTried(null)} />}
    </RoutingPages>
  );
}

function ProviderTable({ items, onTry }: { items: Provider[]; onTry: ((provider: Provider) => void) | null }) {
  return (
    <table className="hg-small-table hg-providers" aria-label="providers">
      <thead>
        <tr>
          <th scope="col">Provider</th>
          <th scope="col">Kind</th>
          <th scope="col">State</th>
          <th scope="col">Failed last</th>
          <th scope="col">Key</th>
          <th scope="col">Regions</th>
          <th scope="col" className="hg-right">Latency</th>
          <th scope="col" className="hg-right">Calls with it</th>
          <th scope="col" className="hg-right">Slots a gateway</th>
          <th scope="col">Models</th>
          {onTry && (
            <th scope="col">
              <span className="hg-visually-hidden">What to do</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {items.map((each) => (
          <tr key={each.name}>
            <th scope="row">
              <To path="/requests" filter={{ target: each.name }}>
                <Name>{each.name}</Name>
              </To>
              {each.base_url && (
                <span className="hg-soft hg-ellipsis" title={each.base_url}>
                  {each.base_url}
                </span>
              )}
            </th>
            <td>{each.kind}</td>
            <td>
              <State tone={toneOf(each.state)}>{STATES[each.state] ?? each.state}</State>
              {each.state_since && (
                <div className="hg-soft">
                  since <Moment at={each.state_since} />
                </div>
              )}
            </td>
            <td className="hg-last-failure">
              {each.last_failure ? (
                <>
                  <To path="/requests" filter={{ target: each.last_failure.target, status: "error" }}>
                    <Moment at={each.last_failure.at} />
                  </To>
                  <div className="hg-soft">
                    <Text>{`${each.last_failure.target}: ${each.last_failure.message}`}</Text>
                  </div>
                </>
              ) : (
                <span className="hg-soft">none seen</span>
              )}
            </td>
            <td>
              <HasKey of={each} />
            </td>
            <td>{each.regions.length > 0 ? each.regions.join(", ") : <span className="hg-unknown">unknown</span>}</td>
            <td className="hg-right">
              <Duration ms={each.latency_ms} />
            </td>
            <td className="hg-right hg-number" data-fact>{each.calls_in_flight ?? 0}</td>
            <td className="hg-right hg-number" title={`${each.queued_max} more may wait`}>
              {each.calls_max}
            </td>
            <td>{each.models.length > 0 ? each.models.join(", ") : <span className="hg-soft">none by a name</span>}</td>
            {onTry && (
              <td className="hg-actions">
                <button type="button" className="hg-button" aria-label={`test call to ${each.name}`} onClick={() => onTry(each)}>
                  Test call
                </button>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function HasKey({ of }: { of: Provider }) {
  if (of.has_key === null) {
    return <span className="hg-soft">needs none</span>;
  }
  return of.has_key ? <State tone="good">there</State> : <State tone="bad">{of.reason ?? "missing"}</State>;
}

function TestCall({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const view = useShared();
  const client = useQueryClient();
  const [model, setModel] = useState(provider.models[0] ?? "");
  const attempt = useMutation({
    mutationFn: () => tryTarget(`${provider.name}/${model.trim()}`, view.project ?? null),
    onSettled: () => client.invalidateQueries({ queryKey: ["providers"] }),
  });
  const found = attempt.data;
  return (
    <Confirm
      title={`A test call to ${provider.name}`}
      isOpen
      onClose={onClose}
      label={found ? "Call again" : "Make the call"}
      isBusy={attempt.isPending}
      isReady={model.trim() !== ""}
      error={attempt.error}
      onConfirm={() => attempt.mutate()}
    >
      <p>
        A short chat call goes through a gateway as an application's would: budgets, regions and rate limits hold, it
        costs what it costs, and it is on record. A key is made for it and revoked after it.
      </p>
      <Field label="Model" hint={view.project ? `in the project ${view.project}` : "in the project default"}>
        <input
          className="hg-input"
          list="models-of-provider"
          value={model}
          onChange={(event) => setModel(event.currentTarget.value)}
          data-autofocus
        />
        <datalist id="models-of-provider">
          {provider.models.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      </Field>
      {found && !attempt.isPending && (
        <div className="hg-tried" role="status">
          <p>
            <Status status={found.status} /> after <Duration ms={Math.round(found.ms)} />
            {found.requestId && (
              <>
                {" · "}
                <To path={`/requests/${found.requestId}`}>the call on record</To>
              </>
            )}
          </p>
          <blockquote>
            <Text>{found.said || "it answered without a text"}</Text>
          </blockquote>
          {found.hint && <p className="hg-soft">hint: {found.hint}</p>}
        </div>
      )}
    </Confirm>
  );
}
