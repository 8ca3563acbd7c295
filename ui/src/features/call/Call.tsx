import { Tabs } from "@mantine/core";
import { IconArrowLeft, IconPlayerPlay, IconTimeline } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { api, ask } from "@/api";
import { CopyButton } from "@/core/CopyButton";
import { bytes, count } from "@/core/format";
import { OriginBar } from "@/core/Painted";
import { Answered, Empty } from "@/core/States";
import { Verbatim } from "@/core/Text";
import { Duration, Instant, Money, Status } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useView } from "@/shell/view";
import { FeedbackOf } from "../feedback/FeedbackOf";
import { Conversation } from "../messages/Conversation";
import { type Said, answeredIn, saidIn } from "../messages/conversation";
import { draftOf } from "../playground/draft";
import { curlOf, type Detail } from "./detail";
import { CallBudgets } from "./CallBudgets";
import { Changes, CostFacts, Overrides, WhoFacts } from "./CallFacts";
import { Exposures } from "./Exposures";
import { Path } from "./Path";
import { Shadow } from "./Shadow";
import { SimilarCalls } from "./SimilarCalls";
import { AddToDataset } from "../datasets/AddToDataset";
import { SendToReview } from "../reviews/SendToReview";
import { stretchesOf, tellsSomething, textOf } from "./provenance";

export default function Call() {
  const { id } = useParams({ strict: false });
  const call = useQuery({
    queryKey: ["request", id],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/requests/{request_id}", { params: { path: { request_id: id ?? "" } }, signal })),
    staleTime: 60_000,
  });
  return (
    <>
      {!call.data && <h1 className="hg-visually-hidden">One call</h1>}
      <Answered of={call} what="the call">
        {(detail) => <Shown detail={detail} />}
      </Answered>
    </>
  );
}

function Shown({ detail }: { detail: Detail }) {
  return (
    <div className="hg-call">
      <Head detail={detail} />
      <div className="hg-call-columns">
        <Path detail={detail} />
        <Middle detail={detail} />
        <aside className="hg-call-facts" aria-label="facts">
          <CostFacts detail={detail} />
          <CallBudgets detail={detail} />
          <FeedbackOf subject={{ request_id: detail.id }} project={detail.project} of="call" />
          <WhoFacts detail={detail} />
          <Exposures detail={detail} />
        </aside>
      </div>
    </div>
  );
}

function Head({ detail }: { detail: Detail }) {
  const curl = useMemo(() => curlOf(detail, window.location.origin), [detail]);
  const isPlayable = useMay("calls:make") && !detail.request_truncated && draftOf(detail) !== null;
  return (
    <header className="hg-call-head">
      <To path="/requests" className="hg-icon-button" aria-label="back to requests">
        <IconArrowLeft size={16} stroke={1.6} />
      </To>
      <h1>{detail.model}</h1>
      <Status status={detail.status} code={detail.code} />
      {detail.shadow && <Shadow />}
      <span className="hg-soft">
        <Instant at={detail.started_at} />
      </span>
      <Duration ms={detail.duration_ms} />
      <Money usd={detail.cost_usd} estimated={detail.estimated} />
      <span className="hg-spring" />
      {detail.trace_id && (
        <To path={`/traces/${detail.trace_id}`} className="hg-button" filter={{ of: detail.project, call: detail.id }}>
          <IconTimeline size={14} stroke={1.6} aria-hidden="true" /> Its trace
        </To>
      )}
      <SimilarCalls detail={detail} />
      {isPlayable && (
        <To path="/playground" className="hg-button" filter={{ call: detail.id }}>
          <IconPlayerPlay size={14} stroke={1.6} aria-hidden="true" /> Open in the playground
        </To>
      )}
      <AddToDataset what="This call" find={() => Promise.resolve([detail])} />
      <SendToReview call={detail.id} project={detail.project} />
      {curl && <CopyButton text={curl} title="Copy as curl" />}
    </header>
  );
}

function Middle({ detail }: { detail: Detail }) {
  const { search, set } = useView();
  const tab = search["tab"] ?? "messages";
  return (
    <section className="hg-call-middle" aria-label="what was said">
      {detail.message && (
        <p className="hg-note">
          <strong>{detail.code}</strong>: {detail.message}
        </p>
      )}
      <Changes detail={detail} />
      <Overrides detail={detail} />
      <Tabs value={tab} onChange={(value) => set({ tab: value === "messages" ? null : value }, true)} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="messages">Messages</Tabs.Tab>
          <Tabs.Tab value="request">Request</Tabs.Tab>
          <Tabs.Tab value="response">Answer</Tabs.Tab>
          <Tabs.Tab value="parameters">Parameters</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="messages" pt="sm">
          <Messages detail={detail} />
        </Tabs.Panel>
        <Tabs.Panel value="request" pt="sm">
          <Body body={detail.request} size={detail.request_bytes} isCut={detail.request_truncated} />
        </Tabs.Panel>
        <Tabs.Panel value="response" pt="sm">
          <Body body={detail.response} size={detail.response_bytes} isCut={detail.response_truncated} />
        </Tabs.Panel>
        <Tabs.Panel value="parameters" pt="sm">
          <Parameters detail={detail} />
        </Tabs.Panel>
      </Tabs>
    </section>
  );
}

type Look = "origin" | "markdown" | "written";

const LOOKS: [Look, string][] = [
  ["origin", "Where from"],
  ["markdown", "Markdown"],
  ["written", "As written"],
];

function useProvenance(id: string, isWanted: boolean) {
  return useQuery({
    queryKey: ["provenance", id],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/requests/{request_id}/provenance", { params: { path: { request_id: id } }, signal })),
    enabled: isWanted,
    staleTime: 60_000,
  });
}

function Messages({ detail }: { detail: Detail }) {
  const { search, set } = useView();
  const found = useProvenance(detail.id, detail.record === "full").data;
  const isTold = tellsSomething(found);
  const look = (search["text"] ?? (isTold ? "origin" : "markdown")) as Look;
  const said = useMemo(() => saidIn(detail.request), [detail.request]);
  const answered = useMemo(() => answeredIn(detail.response), [detail.response]);
  const painted = useMemo(() => stretchesOf(found), [found]);
  const stretches = useCallback((each: Said) => painted.get(textOf(each)), [painted]);
  if (detail.record !== "full") {
    return <Empty title={`This key records ${detail.record === "none" ? "nothing" : "no bodies"} of its calls`} />;
  }
  if (said.length === 0 && answered.length === 0) {
    return <Body body={detail.request} size={detail.request_bytes} isCut={detail.request_truncated} />;
  }
  const asWritten = look === "written";
  return (
    <>
      <div className="hg-looks" role="group" aria-label="how texts are shown">
        {LOOKS.map(([name, title]) => (
          <button
            key={name}
            type="button"
            className="hg-button hg-quiet-button"
            aria-pressed={name === look}
            onClick={() => set({ text: name }, true)}
          >
            {title}
          </button>
        ))}
      </div>
      {found && found.shares.length > 0 && (
        <OriginBar shares={found.shares} of={`${count(detail.usage.input + detail.usage.cache_read + detail.usage.cache_write)} tokens of input, shares estimated by characters`} />
      )}
      {said.length > 0 ? (
        <Conversation said={said} asWritten={asWritten} {...(look === "origin" ? { stretchesOf: stretches } : {})} />
      ) : (
        <Body body={detail.request} size={detail.request_bytes} isCut={detail.request_truncated} />
      )}
      <h2 className="hg-answer-title">Answer</h2>
      {answered.length > 0 ? (
        <Conversation said={answered} asWritten={asWritten} />
      ) : (
        <Unread detail={detail} />
      )}
      {detail.response_truncated && (
        <p className="hg-note">The record keeps the beginning and the end of this answer: what stood between is missing above.</p>
      )}
      {detail.truncated && <p className="hg-note">The stream broke off before its end.</p>}
    </>
  );
}

const READABLE = /^(?:text\/|application\/(?:.*\+)?json)/;

/** An answer that holds no messages, as it is: another route's values, or the words of a transcript. */
function Unread({ detail }: { detail: Detail }) {
  if (!detail.response_bytes) {
    return <p className="hg-soft">There was none.</p>;
  }
  return (
    <>
      <p className="hg-soft">It says nothing that can be shown as a message.</p>
      {READABLE.test(detail.response_content_type ?? "") && (
        <Body body={detail.response} size={detail.response_bytes} isCut={detail.response_truncated} />
      )}
    </>
  );
}

function Body({ body, size, isCut }: { body: unknown; size: number | null; isCut: boolean }) {
  const text = useMemo(
    () => (body === null || body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body, null, 2)),
    [body],
  );
  if (text === "") {
    return <Empty title="Nothing is on record here" />;
  }
  return (
    <>
      <p className="hg-soft">
        {size !== null && `${bytes(size)} as it was sent`}
        {isCut && ", of which the record keeps the beginning and the end"}
      </p>
      <Verbatim text={text} label="body" />
    </>
  );
}

function Parameters({ detail }: { detail: Detail }) {
  if (detail.parameters.length === 0) {
    return <Empty title="The call set no parameter" />;
  }
  return (
    <table className="hg-small-table">
      <thead>
        <tr>
          <th scope="col">Parameter</th>
          <th scope="col">Value</th>
          <th scope="col">From</th>
        </tr>
      </thead>
      <tbody>
        {detail.parameters.map((each) => (
          <tr key={each.name}>
            <th scope="row">{each.name}</th>
            <td>
              <code>{JSON.stringify(each.value)}</code>
              {each.before !== undefined && each.before !== null && (
                <span className="hg-soft"> instead of {JSON.stringify(each.before)}</span>
              )}
            </td>
            <td>{each.source}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
