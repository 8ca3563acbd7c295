import { runsOf } from "./runs";

interface SparkProps {
  /** One for each step of time; null where nothing is known. */
  values: (number | null)[];
  /** What it shows, in words. */
  label: string;
  /** The top of its scale, where it is held beside others; else its own most. */
  most?: number;
}

const WIDTH = 72;
const HEIGHT = 18;
const EDGE = 2;

/** How a number went, in the height of a line of text: from nothing up to its most. */
export function Spark({ values, label, most: top }: SparkProps) {
  const known = values.filter((each): each is number => each !== null);
  const most = Math.max(top ?? 0, ...known);
  if (known.length === 0) {
    return null;
  }
  const x = (step: number): number => EDGE + ((WIDTH - 2 * EDGE) * step) / Math.max(1, values.length - 1);
  const y = (value: number): number => HEIGHT - EDGE - (most > 0 ? ((HEIGHT - 2 * EDGE) * value) / most : 0);
  return (
    <svg className="hg-spark" width={WIDTH} height={HEIGHT} role="img" aria-label={label} data-fact>
      <title>{label}</title>
      {runsOf(values).map((run) =>
        run.length === 1 ? (
          <circle key={run[0]} cx={x(run[0] ?? 0)} cy={y(values[run[0] ?? 0] ?? 0)} r={1.5} />
        ) : (
          <polyline key={run[0]} points={run.map((step) => `${x(step)},${y(values[step] ?? 0)}`).join(" ")} />
        ),
      )}
    </svg>
  );
}
