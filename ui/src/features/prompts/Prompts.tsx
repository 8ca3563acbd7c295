import { IconPlayerPlay } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { type Schemas, api, ask } from "@/api";
import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { type Column, Table } from "@/core/Table";
import { Instant, Name, Share } from "@/core/Values";
import { To } from "@/shell/To";
import { type Shared, keyOf, parseSearch, shared, timesOf, useShared, useView } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { wholeDays } from "../series/byDay";
import { addressOf } from "./address";
import { columnsOf } from "./columns";
import { type Found, type Item, daysText, inEnvironment } from "./listWords";

type Unknown = Schemas["UnknownItem"];

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
    queryKey: ["prompts", ...keyOf(view)],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: 100, sort: "calls", ...within(view), ...(pageParam ? { next: pageParam } : {}) };
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
  const items = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const found = pages.data?.pages[0];
  return (
    <Answered of={pages} what="prompts">
      {() => (items.length === 0 || !found ? <NoPrompts /> : <List items={items} found={found} onEnd={onEnd} />)}
    </Answered>
  );
}

/** What both lists are narrowed to; sums of prompts know whole days. */
function within(view: Shared): { from: string; to: string; project?: string; environment?: string } {
  return {
    ...timesOf(view),
    ...(view.project ? { project: view.project } : {}),
    ...(view.environment ? { environment: view.environment } : {}),
  };
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

const ROW_PX = 84;

function List({ items, found, onEnd }: { items: Item[]; found: Found; onEnd: () => void }) {
  const navigate = useNavigate();
  const { environment } = useShared();
  const nameOfKey = useKeyNames();
  const columns = useMemo(() => columnsOf({ found, environment, nameOfKey }), [found, environment, nameOfKey]);
  const onOpen = useCallback(
    (item: Item) => {
      const { path, filter } = addressOf(item);
      void navigate({ to: path, search: { ...shared(parseSearch(window.location.search)), ...filter } as never });
    },
    [navigate],
  );
  return (
    <>
      <p className="hg-table-note hg-soft">
        Traffic {daysText(found.since, found.until)}
        {inEnvironment(environment)}. Shares are of all uses of prompts; a call counts under each that it holds.
      </p>
      <Table label="prompts" rows={items} columns={columns} keyOf={idOf} onOpen={onOpen} onEnd={onEnd} rowPx={ROW_PX} fills />
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

/** The calls that hold a message of a group. */
function SaidIn({ item, children }: { item: Unknown; children: React.ReactNode }) {
  const { from, to } = wholeDays(timesOf(useShared()));
  const filter = { unknown: item.id, project: item.project, range: null, from, to };
  return (
    <To path="/requests" className="hg-number" filter={filter}>
      {children}
    </To>
  );
}

const UNKNOWN_COLUMNS: Column<Unknown>[] = [
  { id: "template", title: "What they have in common", width: "minmax(240px, 3fr)", render: (item) => <Name>{item.template}</Name> },
  { id: "role", title: "Role", width: "90px", render: (item) => item.role },
  { id: "calls", title: "Calls", width: "80px", align: "right", render: (item) => <SaidIn item={item}>{count(item.calls)}</SaidIn> },
  { id: "share", title: "Share", width: "120px", render: (item) => <SaidIn item={item}><Share of={item.share} /></SaidIn> },
  { id: "example", yields: 8, title: "An example", width: "minmax(200px, 2fr)", render: (item) => <Name>{item.example}</Name> },
  { id: "first", yields: 7, title: "First seen", width: "170px", render: (item) => <Instant at={item.first_seen} /> },
];

/** What calls say that no template explains, by what it has in common. */
function Unknowns() {
  const view = useShared();
  const found = useQuery({
    queryKey: ["unknown prompts", ...keyOf(view)],
    queryFn: ({ signal }) => {
      const query = { limit: 200, ...within(view) };
      return ask(api.GET("/api/v1/prompts/unknown", { params: { query }, signal }));
    },
    staleTime: 30_000,
  });
  const { from, to } = wholeDays(timesOf(view));
  return (
    <>
      <p className="hg-table-note hg-soft">
        What was said {daysText(from, to)}
        {inEnvironment(view.environment)}
      </p>
      <Answered of={found} what="unknown prompts">
        {(page) =>
          page.items.length === 0 ? (
            <Empty title="No message stands here that a known prompt does not explain">
              <p className="hg-soft">
                What calls say without a prompt of the code or of this catalogue is grouped here by what it has in common,
                with an example of each.
              </p>
            </Empty>
          ) : (
            <Table label="unknown prompts" rows={page.items} columns={UNKNOWN_COLUMNS} keyOf={(item) => item.id} fills />
          )
        }
      </Answered>
    </>
  );
}
