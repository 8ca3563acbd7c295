import { describe, expect, it } from "vitest";
import { type Budget, burnOf } from "./budgets/burn";
import { changesOf, curlOf, type Detail } from "./call/detail";
import { type Provenance, stretchesOf, tellsSomething, textOf } from "./call/provenance";
import { answeredIn, saidIn } from "./messages/conversation";
import { between } from "./requests/between";
import { isPartOfId, isWholeId } from "./requests/partsOfIds";
import { standsOut } from "./overview/standsOut";
import { type Draft, bodyOf, draftOf, routeOf } from "./playground/draft";
import { snippetsOf } from "./overview/snippets";
import type { Forecast } from "./budgets/useForecasts";
import type { Change } from "./series/useMarks";
import type { Series } from "./series/useSeries";

const NOW = Date.parse("2026-01-11T00:00:00Z");
const BUDGET = {
  name: "monthly",
  scope: {},
  spent_usd: "50",
  reserved_usd: "1",
  limit_usd: "100",
  window: "month",
  window_start: "2026-01-01T00:00:00Z",
  window_end: "2026-02-01T00:00:00Z",
} as Budget;

describe("the burn of a budget", () => {
  it("says when it runs out at this rate", () => {
    const burn = burnOf(BUDGET, NOW);
    expect(burn.share).toBe(0.5);
    expect(new Date(burn.endsAt ?? 0).toISOString()).toBe("2026-01-21T00:00:00.000Z");
  });

  it("says nothing where it lasts, is used up, or has no window", () => {
    expect(burnOf({ ...BUDGET, spent_usd: "10" }, NOW).endsAt).toBeNull();
    expect(burnOf({ ...BUDGET, spent_usd: "100" }, NOW).endsAt).toBeNull();
    expect(burnOf({ ...BUDGET, window_start: null, window_end: null }, NOW).rate).toBeNull();
  });
});

function series(p95: (number | null)[], calls = 10): Series {
  const ones = p95.map(() => calls);
  const none = p95.map(() => 0);
  const group = { name: "writer", is_rest: false, calls: calls * p95.length, cost: "1", ok: ones, client_errors: none };
  const rest = { server_errors: none, cost_usd: none.map(String), unpriced: none, estimated: none };
  const latency = { duration_p50_ms: p95, duration_p95_ms: p95, duration_p99_ms: p95 };
  const first = { first_token_p50_ms: p95, first_token_p95_ms: p95 };
  return {
    begin: "2026-01-10T00:00:00Z",
    end: "2026-01-11T00:00:00Z",
    step_s: 3600,
    at: p95.map((_, place) => new Date(NOW - (p95.length - place) * 3_600_000).toISOString()),
    groups: [{ ...group, ...rest, ...latency, ...first }],
    failures: [],
  } as unknown as Series;
}

describe("what stands out", () => {
  const nothing = { now: NOW, all: undefined, byModel: undefined, budgets: [], forecasts: new Map<string, Forecast>(), unknownShare: null, changes: [], unreleased: null };
  it("is nothing where nothing does", () => {
    expect(standsOut({ ...nothing, byModel: series(Array(24).fill(500)) })).toEqual([]);
  });

  it("names a model that became slower, and leads to its calls", () => {
    const slower = [...Array(18).fill(500), ...Array(6).fill(1000)] as number[];
    const [found] = standsOut({ ...nothing, byModel: series(slower) });
    expect(found?.text).toContain("writer: p95 up 100 %");
    expect(found?.filter).toEqual({ model: "writer" });
  });

  it("names what changed just before, and not an alert", () => {
    const slower = [...Array(16).fill(500), ...Array(8).fill(1000)] as number[];
    const change = (hours: number, kind: string, name: string): Change =>
      ({ at: new Date(NOW - hours * 3_600_000).toISOString(), kind, name, subject: "x", project: null }) as Change;
    const changes = [change(20, "rule", "rule calm: made"), change(8.5, "release", "production: promote 3f2a"), change(8.2, "alert", "alert: slow")];
    const [found] = standsOut({ ...nothing, byModel: series(slower), changes });
    expect(found?.text).toContain("p95 up 100 % since production: promote 3f2a, from 500 ms to 1.00 s");
  });

  it("says of which share of calls a prompt is in no release", () => {
    const [found] = standsOut({ ...nothing, unreleased: { calls: 7, share: 0.07, prompt: "greeting" } });
    expect(found?.text).toBe("7.0 % of traffic uses a prompt that is in no release: 7 calls, most of greeting");
  });

  it("says nothing of a few calls", () => {
    const slower = [...Array(18).fill(500), ...Array(6).fill(1000)] as number[];
    expect(standsOut({ ...nothing, byModel: series(slower, 1) })).toEqual([]);
  });

  it("puts what is used up before what runs out", () => {
    const budgets = [BUDGET, { ...BUDGET, name: "daily", spent_usd: "100" }];
    const texts = standsOut({ ...nothing, budgets }).map((each) => each.text);
    expect(texts[0]).toContain("daily is used up");
    expect(texts[1]).toContain("monthly runs out on 2026-01-21 at this rate");
  });

  it("says of a budget what its forecast says", () => {
    const quantiles = ["60", "70", "80"].map((usd, place) => ({ share: [0.1, 0.5, 0.9][place] ?? 0, usd: [usd] }));
    const ends = { share: 0.81, at: "2026-01-25T00:00:00Z", earliest: "2026-01-22T00:00:00Z", latest: null };
    const said = (runs_out: Forecast["runs_out"]): string[] => {
      const forecast = { quantiles, runs_out, too_little: null } as unknown as Forecast;
      const forecasts = new Map([["monthly", forecast]]);
      return standsOut({ ...nothing, budgets: [BUDGET], forecasts }).map((each) => each.text);
    };
    expect(said(ends)[0]).toContain("monthly runs out on 2026-01-25 (81 % of projections");
    expect(said({ share: 0.02, at: null, earliest: null, latest: null })).toEqual([]);
  });
});

describe("what changed between calls", () => {
  const item = (id: string, at: string): { id: string; started_at: string } => ({ id, started_at: `2026-01-10T${at}:00Z` });
  const items = [item("c", "12:00"), item("b", "11:00"), item("a", "10:00")];
  const change = (at: string, name: string): Change => ({ at: `2026-01-10T${at}:00Z`, name, kind: "release", subject: "r", project: null });

  it("stands beneath the first call after it", () => {
    const found = between(items, [change("09:00", "before all"), change("10:30", "one"), change("10:40", "two"), change("13:00", "after all")]);
    expect([...found.keys()]).toEqual(["b"]);
    expect(found.get("b")).toMatch(/▾ .* two · .* one$/);
  });

  it("names a few", () => {
    const many = ["11:10", "11:20", "11:30", "11:40"].map((at) => change(at, at));
    expect(between(items, many).get("c")).toMatch(/11:40 · .*11:30 · .*11:20 · 1 more$/);
  });
});

describe("where messages came from", () => {
  const template = { name: "app.py:HI", prompt: "app.py:HI", kind: "code", source: "shop", version: "abc", line: 3, first_commit: "0123456789ab", last_commit: null };
  const found = {
    texts: [{ index: 0, role: "system", pieces: [{ text: "Hi ", origin: "template", name: "app.py:HI" }, { text: "Ada", origin: "variable", name: "who" }] }],
    shares: [{ origin: "template", characters: 3, share: 0.5 }],
    templates: [template],
  } as unknown as Provenance;

  it("stands beside the message that it makes up, with file, line, version and commit", () => {
    const [said] = saidIn({ messages: [{ role: "system", content: "Hi Ada" }] });
    const stretches = stretchesOf(found).get(said ? textOf(said) : "");
    expect(stretches?.map((each) => each.tip)).toEqual(["app.py:HI, line 3, version abc, commits 0123456789", "variable who"]);
    expect(tellsSomething(found)).toBe(true);
    expect(tellsSomething({ ...found, shares: [] })).toBe(false);
  });
});

describe("a call that is edited", () => {
  const same = (dialect: string, request: Record<string, unknown>): Record<string, unknown> => {
    const draft = draftOf({ dialect, model: "assistant", request });
    const { stream: _, stream_options: __, ...body } = bodyOf(draft as Draft);
    return body;
  };

  it("makes the same body again, in each dialect", () => {
    const image = { role: "user", content: [{ type: "text", text: "see" }, { type: "image_url", image_url: { url: "data:" } }] };
    const chat = { model: "assistant", temperature: 0.5, messages: [{ role: "system", content: "be kind" }, { role: "user", content: "hi" }, image] };
    expect(same("openai-chat", chat)).toEqual(chat);
    const claude = { model: "assistant", max_tokens: 9, system: "be kind", messages: [{ role: "user", content: "hi" }] };
    expect(same("anthropic", claude)).toEqual(claude);
    const responses = { model: "assistant", instructions: "be kind", input: [{ role: "user", content: "hi" }] };
    expect(same("openai-responses", responses)).toEqual(responses);
    const google = { contents: [{ role: "user", parts: [{ text: "hi" }] }], generationConfig: { temperature: 0 } };
    expect(same("google", google)).toEqual(google);
  });

  it("is streamed, and says which part is no JSON", () => {
    const draft = draftOf({ dialect: "openai-chat", model: "m", request: { messages: [{ role: "user", content: "hi" }] } }) as Draft;
    expect(bodyOf(draft)["stream"]).toBe(true);
    expect(() => bodyOf({ ...draft, rest: "{" })).toThrow("the parameters");
    expect(routeOf(draft)).toBe("v1/chat/completions");
    expect(draftOf({ dialect: "openai", model: "m", request: { input: "x" } })).toBeNull();
    expect(draftOf({ dialect: "openai-chat", model: "m", request: "cut" })).toBeNull();
  });
});

describe("what to paste", () => {
  it("holds the address and the key that are real, for each SDK", () => {
    const all = snippetsOf("http://h:4400", "hg_key", "assistant");
    expect(all.length).toBeGreaterThanOrEqual(5);
    for (const each of all) {
      expect(each.text).toContain("http://h:4400");
      expect(each.text).toContain("hg_key");
      expect(each.text.includes("assistant") || /OTEL_|observe/.test(each.text)).toBe(true);
      expect(each.text.split("\n")).toHaveLength(3);
    }
  });
});

describe("a conversation", () => {
  it("reads each dialect", () => {
    const chat = saidIn({ messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }] });
    const claude = saidIn({ system: "be kind", messages: [{ role: "user", content: "hi" }] });
    const responses = saidIn({ instructions: "be kind", input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] }] });
    const google = saidIn({ systemInstruction: { parts: [{ text: "be kind" }] }, contents: [{ role: "user", parts: [{ text: "hi" }] }] });
    expect(chat.at(-1)).toEqual(claude.at(-1));
    expect(responses).toEqual(google);
    expect(google[0]).toEqual({ role: "system", parts: [{ kind: "text", text: "be kind" }] });
  });

  it("puts streams together again", () => {
    const line = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
    const call = { index: 0, id: "c", function: { name: "weather", arguments: '{"place"' } };
    const chat =
      line({ choices: [{ delta: { content: "Hel" } }] }) +
      line({ choices: [{ delta: { content: "lo", tool_calls: [call] } }] }) +
      line({ choices: [{ delta: { tool_calls: [{ index: 0, function: { arguments: ':"Oslo"}' } }] } }] }) +
      "data: {cut in the mid\n\ndata: [DONE]\n\n";
    expect(answeredIn(chat)[0]?.parts).toEqual([
      { kind: "text", text: "Hello" },
      { kind: "tool-call", name: "weather", id: "c", arguments: '{\n  "place": "Oslo"\n}' },
    ]);
    const claude =
      line({ type: "content_block_delta", index: 0, delta: { type: "thinking_delta", thinking: "Hm." } }) +
      line({ type: "content_block_delta", index: 1, delta: { type: "text_delta", text: "Yes" } });
    expect(answeredIn(claude)[0]?.parts.map((part) => part.kind)).toEqual(["reasoning", "text"]);
  });

  it("shows whatever else it is given", () => {
    for (const odd of [null, 1, "", [], {}, { messages: 3 }, { messages: [null, 4, { role: 7 }] }, { input: [[]] }]) {
      expect(() => [saidIn(odd), answeredIn(odd)]).not.toThrow();
    }
  });
});

describe("a record", () => {
  const detail = (more: Partial<Detail>): Detail =>
    ({ dialect: "openai-chat", operation: "chat", model: "m", stream: false, request_truncated: false, changes: [], ...more }) as Detail;

  it("says what was changed, why and how bad", () => {
    expect(changesOf(detail({ changes: ["seed: the model refuses it (meaning)", "something else"] }))).toEqual([
      { what: "seed", why: "the model refuses it", weight: "meaning" },
      { what: "something else", why: "", weight: "" },
    ]);
  });

  it("becomes a line for a shell that quotes what it holds", () => {
    const line = curlOf(detail({ request: { text: "it's" } }), "http://h");
    expect(line).toContain(`'{"text":"it'\\''s"}'`);
    expect(line).toContain("http://h/v1/chat/completions");
    expect(curlOf(detail({ request: "half", request_truncated: true }), "http://h")).toBeNull();
  });
});

describe("a part of a request's id", () => {
  it("is six digits or more, from the beginning, the end, or both", () => {
    for (const part of ["0197a2f3", "0197A2F3-7c", "…b4f29a", "...b4f29a", "0197…9a1c", "0197a2f3*"]) {
      expect(isPartOfId(part), part).toBe(true);
    }
    for (const other of ["0197a", "greeting", "a…b…c01234", "app.py:HELLO", "0".repeat(33), ""]) {
      expect(isPartOfId(other), other).toBe(false);
    }
    expect(isWholeId("0197a1b2-0000-7000-8000-000000000001")).toBe(true);
    expect(isWholeId("0197a1b2-0000-7000-8000-00000000000")).toBe(false);
  });
});
