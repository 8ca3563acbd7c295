interface IntervalProps {
  low: number | null;
  value: number | null;
  high: number | null;
  label: string;
}

const WIDTH = 132;
const MIDDLE = WIDTH / 2;
const REACH = MIDDLE - 8;

/** A change with its interval about zero: left of the middle is less, right is more. Each has its own scale. */
export function Interval({ low, value, high, label }: IntervalProps) {
  const known = [low, value, high].filter((each): each is number => each !== null && Number.isFinite(each));
  const most = Math.max(...known.map(Math.abs), 0);
  if (value === null || most === 0) {
    return <span className="hg-soft">–</span>;
  }
  const at = (each: number): number => MIDDLE + (each / most) * REACH;
  const from = low === null ? 1 : at(low);
  const to = high === null ? WIDTH - 1 : at(high);
  const isClear = (low !== null && low > 0) || (high !== null && high < 0);
  return (
    <svg className={`hg-interval ${isClear ? "hg-clear" : ""}`} width={WIDTH} height={16} role="img" aria-label={label}>
      <line className="hg-axis" x1={MIDDLE} x2={MIDDLE} y1={0} y2={16} />
      <line className="hg-reach" x1={from} x2={to} y1={8} y2={8} />
      {low !== null && <line className="hg-reach" x1={from} x2={from} y1={4} y2={12} />}
      {high !== null && <line className="hg-reach" x1={to} x2={to} y1={4} y2={12} />}
      <circle cx={at(value)} cy={8} r={3.5} />
    </svg>
  );
}
