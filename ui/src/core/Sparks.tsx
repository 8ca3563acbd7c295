import { ChartTable } from "./ChartTable";
import * as format from "./format";
import { Spark } from "./Spark";

export interface Strand {
  id: string;
  name: string;
  values: number[];
  /** What it comes to, in words. */
  total: string;
}

interface SparksProps {
  /** What all lines together show: their table's name. */
  title: string;
  /** When each step begins, and the last one ends. */
  at: string[];
  end: string;
  strands: Strand[];
  /** What each line shows, in words. */
  label: string;
  /** What stands beneath, such as how many there are besides. */
  more?: string | null;
  /** How what a line comes to is drawn, such as a link to what it counts. */
  render?: (strand: Strand) => React.ReactNode;
}

/** How a number went under each of a few names: a line for each, beneath one another, on one scale; and as a table. */
export function Sparks({ title, at, end, strands, label, more = null, render = (strand) => strand.total }: SparksProps) {
  const most = Math.max(0, ...strands.flatMap((each) => each.values));
  const lines = strands.map((each) => ({ label: each.name, values: each.values }));
  return (
    <div className="hg-sparks-place">
      <ul className="hg-sparks" aria-label={label}>
        {strands.map((each) => (
          <li key={each.id}>
            <span className="hg-sparks-name" title={each.name} data-fact>
              {each.name}
            </span>
            <Spark values={each.values} most={most} label={`${each.name}, ${label}: ${each.values.join(", ")}; in all ${each.total}`} />
            <span className="hg-number">{render(each)}</span>
          </li>
        ))}
        {more && <li className="hg-soft" data-fact>{more}</li>}
      </ul>
      <ChartTable title={title} at={at} end={end} lines={lines} write={format.count} marks={[]} isSummed />
    </div>
  );
}
