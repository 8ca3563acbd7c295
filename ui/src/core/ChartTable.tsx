import { IconTable } from "@tabler/icons-react";
import { useState } from "react";
import type { Mark } from "./Chart";
import { Dialog } from "./Dialogs";
import * as format from "./format";

export interface Drawn {
  label: string;
  values: (number | null)[];
}

interface ChartTableProps {
  title: string;
  /** Instants, as the API gives them. */
  at: string[];
  /** The end of the last step. */
  end?: string | undefined;
  lines: Drawn[];
  write: (value: number) => string;
  marks: Mark[];
  /** Whether what is drawn adds up: calls do, latencies don't. */
  isSummed?: boolean;
  /** Where the chart's steps choose a time, so do the table's. */
  onSelect?: ((from: string, to: string) => void) | undefined;
}

/** A button beneath a chart that shows its numbers as a table: for all who can't see it, or want the numbers. */
export function ChartTable(props: ChartTableProps) {
  const [isOpen, setOpen] = useState(false);
  const title = `${props.title}, as a table`;
  return (
    <>
      <button type="button" className="hg-icon-button hg-as-table" aria-label={title} title="As a table" onClick={() => setOpen(true)}>
        <IconTable size={14} stroke={1.6} aria-hidden="true" />
      </button>
      <Dialog title={title} isOpen={isOpen} onClose={() => setOpen(false)} size="xl">
        <Numbers {...props} onClose={() => setOpen(false)} />
      </Dialog>
    </>
  );
}

function Numbers({ title, at, end, lines, write, marks, isSummed = false, onSelect, onClose }: ChartTableProps & { onClose: () => void }) {
  const changes = changesOf(at, marks);
  const say = (value: number | null | undefined): React.ReactNode =>
    value === null || value === undefined ? (
      <span className="hg-soft">–</span>
    ) : (
      <data value={value} title={String(value)}>
        {write(value)}
      </data>
    );
  return (
    <div className="hg-chart-table" tabIndex={0} role="region" aria-label={`${title}: its numbers`}>
      <table className="hg-small-table" aria-label={title}>
        <thead>
          <tr>
            <th scope="col">From</th>
            {lines.map((line, column) => (
              <th key={`${column} ${line.label}`} scope="col" className="hg-right">
                {line.label}
              </th>
            ))}
            {changes.size > 0 && <th scope="col">What changed</th>}
          </tr>
        </thead>
        <tbody>
          {at.map((instant, place) => {
            const until = at[place + 1] ?? end;
            return (
              <tr key={instant}>
                <th scope="row" className="hg-nowrap">
                  {onSelect && until ? (
                    <button
                      type="button"
                      className="hg-link hg-number"
                      title="look at this time alone"
                      onClick={() => {
                        onClose();
                        onSelect(new Date(instant).toISOString(), new Date(until).toISOString());
                      }}
                    >
                      {format.moment(instant)}
                    </button>
                  ) : (
                    <span className="hg-number">{format.moment(instant)}</span>
                  )}
                </th>
                {lines.map((line, column) => (
                  <td key={`${column} ${line.label}`} className="hg-right hg-number">
                    {say(line.values[place])}
                  </td>
                ))}
                {changes.size > 0 && <td>{changes.get(place)?.join("; ")}</td>}
              </tr>
            );
          })}
        </tbody>
        {isSummed && (
          <tfoot>
            <tr>
              <th scope="row">all together</th>
              {lines.map((line, column) => (
                <td key={`${column} ${line.label}`} className="hg-right hg-number">
                  {say(line.values.reduce<number>((sum, value) => sum + (value ?? 0), 0))}
                </td>
              ))}
              {changes.size > 0 && <td />}
            </tr>
          </tfoot>
        )}
      </table>
    </div>
  );
}

/** What changed in each step, by its place. */
export function changesOf(at: string[], marks: Mark[]): Map<number, string[]> {
  const begins = at.map((each) => Date.parse(each));
  const found = new Map<number, string[]>();
  for (const mark of marks) {
    const place = begins.findLastIndex((begin) => begin <= Date.parse(mark.at));
    if (place >= 0) {
      found.set(place, [...(found.get(place) ?? []), mark.name]);
    }
  }
  return found;
}
