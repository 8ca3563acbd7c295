import type { Schemas } from "@/api";
import { Facts } from "@/core/Facts";
import { count } from "@/core/format";
import { Answered } from "@/core/States";
import { Instant, State } from "@/core/Values";
import { To } from "@/shell/To";
import { SettingsPages, useStatus } from "./SettingsPages";

/** What runs, whether it can serve, and what it serves from. */
export default function About() {
  const status = useStatus();
  return (
    <SettingsPages>
      <Answered of={status} what="the status">
        {(found) => (
          <>
            <Ready of={found.ready} />
            <section className="hg-section" aria-label="about">
              <Facts
                facts={[
                  ["version", found.version],
                  [
                    "configuration",
                    <To key="snapshot" path="/settings">
                      <code>{found.snapshot ?? "none"}</code>
                    </To>,
                  ],
                  ["changes taken in", count(found.live_seq)],
                  ["keys", count(found.keys)],
                  ["budgets", count(found.budgets)],
                  ["rate limits", count(found.rate_limits)],
                ]}
              />
            </section>
            <Gateways items={found.gateways} />
            <Database of={found.database} />
          </>
        )}
      </Answered>
    </SettingsPages>
  );
}

function Ready({ of }: { of: Schemas["Readiness"] }) {
  return (
    <section className="hg-section" aria-label="readiness">
      <State tone={of.ready ? "good" : "bad"}>{of.ready ? "Calls are served." : "Calls can't be served."}</State>
      {[...of.wrong, ...of.warnings].length > 0 && (
        <ul>
          {of.wrong.map((each) => (
            <li key={each}>
              <State tone="bad">{each}</State>
            </li>
          ))}
          {of.warnings.map((each) => (
            <li key={each}>
              <State tone="warn">{each}</State>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Gateways({ items }: { items: Schemas["GatewayView"][] }) {
  return (
    <section className="hg-section" aria-label="gateways">
      <header>
        <h2>Gateways</h2>
      </header>
      <table className="hg-small-table" aria-label="gateways">
        <thead>
          <tr>
            <th scope="col">Gateway</th>
            <th scope="col">Host</th>
            <th scope="col">State</th>
            <th scope="col">Since</th>
            <th scope="col">Last heard of</th>
            <th scope="col">Serves from</th>
          </tr>
        </thead>
        <tbody>
          {items.map((each) => (
            <tr key={`${each.host} ${each.name} ${each.pid}`}>
              <th scope="row">
                {each.name} <span className="hg-soft">process {each.pid}</span>
              </th>
              <td>{each.host}</td>
              <td>
                <State tone={each.live ? (each.current ? "good" : "warn") : "bad"}>
                  {each.live ? (each.current ? "up to date" : "behind the newest change") : "not heard of"}
                </State>
              </td>
              <td>
                <Instant at={each.started_at} />
              </td>
              <td>
                <Instant at={each.seen_at} withDay={false} />
              </td>
              <td>
                <code>{each.snapshot.slice(0, 12)}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Database({ of }: { of: Schemas["DatabaseView"] }) {
  return (
    <section className="hg-section" aria-label="database">
      <header>
        <h2>Database</h2>
      </header>
      <Facts
        facts={[
          [
            "durability",
            <State key="syncs" tone={of.syncs ? "good" : "warn"}>
              {of.syncs ? "survives a loss of power" : "fsync is off: a loss of power may take what was written"}
            </State>,
          ],
          ["commits", of.commits],
          ["standbys", `${of.standbys}${of.synchronous ? ", commits wait for one" : ""}`],
          ["failover", of.waiting.length > 0 ? <State key="waiting" tone="warn">waiting for {of.waiting.join(", ")}</State> : null],
        ]}
      />
    </section>
  );
}
