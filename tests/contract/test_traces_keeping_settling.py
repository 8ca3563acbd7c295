"""What traces cost, on a real PostgreSQL: each call once, in the row of the trace and in the sums by hour."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg import sql
from psycopg.rows import dict_row
from tests.contract.made_entries import envelope, make_end, new_call, now_ms
from tests.contract.made_spans import make_batch, make_model_span, make_span, new_trace, span_envelope

from headgate.core.call import Usage
from headgate.core.entries import End
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.traces.keeping import settling
from headgate.traces.keeping.settling import SettlingJob
from headgate.traces.keeping.sink import SpanSink, TraceCallSink
from headgate.traces.model import Span
from headgate.traces.reading.series import trace_series

HOUR_NS = 3600 * 10**9


async def ship(database: Database, *spans: Span, **changes: Any) -> None:
    async with database.transaction() as connection:
        await SpanSink().apply(connection, [span_envelope(make_batch(*spans, **changes))])


async def record(database: Database, *ends: End) -> None:
    async with database.transaction() as connection:
        for sink in (RecordSink(), TraceCallSink()):
            await sink.apply(connection, [envelope(end) for end in ends])


async def table(database: Database, name: str) -> list[dict[str, Any]]:
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(sql.SQL("select * from {} order by 1, 2, 3, 4").format(sql.Identifier(name)))
        return await cursor.fetchall()


async def settle(database: Database) -> int:
    """Settle at once what is marked."""
    return await SettlingJob(database, quiet_s=0.0, wait_s=0.0).run_once()


async def sums(database: Database, dimension: str = "") -> dict[str, dict[str, Any]]:
    return {
        row["value"]: row for row in await table(database, "trace_rollups") if row["dimension"] == dimension
    }


async def test_a_trace_costs_what_its_calls_cost_once(database: Database) -> None:
    trace = new_trace()
    end = make_end(
        new_call(),
        trace_id=trace.hex(),
        parent_span_id=(2).to_bytes(8, "big"),
        model="assistant",
        usage=Usage(input=10, output=5),
        cost_pico_usd=3_000_000,
        started_ms=now_ms(),
    )
    await record(database, end)
    await ship(
        database,
        make_span(trace, 1, kind="agent", name="checkout", usage=Usage(input=20, output=11)),
        make_model_span(trace, 2, 1, request_model="assistant"),
        make_model_span(trace, 3, 1, model="claude"),
        make_span(trace, 4, 1, status="error"),
    )
    assert await settle(database) == 1
    [row] = await table(database, "traces")
    assert (row["calls"], row["spans"], row["errors"], row["unpriced"]) == (2, 4, 1, 0)
    assert (row["input"], row["output"], row["cost_usd"]) == (20, 10, Decimal("0.000005"))
    assert row["flags"] == ["cost_differs", "sum_differs"] and row["name"] == "checkout"
    assert {"flag:cost_differs", "flag:sum_differs", "kind:agent"} <= set(row["facets"])
    assert await table(database, "trace_changes") == [] and await settle(database) == 0
    whole = (await sums(database))[""]
    assert (whole["traces"], whole["spans"], whole["calls"], whole["errors"]) == (1, 4, 2, 1)
    assert whole["cost_usd"] == Decimal("0.000005") and sum(whole["duration_sketch"]) == 1
    assert (await sums(database, "name"))["checkout"]["input"] == 20
    models = await sums(database, "model")
    assert {model: row["cost_usd"] for model, row in models.items()} == {
        "claude": Decimal("0.000002"),
        "gpt-5-mini": Decimal("0.000003"),
    }


async def test_sums_are_those_of_traces_as_they_stand_now(database: Database) -> None:
    trace = new_trace()
    start_ns = now_ms() * 1_000_000
    await ship(database, make_model_span(trace, 2, 1, start_ns=start_ns, end_ns=start_ns))
    assert await settle(database) == 1
    assert list(await sums(database, "name")) == ["step 2"], "the topmost names it without a root"
    # The root comes later, and began an hour before.
    await ship(database, make_span(trace, 1, name="checkout", start_ns=start_ns - HOUR_NS, end_ns=start_ns))
    await ship(database, make_model_span(new_trace(), 1, usage=None, cost_pico_usd=None))
    assert await settle(database) == 2
    rows = await table(database, "trace_rollups")
    assert sorted((row["value"], row["traces"]) for row in rows if row["dimension"] == "name") == [
        ("checkout", 1),
        ("step 1", 1),
    ]
    whole = [row for row in rows if row["dimension"] == ""]
    assert [(row["traces"], row["spans"], row["calls"], row["unpriced"]) for row in whole] == [
        (1, 2, 1, 0),
        (1, 1, 1, 1),
    ]
    assert [sum(row["duration_sketch"]) for row in whole] == [1, 1]
    assert all(count >= 0 for row in rows for count in row["duration_sketch"])


async def test_what_contradicts_no_more_loses_its_flag(database: Database) -> None:
    trace = new_trace()
    await ship(database, make_span(trace, 1, usage=Usage(input=20, output=10)), make_model_span(trace, 2, 1))
    await settle(database)
    [row] = await table(database, "traces")
    assert row["flags"] == ["sum_differs"] and "flag:sum_differs" in row["facets"]
    await ship(database, make_model_span(trace, 3, 1))
    await settle(database)
    [row] = await table(database, "traces")
    assert row["flags"] == [] and not any(word.startswith("flag:") for word in row["facets"])


async def test_a_trace_of_calls_alone_is_named_and_counted(database: Database) -> None:
    trace = new_trace()
    await record(
        database,
        make_end(new_call(), trace_id=trace.hex(), cost_pico_usd=None, usage=Usage(input=4), status=500),
        make_end(new_call(), trace_id=trace.hex(), cost_pico_usd=10**12, usage=Usage(input=4)),
    )
    await settle(database)
    [row] = await table(database, "traces")
    assert (row["name"], row["calls"], row["errors"], row["unpriced"]) == ("assistant", 2, 1, 1)
    assert row["cost_usd"] == 1 and row["input"] == 8


async def test_what_changes_while_it_is_counted_stays_marked(database: Database) -> None:
    trace = new_trace()
    await ship(database, make_model_span(trace, 1))
    async with database.transaction() as connection:
        # The trace is counted and written while another transaction adds to it.
        await connection.execute("update trace_changes set last_at = clock_timestamp()")
        counting = asyncio.create_task(settle(database))
        await _waiting(database, 1)
        await connection.execute("select from traces")
    assert await counting == 1
    assert len(await table(database, "trace_changes")) == 1
    await settle(database)
    assert await table(database, "trace_changes") == []


async def test_many_processes_settle_each_change_once(database: Database) -> None:
    traces = [new_trace()[:15] + bytes([number]) for number in range(40)]
    jobs = [SettlingJob(database, quiet_s=0.0, wait_s=0.0) for _ in range(3)]

    async def keep_settling(job: SettlingJob) -> None:
        while True:
            await job.run_once()
            await asyncio.sleep(0)

    async with _running([keep_settling(job) for job in jobs]):
        for number in range(1, 6):
            await ship(database, *(make_model_span(trace, number) for trace in traces))
    while await settle(database):
        pass
    assert {row["calls"] for row in await table(database, "traces")} == {5}
    rows = [row for row in await table(database, "trace_rollups") if row["dimension"] == ""]
    assert sum(row["traces"] for row in rows) == 40 and sum(row["spans"] for row in rows) == 200
    assert sum(row["cost_usd"] for row in rows) == Decimal("0.0004")


async def test_only_what_is_quiet_or_has_waited_is_counted(database: Database) -> None:
    await ship(database, make_model_span(new_trace(), 1))
    assert await SettlingJob(database, quiet_s=3600.0, wait_s=3600.0).run_once() == 0
    assert await SettlingJob(database, quiet_s=3600.0, wait_s=0.0).run_once() == 1


async def test_a_large_trace_that_still_grows_waits_longer(database: Database) -> None:
    small, large = new_trace(), new_trace()
    await ship(database, make_model_span(small, 1), make_model_span(large, 1))
    async with database.connection() as connection:
        # As if thirty million spans had come within the hour.
        await connection.execute("update traces set spans = 30000000 where trace_id = %s", (large.hex(),))
        await connection.execute("update trace_changes set first_at = first_at - interval '3000 seconds'")
    job = SettlingJob(database, quiet_s=3600.0, wait_s=1.0)
    assert await job.run_once() == 1
    async with database.connection() as connection:
        await connection.execute("update trace_changes set first_at = first_at - interval '4000 seconds'")
    assert await job.run_once() == 1


async def test_a_trace_of_many_spans_is_counted_whole(database: Database) -> None:
    trace, number = new_trace(), 2500
    await ship(database, *(make_model_span(trace, place + 1) for place in range(number)))
    await settle(database)
    [row] = await table(database, "traces")
    assert (row["spans"], row["calls"], row["input"]) == (number, number, 10 * number)


async def test_a_trace_that_was_deleted_is_forgotten(database: Database) -> None:
    await ship(database, make_model_span(new_trace(), 1))
    async with database.connection() as connection:
        await connection.execute("delete from traces")
    assert await settle(database) == 1 and await table(database, "trace_changes") == []
    assert await table(database, "trace_rollups") == []


async def test_values_beyond_the_most_are_other(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.traces.keeping.rollups.VALUES_MAX", 2)
    monkeypatch.setattr(settling, "TRACES_AT_ONCE", 1)
    for number in range(5):
        await ship(database, make_span(new_trace(), 1, name=f"page {number}"))
        await settle(database)
    names = await sums(database, "name")
    assert {name: row["traces"] for name, row in names.items()} == {"page 0": 1, "page 1": 1, "other": 3}


async def _waiting(database: Database, number: int) -> None:
    """Wait until so many of our connections wait for a lock."""
    async with database.connection() as connection:
        while True:
            cursor = await connection.execute(
                "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
                " and datname = current_database()"
            )
            if (row := await cursor.fetchone()) and row[0] >= number:
                return
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def _running(coroutines: list[Any]) -> AsyncGenerator[None]:
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome


async def test_sums_by_day_are_those_by_hour(database: Database) -> None:
    day = datetime(2026, 11, 20, tzinfo=UTC)
    for hours, cost in ((1, 1), (7.5, 2), (23, 4), (24, 8), (47.5, 16), (49, 32)):
        start_ns = int((day.timestamp() + hours * 3600) * 10**9)
        span = make_model_span(
            new_trace(), 1, start_ns=start_ns, end_ns=start_ns + 10**9, cost_pico_usd=cost * 10**12
        )
        await ship(database, span)
    while await settle(database):
        pass

    async def asked(begin: float | None, end: float | None, **more: Any) -> list[tuple[int, str | None]]:
        bounds = [None if hours is None else day + timedelta(hours=hours) for hours in (begin, end)]
        async with database.connection() as connection:
            points = await trace_series(connection, None, begin=bounds[0], end=bounds[1], **more)
        assert all((point.p95_ms or 0) > 900 for point in points)
        return [(point.traces, point.cost_usd) for point in points]

    assert await asked(None, None) == [(6, "63")]
    assert await asked(None, None, interval="day") == [(3, "7"), (2, "24"), (1, "32")]
    assert await asked(7.9, None) == [(5, "62")], "from the hour that it lies in"
    assert await asked(8, 48, interval="day") == [(1, "4"), (2, "24")]
    assert await asked(7, 23) == [(1, "2")], "within a day"
    assert await asked(20, 25) == [(2, "12")], "less than a day, over midnight"
    assert await asked(0, 24) == [(3, "7")]
    assert await asked(None, 47) == [(4, "15")]
    assert await asked(30, 20) == []
    assert await asked(None, None, group_by="model") == [(6, "63")]


async def test_a_day_that_nothing_is_left_of_goes(database: Database) -> None:
    trace = new_trace()
    start_ns = now_ms() * 1_000_000
    await ship(database, make_model_span(trace, 2, 1, start_ns=start_ns, end_ns=start_ns))
    await settle(database)
    await ship(database, make_span(trace, 1, name="late", start_ns=start_ns - 48 * HOUR_NS, end_ns=start_ns))
    await settle(database)
    days = {row["day"] for row in await table(database, "trace_rollup_days")}
    assert len(days) == 1 and min(days) < datetime.now(UTC).date() - timedelta(days=1)
