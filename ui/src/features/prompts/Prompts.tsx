import { IconPlayerPlay } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { type Schemas, api, ask } from "@/api";
import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { type Column, Table } from "@/core/Table";
import { Instant, Money, Name, Share } from "@/core/Values";
import { To } from "@/shell/To";
import { type Patch, parseSearch, shared, useShared, useView } from "@/shell/view";
import { addressOf } from "./address";
import { sinceDays } from "./outcomeWords";
import { PromptState } from "./PromptState";

type Item = Schemas["PromptItem"];
type Unknown = Schemas["UnknownItem"];

const DAYS = 30;
const DAYS_UNKNOWN = 7;

export default function Prompts() {
  const { search, set } = useView();
  const isUnknown = search["show"] === "unknown";
  const choice = (title: string, isChosen: boolean, show: string | null): React.ReactNode => (
    <button type="button" className="hg-button hg-quiet-button" aria-pressed={isChosen} onClick={() => set({ show })}>
      {title}
    </button>
  );
  return (
    <div className="hg-prompts">
      <header className="hg-by">
        <h1>Prompts</h1>
        <div role="group" aria-label="which prompts">
          {choice("Known", !isUnknown, null)}
          {choice("Unknown", isUnknown, "unknown")}
        </div>
        <span className="hg-soft">traffic of the last {isUnknown ? DAYS_UNKNOWN : DAYS} days</span>
        <span className="hg-spring" />
        <To path="/playground" className="hg-button">
          <IconPlayerPlay size={14} stroke={1.6} aria-hidden="true" /> Playground
        </To>
      </header>
      {isUnknown ? <Unknowns /> : <Known />}
    </div>
  );
}

function Known() {
  const view = useShared();
  const pages = useInfiniteQuery({
    queryKey: ["prompts", view.project],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const project = view.project ? { project: view.project } : {};
      const query = { limit: 500, days: DAYS, ...project, ...(pageParam ? { next: pageParam } : {}) };
      return ask(api.GET("/api/v1/prompts", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
    staleTime: 30_000,
  });
  const { hasNextPage, isFetching, fetchNextPage } = pages;
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetching) {
      void fetchNextPage();
    }
  }, [hasNextPage, isFetching, fetchNextPage]);
  const items = useMemo(() => {
    const all = pages.data?.pages.flatMap((page) => page.items) ?? [];
    return [...all].sort((one, other) => (other.traffic?.calls ?? 0) - (one.traffic?.calls ?? 0));
  }, [pages.data]);
  return (
    <Answered of={pages} what="prompts">
      {() => (items.length === 0 ? <NoPrompts /> : <List items={items} onEnd={onEnd} />)}
    </Answered>
  );
}

function NoPrompts() {
  return (
    <Empty title="No prompt is known yet">
      <p className="hg-soft">In a checkout of your application:</p>
      <pre className="hg-paste">headgate prompts push .</pre>
      <p className="hg-soft">
        Calls are then matched to the prompts in its code, with the commits that hold them.{" "}
        <code>headgate prompts create</code> makes one that is managed here.
      </p>
    </Empty>
  );
}

function List({ items, onEnd }: { items: Item[]; onEnd: () => void }) {
  const navigate = useNavigate();
  const total = items.reduce((sum, item) => sum + (item.traffic?.calls ?? 0), 0);
  const columns = useMemo(() => columnsOf(total), [total]);
  const onOpen = useCallback(
    (item: Item) => {
      const { path, filter } = addressOf(item);
      void navigate({ to: path, search: { ...shared(parseSearch(window.location.search)), ...filter } as never });
    },
    [navigate],
  );
  return (
    <>
      <Table label="prompts" rows={items} columns={columns} keyOf={idOf} onOpen={onOpen} onEnd={onEnd} fills />
      <p className="hg-table-foot">
        <UnknownLink />
      </p>
    </>
  );
}

/** What no prompt explains stands at the end. */
function UnknownLink() {
  return (
    <To path="/prompts" filter={{ show: "unknown" }}>
      What calls say that no prompt here explains
    </To>
  );
}

function idOf(item: Item): string {
  return `${item.kind} ${item.project} ${item.source ?? ""} ${item.name}`;
}

/** All calls of a prompt that its numbers count. */
function callsOfItem(item: Item): Patch {
  return { prompt: item.name, project: item.project, environment: null, ...sinceDays(DAYS) };
}

function columnsOf(total: number): Column<Item>[] {
  const soft = (text: string): React.ReactNode => (
    <span className="hg-soft">
      <Name>{text}</Name>
    </span>
  );
  return [
    {
      id: "name",
      title: "Prompt",
      width: "minmax(200px, 2fr)",
      render: (item) => (
        <To {...addressOf(item)}>
          <Name>{item.name}</Name>
        </To>
      ),
    },
    { id: "text", title: "Text", width: "minmax(160px, 2.4fr)", render: (item) => soft(item.text) },
    {
      id: "where",
      title: "In",
      width: "minmax(80px, 1fr)",
      render: (item) => <Name>{item.kind === "managed" ? "managed here" : (item.source ?? "")}</Name>,
    },
    { id: "state", title: "State", width: "170px", render: (item) => <PromptState state={item.state} /> },
    {
      id: "versions",
      title: "Versions",
      width: "70px",
      align: "right",
      render: (item) => (
        <span className="hg-number" data-fact>
          {item.versions}
        </span>
      ),
    },
    {
      id: "calls",
      title: "Calls",
      width: "80px",
      align: "right",
      render: (item) => (
        <To path="/requests" filter={callsOfItem(item)}>
          <span className="hg-number">{count(item.traffic?.calls ?? 0)}</span>
        </To>
      ),
    },
    {
      id: "share",
      title: "Share",
      width: "120px",
      render: (item) => (
        <To path="/requests" filter={callsOfItem(item)}>
          <Share of={total > 0 ? (item.traffic?.calls ?? 0) / total : 0} />
        </To>
      ),
    },
    {
      id: "cost",
      title: "Cost",
      width: "90px",
      align: "right",
      render: (item) =>
        item.traffic?.calls ? (
          <To path="/requests" filter={callsOfItem(item)}>
            <Money usd={item.traffic.cost_usd} />
          </To>
        ) : (
          ""
        ),
    },
    {
      id: "seen",
      title: "Last seen",
      width: "170px",
      render: (item) => (item.traffic?.last_seen ? <Instant at={item.traffic.last_seen} /> : ""),
    },
  ];
}

/** The calls that hold a message of a group. */
function SaidIn({ item, children }: { item: Unknown; children: React.ReactNode }) {
  return (
    <To
      path="/requests"
      className="hg-number"
      filter={{ unknown: item.id, project: item.project, environment: null, ...sinceDays(DAYS_UNKNOWN - 1) }}
    >
      {children}
    </To>
  );
}

const UNKNOWN_COLUMNS: Column<Unknown>[] = [
  { id: "template", title: "What they have in common", width: "minmax(240px, 3fr)", render: (item) => <Name>{item.template}</Name> },
  { id: "role", title: "Role", width: "90px", render: (item) => item.role },
  { id: "calls", title: "Calls", width: "80px", align: "right", render: (item) => <SaidIn item={item}>{count(item.calls)}</SaidIn> },
  { id: "share", title: "Share", width: "120px", render: (item) => <SaidIn item={item}><Share of={item.share} /></SaidIn> },
  { id: "example", title: "An example", width: "minmax(200px, 2fr)", render: (item) => <Name>{item.example}</Name> },
  { id: "first", title: "First seen", width: "170px", render: (item) => <Instant at={item.first_seen} /> },
];

/** What calls say that no template explains, by what it has in common. */
function Unknowns() {
  const view = useShared();
  const found = useQuery({
    queryKey: ["unknown prompts", view.project],
    queryFn: ({ signal }) => {
      const query = { limit: 200, ...(view.project ? { project: view.project } : {}) };
      return ask(api.GET("/api/v1/prompts/unknown", { params: { query }, signal }));
    },
    staleTime: 30_000,
  });
  return (
    <Answered of={found} what="unknown prompts">
      {(page) =>
        page.items.length === 0 ? (
          <Empty title="No message stands here that a known prompt does not explain">
            <p className="hg-soft">
              What calls say without a prompt of the code or of this catalogue is grouped here by what it has in common, with
              an example of each.
            </p>
          </Empty>
        ) : (
          <Table label="unknown prompts" rows={page.items} columns={UNKNOWN_COLUMNS} keyOf={(item) => item.id} fills />
        )
      }
    </Answered>
  );
}
