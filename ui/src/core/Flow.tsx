import { branchesOf, fitted } from "./flow";
import { useWidth } from "./useWidth";

export interface Branch {
  id: string;
  title: string;
  /** Beneath the title, softly. */
  note: string;
  /** On the line that leads to it. */
  said: string;
  /** Between 0 and 1: how thick the line is. */
  weight: number;
  tone: "good" | "warn" | "bad" | "quiet";
  /** What the tone says, in a word. */
  state: string;
  /** Why nothing goes there; the line is then broken. */
  excluded: string | null;
}

interface FlowProps {
  label: string;
  from: string;
  way: string;
  wayNote: string;
  branches: Branch[];
  /** Whether one is tried after the other; then an arrow leads on from each. */
  inTurn: boolean;
}

const ROW = 58;
const BOX = 42;
const FROM_WIDTH = 150;
const WAY_WIDTH = 156;

/** One name that leads to several ends by a way of choosing, as a picture. */
export function Flow({ label, from, way, wayNote, branches, inTurn }: FlowProps) {
  const { place, width } = useWidth<HTMLDivElement>(900);
  const gap = Math.max(90, Math.min(180, (width - FROM_WIDTH - WAY_WIDTH - 380) / 2 + 60));
  const wayLeft = FROM_WIDTH + 46;
  const endLeft = wayLeft + WAY_WIDTH + gap;
  const endWidth = Math.max(220, Math.min(560, width - endLeft - 22));
  const rows = branchesOf(branches, { row: ROW, box: BOX, from: wayLeft + WAY_WIDTH, to: endLeft });
  const height = Math.max(1, branches.length) * ROW;
  const middle = height / 2;
  return (
    <div ref={place} className="hg-flow">
      <svg width={width} height={height} role="img" aria-label={label}>
        <rect className="hg-flow-box hg-flow-from" x={0.5} y={middle - BOX / 2} width={FROM_WIDTH} height={BOX} rx={6} />
        <text className="hg-flow-title" x={12} y={middle + 4}>
          {fitted(from, FROM_WIDTH - 20)}
        </text>
        <line className="hg-flow-line" x1={FROM_WIDTH} x2={wayLeft} y1={middle} y2={middle} strokeWidth={2} />
        <rect className="hg-flow-box" x={wayLeft} y={middle - BOX / 2} width={WAY_WIDTH} height={BOX} rx={BOX / 2} />
        <text className="hg-flow-way" x={wayLeft + WAY_WIDTH / 2} y={middle - 2}>
          {fitted(way, WAY_WIDTH - 20)}
        </text>
        <text className="hg-flow-note hg-flow-middle" x={wayLeft + WAY_WIDTH / 2} y={middle + 12}>
          {fitted(wayNote, WAY_WIDTH - 12)}
        </text>
        {rows.map(({ branch, path, middle: y, top }, row) => (
          <g key={branch.id} className={branch.excluded === null ? "" : "hg-flow-excluded"}>
            <path className="hg-flow-line" d={path} strokeWidth={1.2 + 5 * branch.weight} />
            <text className="hg-flow-said" x={endLeft - 10} y={y - 6}>
              {branch.said}
            </text>
            <rect className="hg-flow-box" x={endLeft} y={top} width={endWidth} height={BOX} rx={6} />
            <Shape tone={branch.excluded === null ? branch.tone : "quiet"} x={endLeft + 16} y={top + 15} />
            <text className="hg-flow-title" x={endLeft + 28} y={top + 19}>
              <title>{branch.title}</title>
              {fitted(branch.title, endWidth - 120)}
            </text>
            <text className="hg-flow-note hg-flow-end" x={endLeft + endWidth - 10} y={top + 19}>
              {branch.excluded === null ? branch.state : "excluded"}
            </text>
            <text className="hg-flow-note" x={endLeft + 28} y={top + 34}>
              <title>{branch.excluded ?? branch.note}</title>
              {fitted(branch.excluded ?? branch.note, endWidth - 36)}
            </text>
            {inTurn && row < rows.length - 1 && (
              <path className="hg-flow-next" d={`M${endLeft + endWidth / 2} ${top + BOX + 2}v${ROW - BOX - 5}m-3.5 -4l3.5 4l3.5 -4`} />
            )}
          </g>
        ))}
      </svg>
    </div>
  );
}

function Shape({ tone, x, y }: { tone: Branch["tone"]; x: number; y: number }) {
  switch (tone) {
    case "good":
      return <circle className="hg-fill-good" cx={x} cy={y} r={4} />;
    case "warn":
      return <path className="hg-fill-warn" d={`M${x} ${y - 5}l5 9h-10z`} />;
    case "bad":
      return <path className="hg-fill-bad" d={`M${x} ${y - 5}l5 5l-5 5l-5 -5z`} />;
    case "quiet":
      return <circle className="hg-flow-hollow" cx={x} cy={y} r={3.5} />;
  }
}
