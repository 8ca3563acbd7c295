import { isRecord } from "@/api";
import type { Column } from "@/core/Table";
import { compact } from "@/core/format";
import { Duration, Instant, Money, Name, Status } from "@/core/Values";
import { Shadow } from "../call/Shadow";
import { To } from "@/shell/To";
import { shownOf } from "../listing/shownOf";
import type { Item } from "./useRequests";

export const COLUMNS: Column<Item>[] = [
  {
    id: "time",
    title: "Time",
    width: "168px",
    render: (item) => (
      <To path={`/requests/${item.id}`}>
        <Instant at={item.started_at} />
      </To>
    ),
  },
  { id: "status", title: "Status", width: "minmax(84px, 1.3fr)", render: (item) => <Status status={item.status} code={item.code} /> },
  { id: "model", title: "Model", width: "minmax(90px, 1.2fr)", render: (item) => <Model of={item} /> },
  {
    id: "target",
    yields: 7,
    title: "Target",
    width: "minmax(90px, 1.4fr)",
    render: (item) => (item.target ? <Name>{item.target}</Name> : <span className="hg-unknown">none</span>),
  },
  { id: "prompt", yields: 3, title: "Prompt", width: "minmax(70px, 1.2fr)", render: (item) => <Name>{promptOf(item)}</Name> },
  { id: "user", yields: 4, title: "User", width: "minmax(60px, 0.8fr)", render: (item) => <Name>{item.user ?? ""}</Name> },
  { id: "duration", title: "Duration", width: "74px", align: "right", render: (item) => <Duration ms={item.duration_ms} /> },
  { id: "first", yields: 8, title: "1st token", width: "74px", align: "right", render: (item) => <Duration ms={item.first_token_ms} /> },
  { id: "input", yields: 5, title: "In", width: "52px", align: "right", render: (item) => <span className="hg-number">{compact(inputOf(item))}</span> },
  { id: "output", yields: 6, title: "Out", width: "52px", align: "right", render: (item) => <span className="hg-number">{compact(outputOf(item))}</span> },
  { id: "cost", title: "Cost", width: "84px", align: "right", render: (item) => <Money usd={item.cost_usd} estimated={item.estimated} /> },
  { id: "project", title: "Project", width: "minmax(60px, 0.8fr)", render: (item) => <Name>{item.project}</Name> },
  { id: "key", title: "Key", width: "minmax(60px, 0.8fr)", render: (item) => <Name>{item.key}</Name> },
  { id: "session", title: "Session", width: "minmax(60px, 0.8fr)", render: (item) => <Name>{item.session ?? ""}</Name> },
  { id: "tags", title: "Tags", width: "minmax(60px, 1fr)", render: (item) => <Name>{item.tags.join(", ")}</Name> },
  { id: "release", title: "Release", width: "90px", render: (item) => <Name>{item.release?.slice(0, 8) ?? ""}</Name> },
  { id: "environment", title: "Environment", width: "100px", render: (item) => <Name>{item.environment ?? ""}</Name> },
  { id: "dialect", title: "Dialect", width: "120px", render: (item) => <Name>{item.dialect}</Name> },
  { id: "attempts", title: "Attempts", width: "70px", align: "right", render: (item) => <span className="hg-number">{item.attempts}</span> },
  { id: "changes", title: "Changes", width: "70px", align: "right", render: (item) => <span className="hg-number">{item.changes.length || ""}</span> },
];

export const SHOWN_BY_DEFAULT = "time,status,model,target,prompt,user,duration,first,input,output,cost";

export function columnsOf(names: string | undefined): Column<Item>[] {
  return shownOf(COLUMNS, names, SHOWN_BY_DEFAULT);
}

function Model({ of }: { of: Item }) {
  return (
    <span className="hg-with-badge">
      <Name>{of.model}</Name>
      {of.shadow && <Shadow isShort />}
    </span>
  );
}

function inputOf(item: Item): number {
  return item.usage.input + item.usage.cache_read + item.usage.cache_write;
}

function outputOf(item: Item): number {
  return item.usage.output + item.usage.reasoning;
}

/** The name of the first prompt that a call used, short. */
export function promptOf(item: { prompts: unknown }): string {
  const first: unknown = Array.isArray(item.prompts) ? item.prompts[0] : undefined;
  return isRecord(first) && typeof first["name"] === "string" ? first["name"] : "";
}
