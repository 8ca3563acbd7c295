"""What is exported of a trace is read by another house as it was; lines stand alone, memory has a bound."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from tests.attack.instrumentations.hearing import recorded
from tests.attack.instrumentations.instrumentation_runs import NAMES
from tests.contract.made_entries import envelope, make_body, make_end, new_call, now_ms
from tests.contract.made_spans import make_batch, span_envelope
from tests.contract.traces_by_hand import BEGIN, new_trace, put_calls, put_spans, put_trace

from headgate.access.model import Key
from headgate.records.bodies import BodySink
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.traces.conventions.priced import priced
from headgate.traces.conventions.resolve import resolve
from headgate.traces.exporting import reading
from headgate.traces.exporting.lines import lines_of
from headgate.traces.exporting.model import Format, Place
from headgate.traces.exporting.reading import TraceReader, grouped
from headgate.traces.keeping.sink import SpanSink, TraceCallSink
from headgate.traces.model import SpanBatch, span_number
from headgate.traces.otlp.decoding import decode_spans
from headgate.traces.reading.finding import find_trace
from headgate.traces.reading.opening import open_trace
from headgate.traces.scores.model import NewFeedback, score_of
from headgate.traces.scores.storing import add_scores

OTHER = Key(id="k2", name="other", digest=b"", project="other", role="member", may_assert=True)
REQUEST = b'{"model": "assistant", "messages": [{"role": "user", "content": "Where is it?"}]}'
ANSWER = (
    b'{"id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-5-mini", "choices": [{"index": 0,'
    b' "finish_reason": "stop", "message": {"role": "assistant", "content": "Here."}}]}'
)
LOST = ("project", "key", "day", "convention", "flags")
"""Whose a span is in another house; by whose names it was told; and what was cut, before it was exported."""


async def ship(database: Database, *batches: SpanBatch) -> None:
    async with database.transaction() as connection:
        await SpanSink().apply(connection, [span_envelope(batch) for batch in batches])


async def exported(database: Database, trace: str, form: Format, key: str | None = None) -> bytes:
    async with database.connection() as connection:
        kept = await find_trace(connection, None, trace)
    reader = TraceReader(database, kept, key)
    lines: AsyncIterator[bytes] = lines_of(reader, reader.project, form)
    return b"".join([piece async for piece in lines])


async def brought(database: Database, trace: str) -> None:
    """Send what is exported, line by line, as another house's exporter would."""
    for line in (await exported(database, trace, "otlp")).splitlines():
        decoded = decode_spans(line, "json", OTHER, now_ms())
        assert not decoded.reasons.text()
        await ship(database, *[msgspec.msgpack.decode(entry, type=SpanBatch) for entry in decoded.entries])


async def told(database: Database, project: str) -> list[dict[str, Any]]:
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "select *, attributes::text from spans where project = %s order by trace_id, span_id", (project,)
        )
        rows = await cursor.fetchall()
    for row in rows:
        for name in LOST:
            del row[name]
        for name in ("input", "output", "system", "attributes"):
            row[name] = json.loads(row[name]) if row[name] else ""
    return rows


@pytest.mark.parametrize("name", NAMES)
async def test_what_instrumentations_said_comes_back_to_the_last_attribute(
    database: Database, name: str
) -> None:
    spans = [priced(resolve(raw)) for raw in recorded(name)]
    spans = [msgspec.structs.replace(span, start_ns=span.start_ns // 1000 * 1000) for span in spans]
    await ship(database, make_batch(*spans))
    for trace in {span.trace_id.hex() for span in spans}:
        await brought(database, trace)
    before = await told(database, "default")
    assert len(before) == len(spans) > 1
    assert await told(database, "other") == before


ODD: list[dict[str, Any]] = [
    {"name": "bare", "status": "unset", "service": ""},
    {"name": "number", "kind": "retriever", "operation": "retrieval", "input": "5", "output": "true"},
    {
        "name": "text",
        "kind": "workflow",
        "operation": "invoke_workflow",
        "input": '"a \\" b"',
        "output": "[1, 2.5]",
    },
    {"name": "says a model, and is none", "model": "m", "request_model": "m"},
    {"name": "tool", "kind": "tool", "operation": "execute_tool", "tool": "look", "input": '{"q": 1}'},
    {
        "name": "model",
        "kind": "llm",
        "operation": "chat",
        "provider": "openai",
        "model": "a",
        "request_model": "b",
        "user": "anna",
        "session": "s1",
        "tags": ["x", "y"],
        "usage": Jsonb({"input": 5, "cache_read": 3, "output": 7, "reasoning": 2}),
        "cost_usd": "0.000000123457",
        "cost_source": "reported",
        "first_token_ms": 12.345,
        "finish_reasons": ["stop"],
        "status": "error",
        "status_message": "no\nmore",
        "system": '[{"type":"text","content":"Be brief."}]',
        "input": '[{"role":"user",\n "parts":[{"type":"text","content":"Where?"}]}]',
        "details": Jsonb(
            {
                "tools": [{"name": "look"}],
                "parameters": {"temperature": 0.5, "odd": {"a": [1, None]}},
                "documents": [{"id": "d1", "content": "one"}],
                "events": [{"name": "retry", "at_ns": 1_795_000_000_000_000_000, "attributes": {"n": 2}}],
                "links": [{"trace_id": "ab" * 16, "span_id": "cd" * 8, "attributes": {"why": "so"}}],
                "resource": {"service.name": "app", "process.pid": 7, "big": [True, {"a": None}]},
                "scope": "some tracer 1.2",
            }
        ),
        "attributes": '{"http.status_code": 200, "langfuse.user.id": " anna ", "nested": {"a": [1.5]}}',
    },
]


async def odd_trace(database: Database) -> str:
    trace = await put_trace(database, new_trace(), user="anna", session="s1")
    await put_spans(database, trace, *ODD)
    return trace


async def test_odd_spans_come_back_too(database: Database) -> None:
    trace = await odd_trace(database)
    await brought(database, trace)
    before, after = await told(database, "default"), await told(database, "other")
    assert len(before) == len(ODD)
    for one, other in zip(before, after, strict=True):
        # Tokens are kept as they were told, a service in a resource: nobody had told these so.
        for name in ("usage_raw", "resource"):
            if name not in one["details"]:
                other["details"].pop(name, None)
        if one["name"] == "model":
            assert one["attributes"].pop("langfuse.user.id") == " anna "
        assert one == other


async def test_a_call_on_record_is_a_span_of_the_export_and_counts_once(database: Database) -> None:
    trace = await put_trace(database, new_trace())
    [made] = await put_spans(database, trace, {"name": "root", "kind": "workflow"})
    identity = UUID(bytes=new_call())
    await put_calls(
        database, trace, {"id": identity, "parent_span_id": 1, "usage": Jsonb({"input": 9, "output": 4})}
    )
    await brought(database, trace)
    async with database.connection() as connection:
        before = await open_trace(connection, ["default"], trace)
        after = await open_trace(connection, ["other"], trace)
    assert (before.calls, before.cost_usd) == (1, "0.001")
    assert (after.calls, after.cost_usd, after.usage) == (before.calls, before.cost_usd, before.usage)
    assert [(node.depth, node.kind, node.parent_id) for node in after.spans] == [
        (0, "workflow", None),
        (1, "llm", made),
    ]
    assert (after.started_at, after.duration_ms) == (before.started_at, before.duration_ms)


async def test_the_words_of_a_call_are_in_both_forms(database: Database) -> None:
    trace, call = new_trace(), new_call()
    body = make_body(call, request=REQUEST, response=ANSWER)
    end = make_end(call, trace_id=trace, dialect="openai-chat", record="full")
    async with database.transaction() as connection:
        for sink in (RecordSink(), TraceCallSink()):
            await sink.apply(connection, [envelope(end)])
        await BodySink().apply(connection, [envelope(body)])
    [line] = (await exported(database, trace, "jsonl")).splitlines()
    found = json.loads(line)
    assert (found["type"], found["request_id"]) == ("call", str(UUID(bytes=call)))
    assert found["content"]["input"][0]["parts"] == [{"type": "text", "content": "Where is it?"}]
    assert found["content"]["output"][0]["parts"] == [{"type": "text", "content": "Here."}]
    await brought(database, trace)
    [span] = await told(database, "other")
    assert span["input"] == found["content"]["input"] and span["output"] == found["content"]["output"]
    assert span["span_id"] == span_number(bytes.fromhex(found["span_id"]))


async def test_what_was_said_of_a_span_goes_along(database: Database) -> None:
    trace = await odd_trace(database)
    said = [
        NewFeedback(name="relevant", value=0.5, comment="so so", span_id="0000000000000002", trace_id=trace),
        NewFeedback(name="csat", value=4, trace_id=trace),
    ]
    async with database.transaction() as connection:
        await add_scores(connection, "default", [score_of(one, "k1") for one in said])
    lines = [json.loads(line) for line in (await exported(database, trace, "jsonl")).splitlines()]
    scores = [line for line in lines if line["type"] == "score"]
    assert {(score["name"], score["value"]) for score in scores} == {("relevant", 0.5), ("csat", 4)}
    await brought(database, trace)
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select name, value, comment, source, span_id from scores where project = 'other'"
        )
        assert await cursor.fetchall() == [("relevant", 0.5, "so so", "person", 2)]


async def test_each_line_stands_alone(database: Database) -> None:
    trace = await odd_trace(database)
    lines = (await exported(database, trace, "jsonl")).splitlines()
    assert len(lines) == len(ODD)
    found = {json.loads(line)["name"]: json.loads(line) for line in lines}
    model = found["model"]
    assert (model["type"], model["trace_id"], model["project"], model["user"]) == (
        "span",
        trace,
        "default",
        "anna",
    )
    assert model["content"]["input"][0]["parts"][0]["content"] == "Where?"
    assert model["cost_usd"] == "0.000000123457"


async def test_an_export_is_read_a_part_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = await odd_trace(database)
    await put_calls(database, trace, *[{"id": UUID(bytes=new_call())} for _ in range(5)])
    whole = {form: await exported(database, trace, form) for form in ("otlp", "jsonl")}
    monkeypatch.setattr(reading, "PLACES_MAX", 2)
    monkeypatch.setattr(reading, "SPANS_MAX", 1)
    monkeypatch.setattr(reading, "CALLS_MAX", 1)
    assert {form: await exported(database, trace, form) for form in ("otlp", "jsonl")} == whole
    monkeypatch.setattr("headgate.traces.exporting.lines.REQUEST_SPANS_MAX", 3)
    parts = [json.loads(line) for line in (await exported(database, trace, "otlp")).splitlines()]
    counts = [
        sum(len(scope["spans"]) for group in part["resourceSpans"] for scope in group["scopeSpans"])
        for part in parts
    ]
    assert counts == [3, 3, 3, 2]


def test_no_more_text_is_read_at_once_than_fits() -> None:
    lengths = [400_000, 400_000, 400_000, 5_000_000, 1, 1]
    places = [Place(BEGIN.date(), number, BEGIN, length) for number, length in enumerate(lengths)]
    assert [[place.id for place in group] for group in grouped(places)] == [[0, 1], [2], [3], [4, 5]]
    assert [len(group) for group in grouped([Place(BEGIN.date(), 1, BEGIN)] * 1200)] == [500, 500, 200]


async def test_one_key_gets_its_own_part(database: Database) -> None:
    trace = await put_trace(database, new_trace(), name="secret", is_named=True)
    await put_spans(database, trace, {"name": "mine", "key": "k1"}, {"name": "theirs", "key": "k9"})
    await put_calls(database, trace, {"id": UUID(bytes=new_call()), "key": "k9"})
    for form in ("otlp", "jsonl"):
        part = await exported(database, trace, form, key="k1")
        assert b"mine" in part and b"theirs" not in part and b"secret" not in part and b"k9" not in part
    assert b"secret" in await exported(database, trace, "otlp")
