import { ChartTable } from "@/core/ChartTable";
import { Reach } from "@/core/Reach";
import { Spark } from "@/core/Spark";
import { Empty } from "@/core/States";
import { count, money } from "@/core/format";
import { Text } from "@/core/Text";
import { Duration, Money } from "@/core/Values";
import { To } from "@/shell/To";
import {
  type Outcome,
  type Outcomes,
  type Said,
  callsOf,
  costsByDay,
  estimateText,
  failedByDay,
  namesSaid,
  numberText,
  scaleOf,
  tokensOf,
} from "./outcomeWords";
import type { Version } from "./versions";

interface HowItDoesProps {
  found: Outcomes;
  versions: Version[];
  /** Versions that are looked at; all where it is empty. */
  only?: string[];
}

/** Each version as a column of what its calls came to: two beside each other say what changed. */
export function HowItDoes({ found, versions, only = [] }: HowItDoesProps) {
  const ids = only.length > 0 ? only : found.versions.map((each) => each.version);
  const shown = ids.map((id) => found.versions.find((each) => each.version === id));
  if (found.versions.length === 0) {
    return (
      <Empty title="No call of this time was made of it">
        <p className="hg-soft">Here stands what calls of each version cost, how long they took, how they ended and what was said of them.</p>
      </Empty>
    );
  }
  return (
    <div className="hg-scroll-x" tabIndex={0} role="region" aria-label="how its versions do">
      <table className="hg-small-table hg-outcomes">
        <thead>
          <tr>
            <th scope="col">Version</th>
            {ids.map((id) => (
              <th key={id} scope="col">
                <Text>{versions.find((one) => one.id === id)?.title ?? id}</Text>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ROWS.map((row) => (
            <tr key={row.title}>
              <th scope="row" aria-label={row.title}>
                {row.title}
                <ByDay found={found} row={row} titles={ids.map((id) => versions.find((one) => one.id === id)?.title ?? id)} shown={shown} />
              </th>
              {shown.map((each, place) => (
                <td key={ids[place]}>{each ? <Measured found={found} outcome={each} row={row} /> : <span className="hg-soft">–</span>}</td>
              ))}
            </tr>
          ))}
          {namesSaid(found).map((name) => (
            <tr key={`said ${name}`}>
              <th scope="row">
                <Text>{name}</Text>
              </th>
              {shown.map((each, place) => (
                <td key={ids[place]}>
                  {each?.feedback
                    .filter((said) => said.name === name)
                    .map((said) => (
                      <SaidOf key={said.of} said={said} scale={scaleOf(found, name)} />
                    ))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Row {
  title: string;
  write: (outcome: Outcome) => React.ReactNode;
  /** What it is narrowed to beside the version. */
  filter?: Record<string, string>;
  byDay?: (outcome: Outcome) => (number | null)[];
  /** An amount of one day, for the line's words. */
  say?: (value: number) => string;
}

const ROWS: Row[] = [
  { title: "Calls", write: (each) => count(each.calls), byDay: (each) => each.calls_by_day, say: count },
  { title: "Cost", write: (each) => <Money usd={each.cost_usd} estimated={each.estimated > 0} /> },
  {
    title: "Cost a call",
    write: (each) => <Money usd={each.cost_usd_per_call} estimated={each.estimated > 0} />,
    byDay: costsByDay,
    say: money,
  },
  {
    title: "Errors",
    write: (each) => (
      <>
        {count(each.failed)}
        {each.failed_share && <span className="hg-soft"> · {estimateText("share", each.failed_share)}</span>}
      </>
    ),
    filter: { status: "error" },
    byDay: failedByDay,
    say: (value) => `${Math.round(100 * value)} %`,
  },
  {
    title: "Latency p50",
    write: (each) => <Duration ms={each.duration_p50_ms} />,
    byDay: (each) => each.duration_p50_ms_by_day,
    say: (value) => `${value} ms`,
  },
  { title: "Latency p95", write: (each) => <Duration ms={each.duration_p95_ms} /> },
  { title: "First token p50", write: (each) => <Duration ms={each.first_token_p50_ms} /> },
  { title: "First token p95", write: (each) => <Duration ms={each.first_token_p95_ms} /> },
  { title: "Tokens in a call", write: (each) => numberText(tokensOf(each)[0]) },
  { title: "Tokens out a call", write: (each) => numberText(tokensOf(each)[1]) },
];

interface ByDayProps {
  found: Outcomes;
  row: Row;
  titles: string[];
  shown: (Outcome | undefined)[];
}

/** What the row's lines show, as a table. */
function ByDay({ found, row, titles, shown }: ByDayProps) {
  const { byDay, say = numberText } = row;
  if (!byDay) {
    return null;
  }
  const lines = titles.map((label, place) => {
    const outcome = shown[place];
    return { label, values: outcome ? byDay(outcome) : found.days.map(() => null) };
  });
  return <ChartTable title={`${row.title} by day`} at={found.days} end={found.until} lines={lines} write={say} marks={[]} isSummed={row.title === "Calls"} />;
}

function Measured({ found, outcome, row }: { found: Outcomes; outcome: Outcome; row: Row }) {
  const days = row.byDay?.(outcome) ?? [];
  const known = days.filter((each): each is number => each !== null);
  const label = `${row.title} by day, over ${found.days.length} days: at most ${row.say?.(Math.max(0, ...known)) ?? ""}`;
  return (
    <span className="hg-measured">
      <To path="/requests" className="hg-number" filter={callsOf(found, { prompt_version: outcome.version, ...row.filter })}>
        {row.write(outcome)}
      </To>
      {days.length > 0 && <Spark values={days} label={label} />}
    </span>
  );
}

function SaidOf({ said, scale }: { said: Said; scale: [number, number] }) {
  const answers = `${count(said.answers)} ${said.answers === 1 ? "answer" : "answers"}`;
  const { of, estimate } = said;
  if (of === "text" || !estimate) {
    return <span data-fact>{answers}</span>;
  }
  const text = estimateText(of, estimate);
  return (
    <span className="hg-measured" data-fact>
      <span className="hg-number">
        {text} <span className="hg-soft">of {answers}</span>
      </span>
      <Reach
        low={estimate.low}
        value={estimate.value}
        high={estimate.high}
        least={scale[0]}
        most={scale[1]}
        label={`${said.name}: ${text}`}
      />
    </span>
  );
}
