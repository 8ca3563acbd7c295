import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { type Schemas, api, ask } from "@/api";
import { compact } from "@/core/format";
import { Empty, Failed, Loading } from "@/core/States";
import { type Column, Table } from "@/core/Table";
import { Text } from "@/core/Text";
import { Instant, Name, State } from "@/core/Values";
import { To } from "@/shell/To";
import { keyOf, parseSearch, patched, refreshOf, shared, timesOf, useShared, useView } from "@/shell/view";
import { Chips, TextFilter } from "../listing/FilterBar";
import { TracePages } from "../traces/TracePages";
import { TraceCost } from "../traces/columns";
import { tokensIn, tokensOut } from "../traces/tokens";
import { partsOf, pathOf } from "./turns";

type Item = Schemas["SessionItem"];

const PAGE = 100;

/** What a session comes to, which leads to its traces, or where calls are part of none, to its calls. */
function OfSession({ item, path, children }: { item: Item; path?: string; children: React.ReactNode }) {
  const { environment, to } = useShared();
  const user = useView().search["user"];
  return (
    <To path={path ?? pathOf(item)} className="hg-number hg-plain-link" filter={partsOf(item, { environment, user, to })}>
      {children}
    </To>
  );
}

const number = (item: Item, value: number) => <OfSession item={item}>{compact(value)}</OfSession>;

const COLUMNS: Column<Item>[] = [
  {
    id: "session",
    title: "Session",
    width: "minmax(140px, 2fr)",
    render: (item) => (
      <To path={`/sessions/${encodeURIComponent(item.session)}`} filter={{ of: item.project }}>
        <Text>{item.session}</Text>
      </To>
    ),
  },
  { id: "last", title: "Last turn", width: "168px", render: (item) => <Instant at={item.last_at} /> },
  { id: "began", yields: 8, title: "Began", width: "168px", render: (item) => <Instant at={item.started_at} /> },
  { id: "user", title: "User", width: "minmax(80px, 1fr)", render: (item) => <Name>{item.user ?? ""}</Name> },
  { id: "project", yields: 7, title: "Project", width: "minmax(70px, 1fr)", render: (item) => <Name>{item.project}</Name> },
  {
    id: "status",
    title: "Failed steps",
    width: "96px",
    render: (item) => (item.errors > 0 ? <OfSession item={item}><State tone="bad">{compact(item.errors)}</State></OfSession> : <State tone="good">none</State>),
  },
  { id: "traces", yields: 6, title: "Traces", width: "56px", align: "right", render: (item) => <OfSession item={item} path="/traces">{compact(item.traces)}</OfSession> },
  { id: "calls", title: "Calls", width: "56px", align: "right", render: (item) => number(item, item.calls) },
  { id: "input", yields: 4, title: "In", width: "56px", align: "right", render: (item) => number(item, tokensIn(item.usage)) },
  { id: "output", yields: 5, title: "Out", width: "56px", align: "right", render: (item) => number(item, tokensOut(item.usage)) },
  { id: "cost", title: "Cost", width: "96px", align: "right", render: (item) => <OfSession item={item}><TraceCost of={item} /></OfSession> },
];

const placeOf = (item: Item): string => `${item.session} ${item.project}`;

/** Sessions, those first in which something happened last. */
export default function Sessions() {
  const view = useShared();
  const { search, set } = useView();
  const navigate = useNavigate();
  const user = search["user"];
  const pages = useInfiniteQuery({
    queryKey: ["sessions", ...keyOf(view), user],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = {
        from: timesOf(view).from,
        ...(view.to ? { to: view.to } : {}),
        ...(view.project ? { project: view.project } : {}),
        ...(view.environment ? { environment: view.environment } : {}),
        ...(user ? { user } : {}),
        ...(pageParam ? { next: pageParam } : {}),
        limit: PAGE,
      };
      return ask(api.GET("/api/v1/sessions", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    refetchInterval: refreshOf(view),
  });
  const items = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const onOpen = useCallback(
    (item: Item) => {
      const next = patched(shared(parseSearch(window.location.search)), { of: item.project });
      void navigate({ to: `/sessions/${encodeURIComponent(item.session)}`, search: next as never });
    },
    [navigate],
  );
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) {
      void fetchNextPage();
    }
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  return (
    <TracePages fills>
      <div className="hg-list hg-alone-list">
        <div className="hg-list-bar">
          <TextFilter key={user ?? ""} name="user" text={user ?? ""} label="User" />
          <Chips filters={user ? { user } : {}} titles={{ user: "User" }} />
        </div>
        {items.length > 0 ? (
          <Table
            label="sessions"
            rows={items}
            columns={COLUMNS}
            keyOf={placeOf}
            onOpen={onOpen}
            onEnd={onEnd}
            footer={isFetchingNextPage ? "Loading more …" : null}
            fills
          />
        ) : pages.error ? (
          <Failed error={pages.error} onRetry={() => void pages.refetch()} />
        ) : pages.isPending ? (
          <Loading what="sessions" />
        ) : user || view.environment ? (
          <Empty title="No session matches">
            <button type="button" className="hg-button" onClick={() => set({ user: null, environment: null })}>
              Take the filter away
            </button>
          </Empty>
        ) : (
          <Empty title="No session in this time">
            <p className="hg-soft">
              Calls that say <code>x-headgate-session</code>, and traces that say <code>session.id</code> or{" "}
              <code>gen_ai.conversation.id</code>, stand here as a conversation.
            </p>
          </Empty>
        )}
      </div>
    </TracePages>
  );
}
