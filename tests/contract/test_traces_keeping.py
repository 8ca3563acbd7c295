"""Spans on a real PostgreSQL: rows, the rows of traces, what comes again, what two shippers write at once."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql
from psycopg.rows import dict_row
from tests.contract.made_entries import envelope, make_end, new_call, now_ms
from tests.contract.made_spans import make_batch, make_model_span, make_span, new_trace, span_envelope

from headgate.core.call import Usage
from headgate.core.entries import End
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.traces.keeping.rows import COLUMN_TYPES, kept_spans, span_row
from headgate.traces.keeping.sink import QUERIES, SpanSink, TraceCallSink
from headgate.traces.model import SpanBatch

COPY = QUERIES.copy_spans
DAY_MS = 24 * 3600 * 1000


async def ship(database: Database, *batches: SpanBatch) -> None:
    async with database.transaction() as connection:
        await SpanSink().apply(connection, [span_envelope(batch) for batch in batches])


async def record(database: Database, *ends: End) -> None:
    async with database.transaction() as connection:
        for sink in (RecordSink(), TraceCallSink()):
            await sink.apply(connection, [envelope(end) for end in ends])


async def rows(database: Database, table: str, order: str = "trace_id") -> list[dict[str, Any]]:
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            sql.SQL("select * from {} order by {}").format(sql.Identifier(table), sql.Identifier(order))
        )
        return await cursor.fetchall()


async def test_a_span_is_kept_with_all_that_it_says(database: Database) -> None:
    trace = new_trace()
    span = make_model_span(
        trace,
        2,
        1,
        name="chat \0 gpt",
        status="error",
        status_message="no \0",
        tags=("blue", "ä" * 300),
        usage=Usage(input=10, units={"web\0search": 2}),
        first_token_ms=12.5,
        finish_reasons=("stop",),
        flags=("odd",),
        events='[{"name": "retry \\u0000"}]',
        usage_raw="{broken",
        attributes='{"a": "\0"}',
        release="r1",
    )
    await ship(database, make_batch(span))
    [row] = await rows(database, "spans")
    assert row["trace_id"] == UUID(bytes=trace) and row["span_id"] == 2 and row["parent_id"] == 1
    assert row["name"] == "chat \ufffd gpt" and row["status_message"] == "no \ufffd"
    assert row["tags"] == ["blue", "ä" * 200]
    assert row["finish_reasons"] == ["stop"] and row["flags"] == ["odd"]
    assert row["usage"] == {"input": 10, "units": {"web\ufffdsearch": 2}}
    assert row["cost_usd"] == Decimal("0.000002") and row["input"] == span.input
    assert row["duration_us"] == 5000 and abs((datetime.now(UTC) - row["started_at"]).total_seconds()) < 600
    assert row["details"] == {"events": [{"name": "retry \0"}], "usage_raw": "{broken"}
    assert row["first_token_ms"] == 12.5 and row["attributes"] == '{"a": "\ufffd"}'
    async with database.connection() as connection:
        cursor = await connection.execute("select count(*) from spans_default")
        assert await cursor.fetchone() == (0,), "it has a partition of its day"
    [queued] = await rows(database, "text_queue", "id")
    assert (queued["trace_ids"], queued["span_ids"]) == ([UUID(bytes=trace)], [2])


async def test_times_beyond_the_years_and_negative_ids_are_kept(database: Database) -> None:
    trace = new_trace()
    far = make_span(trace, 2**64 - 1, start_ns=2**64 - 1, end_ns=5)
    early = make_span(trace, 2**63, start_ns=0, end_ns=2**64 - 1)
    await ship(database, make_batch(far, early))
    found = await rows(database, "spans", "span_id")
    assert [row["span_id"] for row in found] == [-(2**63), -1] and found[1]["duration_us"] == 0
    [kept] = await rows(database, "traces")
    assert kept["started_at"] == datetime(1970, 1, 1, tzinfo=UTC) and kept["spans"] == 2


async def test_the_row_of_a_trace_adds_up_in_any_order(database: Database) -> None:
    spans = [
        make_span(b"", 1, name="checkout", start_ns=1_000_000_000, end_ns=9_000_000_000),
        make_model_span(
            b"", 2, 1, tags=("blue",), session="s1", start_ns=2_000_000_000, end_ns=3_000_000_000
        ),
        make_span(b"", 3, 1, kind="tool", tool="search", status="error", user="ann", service="finder"),
        make_span(b"", 4, 3, start_ns=500_000_000, end_ns=600_000_000, agent="buyer", release="r7"),
    ]
    orders = ((0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1))
    for order in orders:
        trace = new_trace()
        for place in order:
            await ship(database, make_batch(msgspec.structs.replace(spans[place], trace_id=trace)))
    found = [
        {name: value for name, value in row.items() if name not in ("trace_id", "changed_at")}
        for row in await rows(database, "traces")
    ]
    assert len(found) == 3 and found[0] == found[1] == found[2]
    row = found[0]
    assert row["name"] == "checkout" and row["service"] == "shop" and row["spans"] == 4 and row["errors"] == 1
    assert row["started_at"].timestamp() == 0.5 and row["root_started_at"].timestamp() == 1.0
    assert (row["user"], row["session"], row["release"]) == ("ann", "s1", "r7")
    said = "agent:buyer key:k1 kind:llm kind:tool model:gpt-5-mini provider:openai release:r7 service:finder"
    assert row["facets"] == [*said.split(), "service:shop", "status:error", "tag:blue", "tool:search"]
    assert len(await rows(database, "trace_changes")) == 3


async def test_a_name_that_is_said_wins_over_the_root(database: Database) -> None:
    trace = new_trace()
    await ship(database, make_batch(make_span(trace, 2, 1, trace_name="refund")))
    await ship(database, make_batch(make_span(trace, 1)))
    assert [row["name"] for row in await rows(database, "traces")] == ["refund"]


async def test_what_comes_again_counts_once(database: Database) -> None:
    trace = new_trace()
    one, two, three = (make_span(trace, number, status="error") for number in (1, 2, 3))
    received_ms = now_ms()
    await ship(
        database, make_batch(one, two, received_ms=received_ms), make_batch(two, received_ms=received_ms)
    )
    await ship(database, make_batch(one, two, three, received_ms=received_ms))
    await ship(database, make_batch(three, received_ms=received_ms + DAY_MS))
    await ship(database, make_batch(one, received_ms=received_ms - DAY_MS))
    assert [row["span_id"] for row in await rows(database, "spans", "span_id")] == [1, 2, 3]
    [kept] = await rows(database, "traces")
    assert kept["spans"] == 3 and kept["errors"] == 3
    await ship(database, make_batch(one, project="other"))
    assert len(await rows(database, "traces")) == 2, "a project's spans are its own"


async def test_two_shippers_write_the_same_spans_once(database: Database) -> None:
    traces = [new_trace() for _ in range(8)]
    spans = [make_span(trace, number) for trace in traces for number in range(1, 6)]
    forward, backward = make_batch(*spans), make_batch(*reversed(spans))

    async def again(batch: SpanBatch) -> None:
        while True:
            try:
                return await ship(database, batch)
            except psycopg.errors.SerializationFailure:
                continue

    await asyncio.gather(*(again(batch) for batch in (forward, backward) * 3))
    assert len(await rows(database, "spans")) == 40
    assert [row["spans"] for row in await rows(database, "traces")] == [5] * 8


async def test_a_recorded_call_alone_is_a_trace(database: Database) -> None:
    trace = new_trace()
    ends = ((200, "length"), (500, ""))
    calls = [
        make_end(new_call(), trace_id=trace.hex(), release="", status=status, finish=finish)
        for status, finish in ends
    ]
    nowhere = [make_end(new_call(), trace_id=odd) for odd in ("", "t3", "0" * 32, trace.hex().upper())]
    hidden = make_end(new_call(), trace_id=new_trace().hex(), record="none")
    await record(database, *calls, *nowhere[:3], hidden)
    [row] = await rows(database, "traces")
    assert row["trace_id"] == UUID(bytes=trace) and row["spans"] == 0 and row["user"] == "ann"
    said = {"model:gpt-5-mini", "provider:openai", "tag:blue", "status:error", "operation:chat"}
    assert said | {"finish:length"} <= set(row["facets"])
    assert len(await rows(database, "trace_changes")) == 1


async def test_ids_of_another_length_are_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="16 and 8 bytes"):
        await ship(database, make_batch(make_span(b"short", 1)))


@pytest.fixture(scope="module")
def database_rows(databases: Any) -> Iterator[psycopg.Connection[Any]]:
    with databases.one() as url, psycopg.connect(url) as connection:
        yield connection


TEXT = st.text(max_size=300)


@given(
    texts=st.lists(TEXT, min_size=9, max_size=9),
    names=st.lists(TEXT, max_size=120).map(tuple),
    numbers=st.tuples(*[st.integers(0, 2**64 - 1)] * 2),
    cost=st.none() | st.integers(0, 2**63),
)
def test_no_span_makes_a_row_that_the_database_refuses(
    database_rows: psycopg.Connection[Any],
    texts: list[str],
    names: tuple[str, ...],
    numbers: tuple[int, int],
    cost: int | None,
) -> None:
    span = make_span(
        new_trace(),
        1,
        None,
        name=texts[0],
        status_message=texts[1],
        input=texts[2],
        attributes=texts[3],
        events=texts[4],
        scope=texts[5],
        response_id=texts[6],
        user=texts[7],
        usage_raw=texts[8],
        tags=names,
        flags=names,
        usage=Usage(input=numbers[0] >> 1, units=dict.fromkeys(names, 1)),
        start_ns=numbers[0],
        end_ns=numbers[1],
        cost_pico_usd=cost,
    )
    [kept] = kept_spans(make_batch(span))
    with database_rows.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.set_types(COLUMN_TYPES)
        copy.write_row(span_row(kept))
    assert database_rows.execute("select count(*) from spans").fetchone() == (1,)
    database_rows.rollback()
