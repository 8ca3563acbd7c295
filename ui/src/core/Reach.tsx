interface ReachProps {
  low: number | null;
  value: number;
  high: number | null;
  /** The ends of the scale. */
  least: number;
  most: number;
  /** What it is held against, such as what is required. */
  bound?: number | undefined;
  label: string;
}

const WIDTH = 150;
const EDGE = 6;

/** A value with its interval on a scale that has ends, such as a share from none to all. */
export function Reach({ low, value, high, least, most, bound, label }: ReachProps) {
  const at = (each: number): number => {
    const share = (Math.min(most, Math.max(least, each)) - least) / (most - least || 1);
    return EDGE + share * (WIDTH - 2 * EDGE);
  };
  return (
    <svg className="hg-reach-scale" width={WIDTH} height={18} role="img" aria-label={label}>
      <line className="hg-axis" x1={EDGE} x2={WIDTH - EDGE} y1={9} y2={9} />
      {least < 0 && most > 0 && <line className="hg-axis" x1={at(0)} x2={at(0)} y1={2} y2={16} />}
      {bound !== undefined && <line className="hg-bound" x1={at(bound)} x2={at(bound)} y1={1} y2={17} />}
      {low !== null && high !== null && <line className="hg-reach" x1={at(low)} x2={at(high)} y1={9} y2={9} />}
      {low !== null && <line className="hg-reach" x1={at(low)} x2={at(low)} y1={5} y2={13} />}
      {high !== null && <line className="hg-reach" x1={at(high)} x2={at(high)} y1={5} y2={13} />}
      <circle cx={at(value)} cy={9} r={3.5} />
    </svg>
  );
}
