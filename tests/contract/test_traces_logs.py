"""Log records on a real PostgreSQL: messages join their spans whichever comes first, scores are kept once."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest
from psycopg.rows import dict_row
from tests.contract.made_entries import now_ms
from tests.contract.made_logs import DETAILS, EVALUATION, log_envelopes, logs_of
from tests.contract.made_spans import make_batch, new_trace, span_envelope

from headgate.store.database import Database
from headgate.traces.conventions.resolve import resolve
from headgate.traces.keeping.log_sink import LogSink
from headgate.traces.keeping.retention import expire_traces
from headgate.traces.keeping.settling import SettlingJob
from headgate.traces.keeping.sink import SpanSink
from headgate.traces.keeping.words import WordsJob
from headgate.traces.model import RawEvent, RawSpan, Span
from headgate.traces.reading.content import read_span
from headgate.traces.reading.opening import open_trace

SPAN = (7).to_bytes(8, "big")
Record = tuple[str, dict[str, Any]]

MESSAGES: list[Record] = [
    ("gen_ai.system.message", {"body": {"content": "Be brief."}}),
    ("gen_ai.user.message", {"body": {"content": "What is the weather in Paris?"}}),
    (
        "gen_ai.assistant.message",
        {
            "body": {
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
                    }
                ]
            }
        },
    ),
    ("gen_ai.tool.message", {"body": {"id": "call_1", "content": "18 degrees, sunny"}}),
    (
        "gen_ai.choice",
        {
            "body": {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "Sunny, 18 degrees."},
            }
        },
    ),
]
TALK = {
    "gen_ai.input.messages": [
        {"role": "user", "parts": [{"type": "text", "content": "Where is my parcel?"}]}
    ],
    "gen_ai.output.messages": [
        {"role": "assistant", "parts": [{"type": "text", "content": "In Lyon."}], "finish_reason": "stop"}
    ],
    "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
    "gen_ai.request.temperature": 0.5,
}


def raw_span(trace: bytes, events: Sequence[RawEvent] = (), **attributes: Any) -> RawSpan:
    start_ns = now_ms() * 1_000_000
    said = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5-mini", **attributes}
    return RawSpan(
        trace_id=trace,
        span_id=SPAN,
        parent_id=b"",
        name="chat gpt-5-mini",
        kind=3,
        start_ns=start_ns,
        end_ns=start_ns + 1_000_000,
        attributes=said,
        events=list(events),
    )


async def ship_span(database: Database, span: Span) -> None:
    async with database.transaction() as connection:
        await SpanSink().apply(connection, [span_envelope(make_batch(span))])


async def ship_logs(database: Database, trace: bytes, *records: Record, **key: Any) -> None:
    data = logs_of(*records, trace_id=trace, span_id=SPAN)
    async with database.transaction() as connection:
        await LogSink().apply(connection, log_envelopes(data, **key))


async def only_row(database: Database, table: str = "spans", **named: Any) -> Mapping[str, Any]:
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"select * from {table} where trace_id = %(trace)s".encode(), named)
        [row] = await cursor.fetchall()
        return row


def as_event(name: str, fields: Mapping[str, Any]) -> RawEvent:
    return RawEvent(name=name, at_ns=1, attributes={**fields.get("attributes", {}), **fields.get("body", {})})


COMPARED = ("kind", "operation", "model", "input", "output", "system", "finish_reasons", "usage", "cost_usd")


@pytest.mark.parametrize("records", [MESSAGES, [(DETAILS, {"attributes": TALK})]], ids=["legacy", "details"])
@pytest.mark.parametrize("order", ["before", "after", "around", "one by one, backwards"])
async def test_messages_of_logs_show_as_those_of_span_events(
    database: Database, records: list[Record], order: str
) -> None:
    told, logged = new_trace(), new_trace()
    await ship_span(database, resolve(raw_span(told, [as_event(*record) for record in records])))
    before, after = {
        "before": (records, []),
        "after": ([], records),
        "around": (records[:1], records[1:]),
        "one by one, backwards": ([], []),
    }[order]
    plain = resolve(raw_span(logged))
    if order.startswith("one"):
        await ship_span(database, plain)
        request = list(enumerate(records))
        for number, (name, fields) in reversed(request):
            at = {"time_unix_nano": 1_795_000_000_000_000_000 + number}
            await ship_logs(database, logged, (name, {**fields, **at}))
    else:
        if before:
            await ship_logs(database, logged, *before)
        await ship_span(database, plain)
        # `around` comes again whole: an exporter that was not answered.
        if after:
            await ship_logs(database, logged, *records)
    expected = await only_row(database, trace=UUID(bytes=told))
    found = await only_row(database, trace=UUID(bytes=logged))
    assert {name: found[name] for name in COMPARED} == {name: expected[name] for name in COMPARED}
    assert found["input"] and found["output"]
    async with database.connection() as connection:
        shown = await read_span(connection, ["default"], logged.hex(), plain.span_id.hex())
    assert {"input", "output"} <= set(msgspec.json.decode(msgspec.json.encode(shown.content.told_by_logs))), (
        "a span's detail says what it was told by logs"
    )
    assert found["details"].get("parameters") == expected["details"].get("parameters")


async def test_opening_the_trace_and_searching_it_find_what_logs_said(database: Database) -> None:
    trace = new_trace()
    await ship_span(database, resolve(raw_span(trace)))
    words = WordsJob(database)
    while await words.run_once():
        pass
    await ship_logs(database, trace, *MESSAGES)
    while await words.run_once():
        pass
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select span_id from span_words where words @@ plainto_tsquery('simple', 'weather paris sunny')"
        )
        assert await cursor.fetchall() == [(7,)]
        opened = await open_trace(connection, ["default"], trace.hex(), with_content=True)
    [node] = opened.spans
    assert node.content is not None and isinstance(node.content.output, msgspec.Raw)
    [answer] = msgspec.json.decode(node.content.output)
    assert answer["parts"] == [{"type": "text", "content": "Sunny, 18 degrees."}]
    assert opened.span_count == 1


async def test_the_spans_own_word_stands(database: Database) -> None:
    trace = new_trace()
    own = '[{"role": "user", "parts": [{"type": "text", "content": "own"}]}]'
    said: dict[str, Any] = {"gen_ai.input.messages": own, "gen_ai.usage.input_tokens": 9}
    await ship_span(database, resolve(raw_span(trace, **said)))
    said = {**TALK, "gen_ai.usage.input_tokens": 900, "gen_ai.usage.output_tokens": 5}
    await ship_logs(database, trace, (DETAILS, {"attributes": said}))
    row = await only_row(database, trace=UUID(bytes=trace))
    assert "own" in row["input"] and "Lyon" in row["output"] and row["usage"]["input"] == 9
    assert "input" not in row["details"]["told_by_logs"]


async def test_what_logs_say_of_tokens_is_counted_once(database: Database) -> None:
    trace = new_trace()
    said = {
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": "gpt-5-mini",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100,
    }
    await ship_logs(database, trace, (DETAILS, {"attributes": said}))
    await ship_span(database, resolve(raw_span(trace)))
    await ship_logs(database, trace, (DETAILS, {"attributes": {**said, "again": True}}))
    await SettlingJob(database, quiet_s=0, wait_s=0).run_once()
    row = await only_row(database, "traces", trace=UUID(bytes=trace))
    assert (row["calls"], row["input"], row["output"], row["spans"]) == (1, 1000, 100, 1)
    span = await only_row(database, trace=UUID(bytes=trace))
    assert row["cost_usd"] == span["cost_usd"] and span["cost_usd"] > 0 and span["cost_source"] == "priced"
    assert {"model:gpt-5-mini", "provider:openai"} <= set(row["facets"])


async def test_events_of_another_key_or_project_join_nothing(database: Database) -> None:
    trace = new_trace()
    await ship_span(database, resolve(raw_span(trace)))
    await ship_logs(database, trace, *MESSAGES, id="k2")
    await ship_logs(database, trace, *MESSAGES, project="other")
    row = await only_row(database, trace=UUID(bytes=trace))
    assert row["input"] == "" and "told_by_logs" not in row["details"]


async def test_two_shippers_that_bring_the_halves_at_once_lose_neither(database: Database) -> None:
    for _ in range(5):
        trace = new_trace()
        await asyncio.gather(
            ship_span(database, resolve(raw_span(trace))), ship_logs(database, trace, *MESSAGES)
        )
        row = await only_row(database, trace=UUID(bytes=trace))
        assert "Paris" in row["input"]


async def test_evaluations_become_scores_once(database: Database) -> None:
    trace = new_trace()
    said = {
        "gen_ai.evaluation.name": "relevance",
        "gen_ai.evaluation.score.value": 0.75,
        "gen_ai.evaluation.score.label": "relevant",
        "gen_ai.evaluation.explanation": "names the city",
    }
    record: Record = (EVALUATION, {"attributes": said})
    await ship_logs(database, trace, record, record)
    await ship_span(database, resolve(raw_span(trace)))
    await ship_logs(database, trace, record)
    await ship_logs(database, trace, (EVALUATION, {"attributes": said, "span_id": b""}))
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select subject, name, value, text, comment, source, span_id, trace_id from scores order by 1"
        )
        scores = await cursor.fetchall()
    of_span, of_trace = scores
    assert of_span[:6] == ("span", "relevance", 0.75, "relevant", "names the city", "code")
    assert of_span[6:] == (7, UUID(bytes=trace)) and of_trace[0] == "trace" and of_trace[6] is None
    row = await only_row(database, "traces", trace=UUID(bytes=trace))
    assert "score:relevance" in row["facets"]


async def test_events_nobody_reads_are_kept_beside_the_spans_own(database: Database) -> None:
    trace = new_trace()
    retry = RawEvent(name="retry", at_ns=5, attributes={"attempt": 1})
    await ship_span(database, resolve(raw_span(trace, [retry])))
    failed = {"exception.type": "Timeout", "exception.message": "too slow"}
    for _ in range(2):
        await ship_logs(
            database, trace, ("gen_ai.client.operation.exception", {"attributes": failed}), ("gen_ai.new", {})
        )
    row = await only_row(database, trace=UUID(bytes=trace))
    names = [event["name"] for event in row["details"]["events"]]
    assert names == ["retry", "gen_ai.client.operation.exception", "gen_ai.new"]


async def test_events_go_with_their_projects_days(database: Database) -> None:
    await ship_logs(database, new_trace(), *MESSAGES)
    async with database.connection() as connection:
        await connection.execute("update span_events set day = day - 10")
        await expire_traces(connection, {"default": 11})
        cursor = await connection.execute("select count(*) from span_events")
        assert await cursor.fetchone() == (len(MESSAGES),)
        await expire_traces(connection, {"default": 9})
        cursor = await connection.execute("select count(*) from span_events")
        assert await cursor.fetchone() == (0,)


async def test_a_request_again_adds_nothing_and_the_same_words_twice_stay_two(database: Database) -> None:
    trace = new_trace()
    at = {"time_unix_nano": 1_795_000_000_000_000_000}
    yes: list[Record] = [("gen_ai.user.message", {"body": {"content": "yes"}, **at})] * 2
    await ship_span(database, resolve(raw_span(trace)))
    for _ in itertools.repeat(None, 2):
        await ship_logs(database, trace, *yes)
    row = await only_row(database, trace=UUID(bytes=trace))
    assert len(msgspec.json.decode(row["input"])) == 2
