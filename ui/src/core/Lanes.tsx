import * as format from "./format";

export interface Stretch {
  id: string;
  /** Unix milliseconds. */
  from: number;
  to: number;
  title: string;
  hint: string;
  isEmpty?: boolean;
  isLast?: boolean;
}

export interface Lane {
  id: string;
  title: React.ReactNode;
  stretches: Stretch[];
}

interface LanesProps {
  label: string;
  begin: number;
  end: number;
  lanes: Lane[];
  /** A stretch as a link, or whatever it is to be; `title` stands inside. */
  render: (lane: Lane, stretch: Stretch) => React.ReactNode;
}

const TICKS = 5;

/** What held when, a lane for each thing over one time. */
export function Lanes({ label, begin, end, lanes, render }: LanesProps) {
  const length = Math.max(1, end - begin);
  const percent = (at: number): string => `${(100 * (Math.min(end, Math.max(begin, at)) - begin)) / length}%`;
  const ticks = Array.from({ length: TICKS }, (_, place) => begin + (length * place) / (TICKS - 1));
  const isLong = length > 2 * 86_400_000;
  return (
    <div className="hg-lanes" role="group" aria-label={label}>
      {lanes.map((lane) => (
        <div key={lane.id} className="hg-lane">
          <div className="hg-lane-title">{lane.title}</div>
          <ol className="hg-lane-track">
            {lane.stretches.map((stretch) => (
              <li
                key={stretch.id}
                className={`hg-stretch ${stretch.isEmpty ? "hg-none" : ""} ${stretch.isLast ? "hg-now" : ""}`}
                style={{ left: percent(stretch.from), width: `calc(${percent(stretch.to)} - ${percent(stretch.from)})` }}
                title={stretch.hint}
              >
                {render(lane, stretch)}
              </li>
            ))}
          </ol>
        </div>
      ))}
      <div className="hg-lane-ticks" aria-hidden="true">
        {ticks.map((tick) => (
          <span key={tick}>{isLong ? format.day(tick).slice(5) : format.moment(tick).slice(11)}</span>
        ))}
      </div>
    </div>
  );
}
