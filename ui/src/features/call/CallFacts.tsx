import { Facts } from "@/core/Facts";
import { count, money } from "@/core/format";
import { Text } from "@/core/Text";
import { Count, Duration, Instant, Money, State, type Tone } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { attemptsOf, changesOf, type Detail, overridesOf, promptsOf, type Weight } from "./detail";

/** What the call cost, by its parts, each at the price that it was settled at. */
export function CostFacts({ detail }: { detail: Detail }) {
  const attempts = attemptsOf(detail);
  const reserved = attempts.reduce((sum, each) => sum + Number(each.reservedUsd), 0);
  const { items, prices, unknown } = detail.cost;
  const areSeveral = new Set(items.map((item) => item.attempt)).size > 1;
  return (
    <section aria-label="cost">
      <h2>
        Cost <Money usd={detail.cost_usd} estimated={detail.estimated} />
      </h2>
      {items.length > 0 && (
        <table className="hg-small-table">
          <thead>
            <tr>
              <th scope="col">Of what</th>
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
            {items.map((item, place) => (
              <CostRow key={place} item={item} isFirst={areSeveral && items[place - 1]?.attempt !== item.attempt} />
            ))}
          </tbody>
        </table>
      )}
      {prices.map((price) => (
        <p className="hg-soft" key={price.attempt}>
          {areSeveral && `Attempt ${price.attempt}: `}
          {price.date === null ? "Own prices of " : "Prices of "}
          <Text>{price.source}</Text>
          {price.date === null ? " as it was in snapshot " : ` as of ${price.date}`}
          {price.date === null && <Snapshot id={detail.snapshot} />}
          {price.service_tier !== null && `, service tier ${price.service_tier}`}.
        </p>
      ))}
      {unknown !== null && detail.cost_usd !== null && (
        <p className="hg-soft">
          What it is made of can't be told: <Text>{unknown}</Text>.
        </p>
      )}
      {unknown !== null && detail.cost_usd === null && (
        <p className="hg-soft">
          <Text>{unknown}</Text>.
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

const PER: Record<number, string> = { 1: " each", 1000: " per 1,000" };
const NAMES: Record<string, string> = { cache_write_1h: "cache write, 1 hour", estimate: "estimated: the most it can have cost" };

function CostRow({ item, isFirst }: { item: Detail["cost"]["items"][number]; isFirst: boolean }) {
  const price = item.price_usd === null || item.per === null ? "–" : `${item.price_usd}${PER[item.per] ?? ""}`;
  return (
    <>
      {isFirst && item.attempt !== null && (
        <tr>
          <th scope="rowgroup" colSpan={4} className="hg-soft">
            attempt {item.attempt}
          </th>
        </tr>
      )}
      <tr>
        <th scope="row">
          <Text>{NAMES[item.bucket] ?? item.bucket.replaceAll("_", " ")}</Text>
        </th>
        <td className="hg-right hg-number">{item.units === null ? "–" : count(item.units)}</td>
        <td className="hg-right hg-number">{price}</td>
        <td className="hg-right hg-number" title={`$${item.amount_usd}`}>
          {money(item.amount_usd)}
        </td>
      </tr>
    </>
  );
}

/** A configuration as it was in force, for those who may look at it. */
function Snapshot({ id }: { id: string }) {
  const maySee = useMay("snapshots:read");
  if (!maySee) {
    return <code>{id}</code>;
  }
  return (
    <To path="/settings" filter={{ snapshot: id }}>
      <code>{id}</code>
    </To>
  );
}

const RELEASE_ID = /^rel_[0-9a-f]{20}$/;

/** A release that is stored, and its calls; what a call said of itself may be none that is. */
function Release({ detail }: { detail: Detail }) {
  const { release } = detail;
  const maySee = useMay("releases:read");
  if (release === null) {
    return null;
  }
  if (!maySee || !RELEASE_ID.test(release)) {
    return <Filtered name="release" value={release} />;
  }
  return (
    <>
      <To path={`/releases/${release}`} filter={{ of: detail.project }}>
        <Text>{release}</Text>
      </To>{" "}
      <To path="/requests" className="hg-soft" filter={{ release }}>
        its calls
      </To>
    </>
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
          ["release", detail.release === null ? null : <Release detail={detail} />],
          fact("environment", "environment", detail.environment),
          [
            "trace",
            detail.trace_id ? (
              <To path={`/traces/${detail.trace_id}`} filter={{ of: detail.project }}>
                <Text>{detail.trace_id}</Text>
              </To>
            ) : null,
          ],
          ["snapshot", detail.snapshot ? <Snapshot id={detail.snapshot} /> : null],
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
