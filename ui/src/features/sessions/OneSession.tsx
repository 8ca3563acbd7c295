import { IconArrowLeft } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { type Schemas, api, ask } from "@/api";
import { Facts } from "@/core/Facts";
import { count } from "@/core/format";
import { Answered } from "@/core/States";
import { Text } from "@/core/Text";
import { Duration, Instant, Money, Status } from "@/core/Values";
import { To } from "@/shell/To";
import { refreshOf, useShared, useView } from "@/shell/view";
import { FeedbackOf } from "../feedback/FeedbackOf";
import { Conversation } from "../messages/Conversation";
import { TraceCost, TraceState } from "../traces/columns";
import { bucketsOf } from "../traces/tokens";
import { inOrder, partsOf, pathOf, turnOf, turnOfCall } from "./turns";

type Detail = Schemas["SessionDetail"];
type OneTrace = Schemas["Turn"];
type Request = Schemas["RequestItem"];

const PAGE = 50;

/** A session as a conversation, across its traces. */
export default function OneSession() {
  const { id } = useParams({ strict: false });
  const view = useShared();
  const { search } = useView();
  const of = search["of"];
  const pages = useInfiniteQuery({
    queryKey: ["session", id, of],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: PAGE, ...(of ? { project: of } : {}), ...(pageParam ? { next: pageParam } : {}) };
      return ask(api.GET("/api/v1/sessions/{session}", { params: { path: { session: id ?? "" }, query }, signal }));
    },
    getNextPageParam: (page) => page.next,
    refetchInterval: refreshOf(view),
  });
  const turns = useMemo(() => pages.data?.pages.flatMap((page) => inOrder(page.items, page.requests)) ?? [], [pages.data]);
  const first = { data: pages.data?.pages[0], error: pages.error, isPending: pages.isPending, refetch: pages.refetch };
  return (
    <>
      {!first.data && <h1 className="hg-visually-hidden">One session</h1>}
      <Answered of={first} what="the session">
        {(detail) => (
          <div className="hg-session">
            <Head detail={detail} />
            <div className="hg-session-columns">
              <ol className="hg-turns" aria-label="turns of the session">
                {turns.map((turn) =>
                  "id" in turn ? (
                    <li key={turn.id}>
                      <CallTurn call={turn} />
                    </li>
                  ) : (
                    <li key={turn.trace_id}>
                      <OneTurn trace={turn} />
                    </li>
                  ),
                )}
                {pages.hasNextPage && (
                  <li>
                    <button type="button" className="hg-button" disabled={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
                      Show what came after
                    </button>
                  </li>
                )}
              </ol>
              <Sums detail={detail} />
            </div>
          </div>
        )}
      </Answered>
    </>
  );
}

function Head({ detail }: { detail: Detail }) {
  return (
    <header className="hg-call-head">
      <To path="/sessions" className="hg-icon-button" aria-label="back to sessions">
        <IconArrowLeft size={16} stroke={1.6} />
      </To>
      <h1>
        <Text>{detail.session}</Text>
      </h1>
      {detail.traces > 0 && (
        <To path="/traces" className="hg-number" filter={partsOf(detail)}>
          {count(detail.traces)} {detail.traces === 1 ? "trace" : "traces"}
        </To>
      )}
      {detail.untraced > 0 && (
        <To path="/requests" className="hg-number" filter={partsOf(detail)}>
          {count(detail.untraced)} {detail.untraced === 1 ? "call" : "calls"} without a trace
        </To>
      )}
      <TraceState errors={detail.errors} status={detail.errors > 0 ? "error" : "ok"} />
      <TraceCost of={detail} />
      <span className="hg-spring" />
      {detail.traces > 0 && (
        <To path="/traces" className="hg-button" filter={partsOf(detail)}>
          As a list of traces
        </To>
      )}
    </header>
  );
}

function OneTurn({ trace }: { trace: OneTrace }) {
  const turn = useMemo(() => turnOf(trace), [trace]);
  return (
    <section aria-label={`trace of ${trace.started_at}`}>
      <header className="hg-turn-head">
        <To path={`/traces/${trace.trace_id}`} filter={{ of: trace.project }}>
          {trace.name ? <Text>{trace.name}</Text> : "a trace without a name"}
        </To>
        {trace.status === "error" && <TraceState errors={trace.errors} status="error" />}
        <span className="hg-soft">
          <Instant at={trace.started_at} />
        </span>
        <Duration ms={trace.duration_ms} />
        <TraceCost of={trace} />
        {turn.history > 0 && <span className="hg-soft">{count(turn.history)} messages before these came along</span>}
      </header>
      {turn.asked.length + turn.answered.length > 0 ? (
        <Conversation said={[...turn.asked, ...turn.answered]} asWritten={false} />
      ) : (
        <p className="hg-soft">Its topmost step says nothing of what went in and came out.</p>
      )}
    </section>
  );
}

/** A call that is part of no trace: a turn by itself, whose messages its record has. */
function CallTurn({ call }: { call: Request }) {
  const path = { request_id: call.id };
  const record = useQuery({
    queryKey: ["request", call.id],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/requests/{request_id}", { params: { path }, signal })),
    staleTime: 60_000,
  });
  const turn = useMemo(() => turnOfCall(record.data), [record.data]);
  return (
    <section aria-label={`call of ${call.started_at}`}>
      <header className="hg-turn-head">
        <To path={`/requests/${call.id}`}>
          <Text>{call.model}</Text>
        </To>
        <Status status={call.status} code={call.code} />
        <span className="hg-soft">
          <Instant at={call.started_at} />
        </span>
        <Duration ms={call.duration_ms} />
        <Money usd={call.cost_usd} estimated={call.estimated} />
        {turn.history > 0 && <span className="hg-soft">{count(turn.history)} messages before these came along</span>}
      </header>
      <Answered of={record} what="the call">
        {() =>
          turn.asked.length + turn.answered.length > 0 ? (
            <Conversation said={[...turn.asked, ...turn.answered]} asWritten={false} />
          ) : (
            <p className="hg-soft">Its record says nothing of what went in and came out.</p>
          )
        }
      </Answered>
    </section>
  );
}

function Sums({ detail }: { detail: Detail }) {
  return (
    <aside className="hg-call-facts" aria-label="facts">
      <h2>Of the session</h2>
      <Facts
        facts={[
          ["project", <Text>{detail.project}</Text>],
          [
            "user",
            detail.user ? (
              <To path="/sessions" filter={{ user: detail.user }}>
                <Text>{detail.user}</Text>
              </To>
            ) : null,
          ],
          ["began", <Instant at={detail.started_at} />],
          ["last turn", <Instant at={detail.last_at} />],
          [
            "calls",
            <To path={pathOf(detail)} className="hg-number" filter={partsOf(detail)}>
              {count(detail.calls)}
            </To>,
          ],
          ["tokens", bucketsOf(detail.usage).map(([name, tokens]) => `${count(tokens)} ${name}`).join(", ")],
          ["cost", <TraceCost of={detail} />],
        ]}
      />
      <FeedbackOf subject={{ session: detail.session }} project={detail.project} of="session" />
    </aside>
  );
}
