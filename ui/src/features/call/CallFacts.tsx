import { useQuery } from "@tanstack/react-query";
import { api, ask } from "@/api";
import { Facts } from "@/core/Facts";
import { count, day, money } from "@/core/format";
import { Text } from "@/core/Text";
import { Count, Duration, Instant, Money, State, type Tone } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { attemptsOf, bucketsOf, changesOf, type Detail, overridesOf, promptsOf, type Weight } from "./detail";

/** The price that is in force for a target now. */
function usePrice(target: string | null) {
  const models = useQuery({
    queryKey: ["models"],
    queryFn: () => ask(api.GET("/api/v1/models")),
    enabled: useMay("models:read") && target !== null,
    staleTime: 60_000,
  });
  const all = models.data?.items.flatMap((model) => model.details) ?? [];
  return all.find((each) => each.target === target)?.price ?? null;
}

export function CostFacts({ detail }: { detail: Detail }) {
  const price = usePrice(detail.target);
  const buckets = bucketsOf(detail.usage, price?.per_million_usd ?? null);
  const total = buckets.reduce((sum, each) => sum + (each.usd ?? 0), 0);
  const attempts = attemptsOf(detail);
  const reserved = attempts.reduce((sum, each) => sum + Number(each.reservedUsd), 0);
  const cost = Number(detail.cost_usd ?? 0);
  const differs = price !== null && detail.cost_usd !== null && Math.abs(total - cost) > Math.max(1e-9, cost * 0.001);
  return (
    <section aria-label="cost">
      <h2>
        Cost <Money usd={detail.cost_usd} estimated={detail.estimated} />
      </h2>
      {buckets.length > 0 && (
        <table className="hg-small-table">
          <thead>
            <tr>
              <th scope="col">Tokens</th>
              <th scope="col" className="hg-right">
                Number
              </th>
              <th scope="col" className="hg-right">
                $ per million
              </th>
              <th scope="col" className="hg-right">
                Cost
              </th>
            </tr>
          </thead>
          <tbody>
            {buckets.map((bucket) => (
              <tr key={bucket.name}>
                <th scope="row">{bucket.name}</th>
                <td className="hg-right hg-number">{count(bucket.tokens)}</td>
                <td className="hg-right hg-number">{bucket.perMillion ?? "–"}</td>
                <td className="hg-right hg-number">{bucket.usd === null ? "–" : money(bucket.usd)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {price && (
        <p className="hg-soft">
          Prices of {price.source}, {price.date ? day(price.date) : "undated"}
          {differs ? ", as they are now: the call was charged by others, or by more parts than these" : ""}.
        </p>
      )}
      <Facts
        facts={[
          ["reserved", reserved > 0 ? money(reserved) : null],
          ["attempts", attempts.length > 0 ? <Count value={attempts.length} /> : null],
          ["duration", <Duration ms={detail.duration_ms} />],
          ["first token", detail.first_token_ms === null ? null : <Duration ms={detail.first_token_ms} />],
        ]}
      />
    </section>
  );
}

function Filtered({ name, value }: { name: string; value: string | null }) {
  if (!value) {
    return null;
  }
  return (
    <To path="/requests" filter={{ [name]: value }}>
      <Text>{value}</Text>
    </To>
  );
}

export function WhoFacts({ detail }: { detail: Detail }) {
  const prompts = promptsOf(detail);
  const fact = (title: string, name: string, value: string | null): [string, React.ReactNode] => [
    title,
    value ? <Filtered name={name} value={value} /> : null,
  ];
  return (
    <section aria-label="of the call">
      <h2>Of the call</h2>
      <Facts
        facts={[
          ["id", <code>{detail.id}</code>],
          ["started", <Instant at={detail.started_at} />],
          fact("project", "project", detail.project),
          fact("key", "key", detail.key),
          fact("user", "user", detail.user),
          fact("session", "session", detail.session),
          fact("model", "model", detail.model),
          fact("target", "target", detail.target),
          ["answered as", detail.served_model ? <Text>{detail.served_model}</Text> : null],
          ["ended by", detail.finish],
          [
            "prompts",
            prompts.length > 0
              ? prompts.map((each) => (
                  <div key={each.name + each.version}>
                    <To path={`/prompts/${encodeURIComponent(each.name)}`} filter={{ of: detail.project, source: each.source || null, version: each.version || null }}>
                      <Text>{each.name}</Text>
                    </To>{" "}
                    <span className="hg-soft">{each.version}</span>
                  </div>
                ))
              : null,
          ],
          ["tags", detail.tags.length > 0 ? detail.tags.map((tag) => <div key={tag}><Filtered name="tag" value={tag} /></div>) : null],
          fact("release", "release", detail.release),
          ["environment", detail.environment],
          [
            "trace",
            detail.trace_id ? (
              <To path={`/traces/${detail.trace_id}`} filter={{ of: detail.project }}>
                <Text>{detail.trace_id}</Text>
              </To>
            ) : null,
          ],
          ["snapshot", <code>{detail.snapshot}</code>],
          ["regions", detail.label_regions?.join(", ")],
          ["readers", detail.label_readers?.join(", ")],
          ["purposes", detail.label_purposes?.join(", ")],
          ["recorded", detail.record],
          ["provider's id", detail.provider_request_id ? <Text>{detail.provider_request_id}</Text> : null],
        ]}
      />
    </section>
  );
}

const WEIGHTS: Record<Weight, [Tone, string]> = {
  meaning: ["bad", "may change the answer"],
  loss: ["warn", "something is gone that no answer depends on"],
  note: ["quiet", "said otherwise, means the same"],
  "": ["quiet", ""],
};

/** What was altered on the way to the provider and back: what, why and how bad. */
export function Changes({ detail }: { detail: Detail }) {
  const changes = changesOf(detail);
  if (changes.length === 0) {
    return null;
  }
  return (
    <section className="hg-changes" aria-label="changes">
      <h2>
        {changes.length} {changes.length === 1 ? "change" : "changes"} on the way
      </h2>
      <table className="hg-small-table">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Why</th>
            <th scope="col">How bad</th>
          </tr>
        </thead>
        <tbody>
          {changes.map((change, place) => (
            <tr key={place}>
              <th scope="row">
                <Text>{change.what}</Text>
              </th>
              <td>
                <Text>{change.why}</Text>
              </td>
              <td>
                {change.weight && (
                  <>
                    <State tone={WEIGHTS[change.weight][0]}>{change.weight}</State>{" "}
                    <span className="hg-soft">{WEIGHTS[change.weight][1]}</span>
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function Overrides({ detail }: { detail: Detail }) {
  const overrides = overridesOf(detail);
  if (overrides.length === 0) {
    return null;
  }
  const shown = (value: unknown): string => (value === undefined || value === null ? "nothing" : JSON.stringify(value).slice(0, 300));
  return (
    <section className="hg-changes" aria-label="overrides">
      <h2>Set by rules and prompts</h2>
      <table className="hg-small-table">
        <thead>
          <tr>
            <th scope="col">By</th>
            <th scope="col">Field</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {overrides.map((each, place) => (
            <tr key={place}>
              <th scope="row">
                <Text>{each.source}</Text>
              </th>
              <td>
                <Text>{each.field}</Text>
              </td>
              <td>
                <Text>{shown(each.before)}</Text>
              </td>
              <td>
                <Text>{shown(each.after)}</Text>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
