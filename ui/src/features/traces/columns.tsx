import type { Column } from "@/core/Table";
import { compact, count } from "@/core/format";
import { Text } from "@/core/Text";
import { Duration, Instant, Money, Name, State } from "@/core/Values";
import { To } from "@/shell/To";
import { shownOf } from "../listing/shownOf";
import { countedAs } from "./lines";
import { tokensIn, tokensOut } from "./tokens";
import type { Item } from "./useTraces";

export const COLUMNS: Column<Item>[] = [
  {
    id: "time",
    title: "Time",
    width: "168px",
    render: (item) => (
      <To path={`/traces/${item.trace_id}`} filter={{ of: item.project }}>
        <Instant at={item.started_at} />
      </To>
    ),
  },
  { id: "status", title: "Status", width: "92px", render: (item) => <TraceState errors={item.errors} status={item.status} /> },
  {
    id: "name",
    title: "Name",
    width: "minmax(120px, 2fr)",
    render: (item) => (item.name ? <Name>{item.name}</Name> : <span className="hg-unknown">without a name</span>),
  },
  { id: "models", yields: 4, title: "Models", width: "minmax(90px, 1.4fr)", render: (item) => <Name>{item.models.join(", ")}</Name> },
  { id: "user", yields: 8, title: "User", width: "minmax(60px, 0.8fr)", render: (item) => <Name>{item.user ?? ""}</Name> },
  {
    id: "session",
    title: "Session",
    width: "minmax(60px, 0.9fr)",
    render: (item) =>
      item.session ? (
        <To path={`/sessions/${encodeURIComponent(item.session)}`} filter={{ of: item.project }}>
          <Text>{item.session}</Text>
        </To>
      ) : null,
  },
  {
    id: "spans",
    title: "Spans",
    width: "62px",
    align: "right",
    render: (item) => <InTrace of={item}>{compact(item.spans)}</InTrace>,
  },
  {
    id: "calls",
    yields: 7,
    title: "Calls",
    width: "52px",
    align: "right",
    render: (item) => (
      <InTrace of={item} counted={countedAs("all")}>
        {compact(item.calls)}
      </InTrace>
    ),
  },
  { id: "duration", title: "Duration", width: "84px", align: "right", render: (item) => <Duration ms={item.duration_ms} /> },
  {
    id: "tokens",
    yields: 5,
    title: "Tokens",
    width: "104px",
    align: "right",
    render: (item) => (
      <InTrace of={item} counted={countedAs("all")} title="in → out">
        {compact(tokensIn(item.usage))} → {compact(tokensOut(item.usage))}
      </InTrace>
    ),
  },
  { id: "cost", title: "Cost", width: "98px", align: "right", render: (item) => <InTrace of={item} counted={countedAs("all")}><TraceCost of={item} /></InTrace> },
  { id: "flags", title: "Flags", width: "minmax(60px, 1fr)", render: (item) => <Name>{item.flags.join(", ")}</Name> },
  { id: "tools", title: "Tools", width: "minmax(60px, 1fr)", render: (item) => <Name>{item.tools.join(", ")}</Name> },
  { id: "agents", title: "Agents", width: "minmax(60px, 1fr)", render: (item) => <Name>{item.agents.join(", ")}</Name> },
  { id: "tags", title: "Tags", width: "minmax(60px, 1fr)", render: (item) => <Name>{item.tags.join(", ")}</Name> },
  { id: "service", title: "Service", width: "minmax(60px, 0.9fr)", render: (item) => <Name>{item.service ?? ""}</Name> },
  { id: "project", title: "Project", width: "minmax(60px, 0.8fr)", render: (item) => <Name>{item.project}</Name> },
  { id: "release", title: "Release", width: "90px", render: (item) => <Name>{item.release?.slice(0, 8) ?? ""}</Name> },
  { id: "environment", title: "Environment", width: "100px", render: (item) => <Name>{item.environment ?? ""}</Name> },
];

export const SHOWN_BY_DEFAULT = "time,status,name,models,user,calls,duration,tokens,cost";

export function columnsOf(names: string | undefined): Column<Item>[] {
  return shownOf(COLUMNS, names, SHOWN_BY_DEFAULT);
}

interface InTraceProps {
  of: { trace_id: string; project: string };
  /** Which calls are shown; all steps where it is left out. */
  counted?: string;
  title?: string;
  children: React.ReactNode;
}

/** A number of a trace, which leads to what it counts there. */
export function InTrace({ of, counted, title, children }: InTraceProps) {
  return (
    <To
      path={`/traces/${of.trace_id}`}
      className="hg-number hg-plain-link"
      filter={{ of: of.project, ...(counted ? { counted } : {}) }}
      {...(title ? { title } : {})}
    >
      {children}
    </To>
  );
}

/** Whether a step failed, and how many. */
export function TraceState({ errors, status }: { errors: number; status: "ok" | "error" }) {
  return status === "ok" ? <State tone="good">ok</State> : <State tone="bad">{errors > 1 ? `${count(errors)} failed` : "failed"}</State>;
}

/** What is known of a cost: a sum that leaves out calls without a price says "at least". */
export function TraceCost({ of }: { of: { cost_usd: string | null; unpriced: number; calls: number } }) {
  if (of.calls === 0) {
    return <span className="hg-soft">–</span>;
  }
  if (of.cost_usd === null || of.unpriced === 0) {
    return <Money usd={of.cost_usd} />;
  }
  return (
    <span title={`without ${of.unpriced} calls of which no price is known`}>
      <span className="hg-soft">≥ </span>
      <Money usd={of.cost_usd} />
    </span>
  );
}
