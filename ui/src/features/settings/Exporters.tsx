import type { Schemas } from "@/api";
import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant, State } from "@/core/Values";
import { SettingsPages, useStatus } from "./SettingsPages";

/** How far each collector has come that calls are sent to as spans and metrics. */
export default function Exporters() {
  const status = useStatus();
  return (
    <SettingsPages>
      <Answered of={status} what="exporters">
        {({ exporters }) => (exporters.length === 0 ? <NoExporters /> : <ExporterTable items={exporters} />)}
      </Answered>
    </SettingsPages>
  );
}

function NoExporters() {
  return (
    <Empty title="Calls are sent to no collector">
      <p className="hg-soft">In headgate.toml, for any collector that takes OTLP over HTTP:</p>
      <pre className="hg-paste">{'[[exporters]]\nname = "collector"\nendpoint = "http://127.0.0.1:4318"\nheaders = { authorization = "env:COLLECTOR_KEY" }'}</pre>
    </Empty>
  );
}

function ExporterTable({ items }: { items: Schemas["ExporterState"][] }) {
  return (
    <table className="hg-small-table" aria-label="exporters">
      <thead>
        <tr>
          <th scope="col">Exporter</th>
          <th scope="col">Signal</th>
          <th scope="col">State</th>
          <th scope="col">Last sent</th>
          <th scope="col" className="hg-right">Sent</th>
          <th scope="col" className="hg-right">Waiting</th>
          <th scope="col" className="hg-right" title="refused by the collector">Rejected</th>
          <th scope="col" className="hg-right" title="waited too long">Dropped</th>
          <th scope="col" className="hg-right" title="their label doesn't allow the collector's regions">Withheld</th>
        </tr>
      </thead>
      <tbody>
        {items.map((each) => (
          <tr key={`${each.name} ${each.signal}`}>
            <th scope="row">{each.name}</th>
            <td>{each.signal}</td>
            <td>
              {each.failures === 0 ? (
                <State tone={each.last_sent_at ? "good" : "quiet"}>{each.last_sent_at ? "well" : "nothing sent yet"}</State>
              ) : (
                <State tone="bad">
                  {each.failures} failures in a row: <Text>{each.last_error ?? ""}</Text>
                </State>
              )}
            </td>
            <td>{each.last_sent_at && <Instant at={each.last_sent_at} />}</td>
            <td className="hg-right hg-number">{count(each.sent)}</td>
            <td className="hg-right hg-number">{count(each.waiting)}</td>
            <td className="hg-right hg-number">{count(each.rejected)}</td>
            <td className="hg-right hg-number">{count(each.dropped)}</td>
            <td className="hg-right hg-number">{count(each.withheld)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
