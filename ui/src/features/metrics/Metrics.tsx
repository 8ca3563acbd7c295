import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Moment, Name } from "@/core/Values";
import { To } from "@/shell/To";
import { useShared } from "@/shell/view";
import { TracePages } from "../traces/TracePages";
import { type Metric, useMetrics } from "./useMetrics";

/** What applications measured of themselves and sent here: each name, whose it is, and when it came last. */
export default function Metrics() {
  const found = useMetrics(useShared());
  return (
    <TracePages>
      <Answered of={found} what="metrics">
        {({ items }) => (items.length === 0 ? <NoMetrics /> : <List items={items} />)}
      </Answered>
    </TracePages>
  );
}

function List({ items }: { items: Metric[] }) {
  return (
    <>
      <p className="hg-soft">
        Applications say these of themselves, by the hour. They add nothing to usage or costs, which are counted from calls.
      </p>
      <table className="hg-small-table" aria-label="metrics">
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col">Unit</th>
            <th scope="col">Kind</th>
            <th scope="col">Services</th>
            <th scope="col">Told apart by</th>
            <th scope="col">Last seen</th>
          </tr>
        </thead>
        <tbody>
          {items.map((each) => (
            <tr key={`${each.name} ${each.unit} ${each.kind}`}>
              <th scope="row">
                <To path={`/traces/metrics/${encodeURIComponent(each.name)}`}>
                  <Text>{each.name}</Text>
                </To>
              </th>
              <td>
                <Text>{each.unit}</Text>
              </td>
              <td>{each.kind}</td>
              <td>{each.services.length > 0 ? <Name>{each.services.join(", ")}</Name> : <span className="hg-unknown">not said</span>}</td>
              <td className="hg-soft">
                <Text>{each.attributes.filter((name) => name !== "service.name").join(", ")}</Text>
              </td>
              <td>{each.last_seen ? <Moment at={each.last_seen} /> : <span className="hg-unknown">no longer kept</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

export function NoMetrics() {
  const lines = [
    `OTEL_EXPORTER_OTLP_ENDPOINT=${window.location.origin}`,
    "OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20YOUR_KEY",
    "OTEL_METRICS_EXPORTER=otlp",
  ];
  return (
    <Empty title="No application has sent metrics">
      <p className="hg-soft">
        Point the exporter of metrics of an instrumented application here. Kept are metrics of GenAI, such as{" "}
        <code>gen_ai.client.token.usage</code> and <code>gen_ai.client.operation.duration</code>.
      </p>
      <pre className="hg-paste">{lines.join("\n")}</pre>
    </Empty>
  );
}
