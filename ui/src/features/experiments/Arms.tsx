import { Instant, Share } from "@/core/Values";
import { count, percent } from "@/core/format";
import { State } from "@/core/Values";
import { Text } from "@/core/Text";
import { To } from "@/shell/To";
import { callsOf, type Report, splitWords } from "./experimentWords";

/** Who is in which arm, whether that is the split that was meant, and who answered. */
export function Arms({ report, until }: { report: Report; until: string | null }) {
  const units = report.arms.reduce((sum, arm) => sum + arm.units, 0);
  const shares = report.arms.reduce((sum, arm) => sum + arm.share, 0);
  const surveys = report.metrics.filter((metric) => Object.keys(metric.answered).length > 0);
  return (
    <section className="hg-section" aria-label="arms">
      <header>
        <h2>Arms</h2>
        <State tone={report.is_sound ? (units > 0 ? "good" : "quiet") : "bad"}>The split is {splitWords(report)}</State>
      </header>
      <table className="hg-small-table hg-measures" aria-label="arms">
        <thead>
          <tr>
            <th scope="col">Arm</th>
            <th scope="col">Targets</th>
            <th scope="col" className="hg-right">Units</th>
            <th scope="col">Share</th>
            <th scope="col" className="hg-right">{report.shares.length > 0 ? "Meant now" : "Meant"}</th>
            <th scope="col" className="hg-right">Watched to the end</th>
            <th scope="col" className="hg-right">Calls</th>
            <th scope="col" className="hg-right">Served by another arm</th>
            {surveys.map((metric) => (
              <th key={metric.name} scope="col" className="hg-right">
                Answered <Text>{metric.name}</Text>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {report.arms.map((arm, place) => {
            const filter = callsOf(report, until, { arm: arm.name });
            return (
              <tr key={arm.name}>
                <th scope="row">
                  <To path="/requests" filter={filter}>
                    {arm.name}
                  </To>{" "}
                  {place === 0 && <span className="hg-soft">baseline</span>}
                </th>
                <td>{arm.targets.length > 0 ? arm.targets.join(", ") : <span className="hg-soft">as {report.alias}</span>}</td>
                <td className="hg-right hg-number">
                  <To path="/requests" filter={filter}>
                    {count(arm.units)}
                  </To>
                </td>
                <td>{units > 0 && <Share of={arm.units / units} label={`share of ${arm.name}`} />}</td>
                <td className="hg-right hg-number">{percent(arm.share / shares)}</td>
                <td className="hg-right hg-number">{count(arm.complete)}</td>
                <td className="hg-right hg-number">
                  <To path="/requests" filter={filter}>
                    {count(arm.calls)}
                  </To>
                </td>
                <td className="hg-right hg-number">
                  <To path="/requests" filter={callsOf(report, until, { crossed: arm.name })}>
                    {count(arm.crossed)}
                  </To>
                </td>
                {surveys.map((metric) => (
                  <td key={metric.name} className="hg-right hg-number">
                    {percent(metric.answered[arm.name] ?? 0)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
      {report.shares.length > 0 && <Moved report={report} />}
      {report.strays > 0 && (
        <p className="hg-soft">
          <To path="/requests" filter={callsOf(report, until, { arm: "-" })}>
            {count(report.strays)} calls
          </To>{" "}
          said no {report.unit} and were in no arm.
        </p>
      )}
    </section>
  );
}

/** How shares followed what was known: those of each time, or of each part of units. */
function Moved({ report }: { report: Report }) {
  return (
    <table className="hg-small-table hg-measures" aria-label="shares as they moved">
      <caption className="hg-soft">
        {report.parts > 1
          ? `${count(report.shares.length)} of ${count(report.parts)} parts of all ${report.unit}s take part, each with the shares that it was opened with`
          : "Shares of new calls, which follow what is known"}
      </caption>
      <thead>
        <tr>
          {report.parts > 1 && <th scope="col">Part</th>}
          <th scope="col">Since</th>
          {report.arms.map((arm) => (
            <th key={arm.name} scope="col" className="hg-right">
              <Text>{arm.name}</Text>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {report.shares.map((shares, place) => (
          <tr key={report.shares_at[place] ?? place}>
            {report.parts > 1 && <th scope="row">{count(place + 1)}</th>}
            <td>{report.shares_at[place] && <Instant at={report.shares_at[place]} />}</td>
            {report.arms.map((arm) => (
              <td key={arm.name} className="hg-right hg-number">
                {percent(shares[arm.name] ?? 0)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
