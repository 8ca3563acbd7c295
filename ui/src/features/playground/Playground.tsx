import { IconPlayerPlay, IconPlayerStop, IconPlus, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { ApiError, api, ask } from "@/api";
import { Facts } from "@/core/Facts";
import { count } from "@/core/format";
import { Answered, Empty, Failed } from "@/core/States";
import { Duration, Money } from "@/core/Values";
import { useMay, useSession } from "@/shell/session";
import { To } from "@/shell/To";
import { useView } from "@/shell/view";
import { Conversation } from "../messages/Conversation";
import { answeredIn } from "../messages/conversation";
import { type Draft, EMPTY, type Line, draftOf } from "./draft";
import { type Sent, send } from "./send";

const RECORD_MS = 300;
const TRIES_MAX = 40;
const ROLES = ["system", "developer", "user", "assistant", "model"];

/** A call to be made by hand: from nothing, or from one that is on record. */
export default function Playground() {
  const { search } = useView();
  const id = search["call"];
  const call = useQuery({
    queryKey: ["request", id],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/requests/{request_id}", { params: { path: { request_id: id ?? "" } }, signal })),
    enabled: id !== undefined,
    staleTime: 60_000,
  });
  if (!useMay("calls:make")) {
    return <Empty title="Your role makes no calls" />;
  }
  return (
    <div className="hg-playground">
      <h1>Playground</h1>
      {id === undefined ? (
        <Editor draft={EMPTY} />
      ) : (
        <Answered of={call} what="the call">
          {(detail) => {
            const draft = detail.request_truncated ? null : draftOf(detail);
            return draft ? <Editor key={id} draft={draft} from={id} /> : <Empty title="This call is no conversation that is on record whole" />;
          }}
        </Answered>
      )}
    </div>
  );
}

interface Run {
  sent: Sent | null;
  error: unknown;
  isRunning: boolean;
}

const IDLE: Run = { sent: null, error: null, isRunning: false };

function useRun() {
  const [run, setRun] = useState<Run>(IDLE);
  const ending = useRef<AbortController | null>(null);
  useEffect(() => () => ending.current?.abort(), []);
  async function start(draft: Draft): Promise<void> {
    ending.current?.abort();
    const end = new AbortController();
    ending.current = end;
    setRun({ ...IDLE, isRunning: true });
    try {
      const sent = await send(draft, end.signal, (part) => setRun({ sent: part, error: null, isRunning: true }));
      setRun({ sent, error: null, isRunning: false });
    } catch (error) {
      if (ending.current === end) {
        const isStopped = end.signal.aborted;
        setRun((before) => ({ sent: before.sent, error: isStopped ? null : error, isRunning: false }));
      }
    }
  }
  return { run, start, stop: () => ending.current?.abort() };
}

function Editor({ draft: given, from }: { draft: Draft; from?: string }) {
  const [draft, setDraft] = useState(given);
  const { run, start, stop } = useRun();
  const change = (part: Partial<Draft>): void => setDraft((before) => ({ ...before, ...part }));
  return (
    <div className="hg-playground-columns">
      <form
        aria-label="the call"
        onSubmit={(event) => {
          event.preventDefault();
          void start(draft);
        }}
      >
        <div className="hg-playground-bar">
          <ModelField model={draft.model} onChange={(model) => change({ model })} />
          <span className="hg-soft">{draft.dialect}</span>
          {from && <To path={`/requests/${from}`}>from this call</To>}
          <span className="hg-spring" />
          {run.isRunning ? (
            <button type="button" className="hg-button" onClick={stop}>
              <IconPlayerStop size={14} stroke={1.6} aria-hidden="true" /> Stop
            </button>
          ) : (
            <button type="submit" className="hg-button hg-primary-button">
              <IconPlayerPlay size={14} stroke={1.6} aria-hidden="true" /> Send
            </button>
          )}
        </div>
        <Lines lines={draft.lines} onChange={(lines) => change({ lines })} />
        <label className="hg-playground-rest">
          Parameters, tools and all else
          <textarea
            className="hg-input"
            spellCheck={false}
            rows={Math.min(16, draft.rest.split("\n").length + 1)}
            value={draft.rest}
            onChange={(event) => change({ rest: event.currentTarget.value })}
          />
        </label>
      </form>
      <Answer run={run} />
    </div>
  );
}

function ModelField({ model, onChange }: { model: string; onChange: (model: string) => void }) {
  const models = useQuery({
    queryKey: ["models"],
    queryFn: () => ask(api.GET("/api/v1/models")),
    enabled: useMay("models:read"),
    staleTime: 60_000,
  });
  const names = models.data?.items.map((each) => each.id) ?? [];
  return (
    <>
      <input
        className="hg-input"
        aria-label="model"
        placeholder="model"
        list="playground-models"
        required
        value={model}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      <datalist id="playground-models">
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}

function Lines({ lines, onChange }: { lines: Line[]; onChange: (lines: Line[]) => void }) {
  const put = (place: number, part: Partial<Line>): void =>
    onChange(lines.map((line, each) => (each === place ? { ...line, ...part } : line)));
  return (
    <>
      {lines.map((line, place) => (
        <div key={place} className={`hg-message hg-role-${/^[a-z]+$/.test(line.role) ? line.role : "unknown"}`}>
          <header>
            {line.isJson ? (
              `${line.role}, as JSON`
            ) : (
              <select
                className="hg-quiet-select"
                aria-label={`role of message ${place + 1}`}
                value={line.role}
                onChange={(event) => put(place, { role: event.currentTarget.value })}
              >
                {[...new Set([...ROLES, line.role])].map((role) => (
                  <option key={role}>{role}</option>
                ))}
              </select>
            )}
            <button
              type="button"
              className="hg-icon-button"
              aria-label={`take message ${place + 1} away`}
              onClick={() => onChange(lines.filter((_, each) => each !== place))}
            >
              <IconX size={13} stroke={1.8} />
            </button>
          </header>
          <textarea
            className="hg-input"
            aria-label={`text of message ${place + 1}`}
            rows={Math.max(2, Math.min(14, line.text.split("\n").length + Math.floor(line.text.length / 110)))}
            value={line.text}
            onChange={(event) => put(place, { text: event.currentTarget.value })}
          />
        </div>
      ))}
      <button
        type="button"
        className="hg-button hg-quiet-button"
        onClick={() => onChange([...lines, { role: "user", text: "", isJson: false }])}
      >
        <IconPlus size={14} stroke={1.6} aria-hidden="true" /> Another message
      </button>
    </>
  );
}

function Answer({ run }: { run: Run }) {
  const { sent, error, isRunning } = run;
  const said = useMemo(() => answeredIn(sent?.body ?? ""), [sent?.body]);
  return (
    <section aria-label="the answer" aria-busy={isRunning}>
      {sent && <Measured sent={sent} isRunning={isRunning} />}
      {error !== null && <Failed error={error instanceof ApiError || error instanceof Error ? error : new Error(String(error))} />}
      <div aria-live="off">
        <Conversation said={said} asWritten={false} />
      </div>
      {!sent && error === null && (
        <Empty title={isRunning ? "Waiting for the first token ..." : "The answer comes here"}>
          <p className="hg-soft">
            It is made with your own rights: budgets, rate limits and rules hold, and it is on record as any call.
          </p>
        </Empty>
      )}
    </section>
  );
}

/** The record of a call, which comes through the journal a moment after its answer. */
function useRecord(id: string, isWanted: boolean) {
  const { key } = useSession();
  const find = (items: { id: string }[] | undefined): boolean => items?.some((each) => each.id === id) ?? false;
  const found = useQuery({
    queryKey: ["played", id],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/requests", { params: { query: { key: key.id, limit: 20 } }, signal })),
    enabled: isWanted,
    refetchInterval: (query) =>
      find(query.state.data?.items) || query.state.dataUpdateCount > TRIES_MAX ? false : RECORD_MS,
  });
  return found.data?.items.find((each) => each.id === id);
}

/** What it took and cost; the cost is known once the call is on record. */
function Measured({ sent, isRunning }: { sent: Sent; isRunning: boolean }) {
  const record = useRecord(sent.id, !isRunning && sent.id !== "");
  const usage = record?.usage;
  return (
    <Facts
      facts={[
        ["first token", sent.firstMs === null ? null : <Duration ms={sent.firstMs} />],
        ["in all", <Duration ms={sent.tookMs} />],
        ["cost", record ? <Money usd={record.cost_usd} estimated={record.estimated} /> : null],
        ["tokens", usage ? `${count(usage.input + usage.cache_read + usage.cache_write)} in, ${count(usage.output + usage.reasoning)} out` : null],
        ["call", record ? <To path={`/requests/${sent.id}`}>{sent.id}</To> : null],
      ]}
    />
  );
}
