import { ApiError } from "@/api";
import { Chart, Legend } from "@/core/Chart";
import { Diff } from "@/core/Diff";
import { Facts } from "@/core/Facts";
import { Folded, Message, Picture, ToolCall, ToolResult, Words } from "@/core/Message";
import { Sparks } from "@/core/Sparks";
import { StageDots, Stages, type Step } from "@/core/Stages";
import { Empty, Failed, Loading } from "@/core/States";
import { Table } from "@/core/Table";
import { compact, duration } from "@/core/format";
import { Count, Duration, Instant, Money, Name, Share, State, Status, type Tone } from "@/core/Values";

const AT = Array.from({ length: 48 }, (_, hour) => new Date(Date.UTC(2026, 0, 1, hour)).toISOString());
const wave = (scale: number, shift: number): number[] =>
  AT.map((_, place) => Math.round(scale * (1.2 + Math.sin((place + shift) / 5))));
const CALLS = [
  { label: "answered", colour: "green", values: wave(40, 0) },
  { label: "4xx", colour: "orange", values: wave(4, 9) },
  { label: "5xx", colour: "vermillion", values: wave(2, 3) },
];
const LATENCY = [
  { label: "p50", colour: "green", values: wave(300, 0) },
  { label: "p95, with a gap", colour: "blue", values: wave(900, 4).map((each, place) => (place > 20 && place < 26 ? null : each)), dash: [6, 3] },
];
const MARKS = [
  { at: AT[12] ?? "", name: "production: promote 3f2a" },
  { at: AT[30] ?? "", name: "configuration 9c1d" },
];
const STEPS: Step[] = [
  { id: "before", title: "assistant", state: "done", word: "as it was", note: "", share: null, whom: "without the candidate" },
  { id: "internal", title: "internal", state: "done", word: "passed", note: "2 days", share: null, whom: "user anna" },
  { id: "5 %", title: "5 %", state: "here", word: "here", note: "3 hours", share: 0.05, whom: "of users" },
  { id: "25 %", title: "25 %", state: "left", word: "given up", note: "1 day", share: 0.25, whom: "of users" },
  { id: "all", title: "all", state: "ahead", word: "to come", note: "", share: 1, whom: "of calls" },
];
const TONES: Tone[] = ["good", "warn", "bad", "quiet", "accent"];
const ROWS = Array.from({ length: 5000 }, (_, number) => ({ number, square: number * number }));
const HOSTILE = "<script>alert(1)</script> \u202egnp.exe\u202c \u001b[31mred\u001b[0m zero\u200bwidth";
const BEFORE = "You greet {who}.\n\nBe short.\nNever be rude.\nSay the name once.";
const AFTER = "You greet {who}.\n\nBe long.\nSay the name once.\nSay it well.";

function Part({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <section className="hg-part" aria-label={name}>
      <h2>{name}</h2>
      {children}
    </section>
  );
}

export default function Parts() {
  return (
    <div className="hg-parts">
      <h1>Parts</h1>
      <Part name="stages">
        <Stages label="each state of a stage" steps={STEPS} chosen="5 %" render={(step) => step.title} />
        <StageDots steps={STEPS} at="at 5 %" />
      </Part>
      <Part name="values">
        <Facts
          facts={[
            ["money", <Money usd="1234.5" />],
            ["small money", <Money usd="0.00000123" />],
            ["estimated", <Money usd="0.42" estimated />],
            ["unknown", <Money usd={null} />],
            ["duration", <Duration ms={12} />],
            ["longer", <Duration ms={3_723_000} />],
            ["none", <Duration ms={null} />],
            ["count", <Count value={1234567} />],
            ["instant", <Instant at="2026-01-02T03:04:05.678Z" />],
            ["share", <Share of={0.42} />],
            ["name", <Name>{HOSTILE}</Name>],
            ["left out", null],
          ]}
        />
        <p>
          {TONES.map((tone) => (
            <span key={tone}>
              <State tone={tone}>{tone}</State>{" "}
            </span>
          ))}
          <Status status={200} /> <Status status={429} code="rate_limited" /> <Status status={502} code="provider_error" />
        </p>
      </Part>
      <Part name="charts">
        <Chart title="Calls" form="bars" at={AT} lines={CALLS} marks={MARKS} write={compact} />
        <Legend entries={CALLS.map((line) => ({ line, value: <Count value={line.values.reduce((sum, each) => sum + each, 0)} /> }))} />
        <Chart title="Latency" at={AT} lines={LATENCY} marks={MARKS} write={duration} />
      </Part>
      <Part name="sparks">
        <Sparks
          title="Calls by version"
          at={AT.slice(0, 6)}
          end={AT[6] ?? ""}
          label="calls by day"
          strands={[
            { id: "3", name: "version 3", values: [0, 0, 2, 9, 14, 18], total: "43" },
            { id: "2", name: "version 2", values: [12, 11, 9, 4, 1, 0], total: "37" },
            { id: "1", name: "a version whose name is longer than its place", values: [1, 0, 0, 1, 0, 0], total: "2" },
          ]}
          more="and 4 more"
        />
      </Part>
      <Part name="table">
        <Table
          label="five thousand rows"
          rows={ROWS}
          keyOf={(row) => String(row.number)}
          columns={[
            { id: "number", title: "Number", width: "1fr", render: (row) => <Count value={row.number} /> },
            { id: "square", title: "Square", width: "1fr", align: "right", render: (row) => <Count value={row.square} />, onSort: () => undefined, sorted: "descending" },
          ]}
        />
      </Part>
      <Part name="difference">
        <Diff before={BEFORE} after={AFTER} names={["before", "after"]} />
      </Part>
      <Part name="messages">
        <Message role="system">
          <Words text={"# Markdown\n\n- one **bold**\n- two `code`\n\n[a link](https://example.com) ![far](https://example.com/a.png)"} asWritten={false} />
        </Message>
        <Message role="user">
          <Words text={HOSTILE} asWritten={false} />
          <Words text={HOSTILE} asWritten />
          <Picture source="https://example.com/far.png" />
        </Message>
        <Message role="assistant">
          <Folded title="Reasoning">
            <Words text="Because." asWritten={false} />
          </Folded>
          <ToolCall name="weather" id="call_1" text={'{\n  "place": "Oslo"\n}'} />
        </Message>
        <Message role="tool">
          <ToolResult id="call_1" text="4 degrees" />
          <Words text={"A long text.\n".repeat(5000)} asWritten />
        </Message>
      </Part>
      <Part name="states">
        <Loading what="something" />
        <Empty title="Nothing here yet">
          <p className="hg-soft">What to do about it.</p>
        </Empty>
        <Failed
          error={new ApiError(503, "unavailable", "the database does not answer", "it is tried again by itself", "a1b2")}
          onRetry={() => undefined}
        />
      </Part>
    </div>
  );
}
