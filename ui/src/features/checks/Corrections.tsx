import { count, percent } from "@/core/format";
import { Reach } from "@/core/Reach";
import { Text } from "@/core/Text";
import { State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { pathOf } from "../reviews/judgeWords";
import { type Correction, spanOf } from "./checkWords";

interface CorrectionsProps {
  of: Correction[];
  project: string;
}

/** What judges said, and what is left of it without their errors; or why that can't be told. */
export function Corrections({ of, project }: CorrectionsProps) {
  return (
    <section className="hg-section" aria-label="without judges' errors">
      <header>
        <h2>Without the judges&rsquo; errors</h2>
        <span className="hg-soft">a judge errs, and its errors look like results: what people marked tells how often</span>
      </header>
      <table className="hg-small-table hg-findings" aria-label="scores without judges' errors">
        <thead>
          <tr>
            <th scope="col">Scorer</th>
            <th scope="col">Interval</th>
            <th scope="col" className="hg-right">Corrected</th>
            <th scope="col" className="hg-right">By its judge</th>
            <th scope="col" className="hg-right">Marked by people</th>
            <th scope="col">In words</th>
          </tr>
        </thead>
        <tbody>
          {of.map((each) => (
            <tr key={each.scorer}>
              <th scope="row">{each.scorer}</th>
              <td>
                {each.estimate !== null && each.low !== null && (
                  <Reach
                    low={each.low}
                    value={each.estimate}
                    high={each.high}
                    least={0}
                    most={1}
                    label={`${each.scorer}: ${percent(each.estimate)}, ${spanOf(each.low, each.high)}`}
                  />
                )}
                <span className="hg-soft hg-number">{spanOf(each.low, each.high) || "no interval"}</span>
              </td>
              <td className="hg-right hg-number">
                {each.estimate === null ? <State tone="quiet">not known</State> : percent(each.estimate)}
              </td>
              <td className="hg-right hg-number">{each.by_judge === null ? "–" : percent(each.by_judge)}</td>
              <td className="hg-right hg-number">
                <Marked of={each} project={project} />
              </td>
              <td>
                <Text>{each.sentence}</Text>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** How many marks of people it rests on; leads to the judge, where there are some and where more are made. */
function Marked({ of, project }: { of: Correction; project: string }) {
  const maySee = useMay("judges:read");
  return of.judge && maySee ? (
    <To path={pathOf(of.judge)} filter={{ of: project, tab: of.marks > 0 ? "marked" : "waiting" }}>
      {count(of.marks)}
    </To>
  ) : (
    <>{count(of.marks)}</>
  );
}
