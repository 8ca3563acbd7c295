import { IconX } from "@tabler/icons-react";
import { Tabs } from "@mantine/core";
import { useMemo } from "react";
import { Facts } from "@/core/Facts";
import { count } from "@/core/format";
import { Answered, Loading } from "@/core/States";
import { Text, Verbatim } from "@/core/Text";
import { Duration, Instant, Money, State } from "@/core/Values";
import { To } from "@/shell/To";
import { useView } from "@/shell/view";
import { Conversation } from "../messages/Conversation";
import { answeredIn, saidIn } from "../messages/conversation";
import { problemInWords } from "./flags";
import { KINDS, KindSign } from "./Kind";
import { Scores } from "./Scores";
import { Sources } from "./Sources";
import { type Exchange, MESSAGES_MAX, asText, exchangeOf } from "./spanContent";
import { bucketsOf } from "./tokens";
import { Filtered, Flags } from "./TraceSummary";
import { type SpanDetail, type TraceDetail, useCall, useSpan } from "./useTrace";
import { type Line, isOfModel } from "./lines";

interface SidePanelProps {
  detail: TraceDetail;
  line: Line;
  /** All lines, by their keys. */
  named: ReadonlyMap<string, Line>;
  onClose: () => void;
}

const TABS = { messages: "Messages", sources: "Sources", details: "Details" } as const;

/** One step: what it is, what went in and came out, and all else that its span said. */
export function SidePanel({ detail, line, named, onClose }: SidePanelProps) {
  const { search, set } = useView();
  const { node } = line;
  const tab = Object.hasOwn(TABS, search["tab"] ?? "") ? search["tab"] : "messages";
  return (
    <>
      <header className="hg-side-head">
        <KindSign kind={node.kind} />
        <h2 className="hg-ellipsis" title={node.name}>
          {node.name ? <Text>{node.name}</Text> : "A step without a name"}
        </h2>
        <span className="hg-spring" />
        {node.request_id && (
          <To path={`/requests/${node.request_id}`} className="hg-button">
            Open the call
          </To>
        )}
        <button type="button" className="hg-icon-button" aria-label="close the step" onClick={onClose}>
          <IconX size={15} stroke={1.7} />
        </button>
      </header>
      <div className="hg-side-body">
        <StepFacts line={line} />
        <Flags flags={node.flags ?? []} />
        {node.problem && (
          <p className="hg-note">
            <strong>{node.problem}</strong>: {problemInWords(node.problem)}
          </p>
        )}
        <Tabs value={tab ?? "messages"} onChange={(value) => set({ tab: value === "messages" ? null : value }, true)} keepMounted={false}>
          <Tabs.List>
            {Object.entries(TABS).map(([name, title]) => (
              <Tabs.Tab key={name} value={name}>
                {title}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="messages" pt="sm">
            <Messages detail={detail} line={line} />
          </Tabs.Panel>
          <Tabs.Panel value="sources" pt="sm">
            <Sources detail={detail} line={line} named={named} />
          </Tabs.Panel>
          <Tabs.Panel value="details" pt="sm">
            <Details detail={detail} line={line} />
          </Tabs.Panel>
        </Tabs>
        <Scores key={line.key} detail={detail} spanId={node.span_id ?? null} requestId={node.request_id ?? null} />
      </div>
    </>
  );
}

function StepFacts({ line }: { line: Line }) {
  const { node } = line;
  const told = { recorded: "from the record of the call", reported: "as its span says", priced: "by the price table" };
  const source = told[(node.cost_source ?? "") as keyof typeof told];
  const model = node.model ? (node.provider ? `${node.provider}/${node.model}` : node.model) : null;
  return (
    <>
      {node.status === "error" && (
        <p className="hg-note hg-bad-note">
          <State tone="bad">failed</State> {node.status_message && <Text>{node.status_message}</Text>}
        </p>
      )}
      <Facts
        facts={[
          ["kind", KINDS[node.kind].word],
          ["model", model ? <Filtered name="model" value={node.model ?? ""} /> : null],
          ["provider", node.provider ?? null],
          ["agent", node.agent ? <Filtered name="agent" value={node.agent} /> : null],
          ["tool", node.tool ? <Filtered name="tool" value={node.tool} /> : null],
          ["service", node.service ?? null],
          ["began", <Instant at={node.started_at} />],
          ["took", <Duration ms={node.duration_ms} />],
          ["by itself", line.end > line.place + 1 ? <Duration ms={node.self_ms} /> : null],
          ["first token", node.first_token_ms ? <Duration ms={node.first_token_ms} /> : null],
          ["tokens", node.usage ? bucketsOf(node.usage).map(([name, tokens]) => `${count(tokens)} ${name}`).join(", ") : null],
          [
            "cost",
            node.cost_usd || node.counted ? (
              <>
                <Money usd={node.cost_usd} estimated={node.estimated ?? false} /> <span className="hg-soft">{source}</span>
              </>
            ) : null,
          ],
          ["counts", node.usage && !node.counted ? "no: another step tells of the same tokens" : null],
          ["span", node.span_id ? <code>{node.span_id}</code> : "none: only the gateway tells of this call"],
        ]}
      />
    </>
  );
}

/** What went in and came out: as the span says it, else as the gateway has recorded the call. */
function Messages({ detail, line }: { detail: TraceDetail; line: Line }) {
  const { node } = line;
  const span = useSpan(detail, node.span_id);
  const isSilent = node.span_id === null || (span.data !== undefined && !span.isPlaceholderData && isEmpty(span.data));
  const call = useCall(isSilent ? (node.request_id ?? null) : null);
  const told = span.data;
  const said = useMemo((): Exchange | null => {
    if (isSilent) {
      return call.data ? { input: saidIn(call.data.request), output: answeredIn(call.data.response) } : null;
    }
    return told ? exchangeOf(told.content, isOfModel(node)) : null;
  }, [isSilent, call.data, told, node]);
  if (node.span_id !== null && told === undefined) {
    return (
      <Answered of={span} what="the step">
        {() => null}
      </Answered>
    );
  }
  if (isSilent && node.request_id && call.isLoading) {
    return <Loading what="the call" />;
  }
  if (!said || (said.input.length === 0 && said.output.length === 0)) {
    return <p className="hg-soft">Nothing is on record of what went in and came out.</p>;
  }
  return (
    <>
      <Said said={said.input} title="In" />
      <Said said={said.output} title="Out" />
    </>
  );
}

function isEmpty(span: SpanDetail): boolean {
  return !span.content.input && !span.content.output;
}

function Said({ said, title }: { said: Exchange["input"]; title: string }) {
  const { search } = useView();
  if (said.length === 0) {
    return null;
  }
  const left = said.length - MESSAGES_MAX;
  return (
    <section aria-label={title.toLowerCase()} className="hg-said">
      <h3>{title}</h3>
      {left > 0 && <p className="hg-soft">The {count(left)} messages before these are not drawn; the details have them.</p>}
      <Conversation said={said.slice(-MESSAGES_MAX)} asWritten={search["text"] === "written"} />
    </section>
  );
}

const PARTS: [keyof SpanDetail["content"], string][] = [
  ["attributes", "Attributes"],
  ["parameters", "Parameters"],
  ["documents", "Documents"],
  ["tools", "Tools"],
  ["events", "Events"],
  ["links", "Links"],
  ["resource", "Resource"],
  ["scope", "Scope"],
  ["usage_raw", "Usage as it was told"],
  ["system", "Instructions as they were told"],
  ["input", "Input as it was told"],
  ["output", "Output as it was told"],
];
const OPEN_AT_FIRST = ["attributes", "parameters", "documents", "events", "links"];

/** All that the span said, part by part. */
function Details({ detail, line }: { detail: TraceDetail; line: Line }) {
  const span = useSpan(detail, line.node.span_id);
  if (line.node.span_id === null) {
    return <p className="hg-soft">No span tells of this call. Its page has what the gateway knows of it.</p>;
  }
  return (
    <Answered of={span} what="the step">
      {(found) => (
        <>
          <Facts
            facts={[
              ["told by", found.convention],
              ["operation", found.operation],
              ["response id", found.response_id ? <Text>{found.response_id}</Text> : null],
              ["ended with", found.finish_reasons.join(", ")],
              ["prompt", found.prompt ? <Text>{`${found.prompt} ${found.prompt_version ?? ""}`}</Text> : null],
              ["key", found.key],
              ["tags", found.tags.join(", ")],
              ["told by logs", Array.isArray(found.content.told_by_logs) ? found.content.told_by_logs.join(", ") : null],
            ]}
          />
          {PARTS.map(([name, title]) => {
            const text = asText(found.content[name]);
            return text === "" || text === "{}" || text === "[]" ? null : (
              <details key={name} className="hg-folded hg-detail" open={OPEN_AT_FIRST.includes(name)}>
                <summary>{title}</summary>
                <Verbatim text={text} label={title.toLowerCase()} />
              </details>
            );
          })}
        </>
      )}
    </Answered>
  );
}
