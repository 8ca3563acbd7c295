"""Words of spans and how long traces stay, on a real PostgreSQL."""

import asyncio
from typing import Any

from psycopg import sql
from tests.contract.made_entries import now_ms
from tests.contract.made_spans import make_batch, make_model_span, make_span, new_trace, span_envelope

from headgate.records.retention import drop_expired
from headgate.store.database import Database
from headgate.traces.keeping.retention import expire_traces
from headgate.traces.keeping.settling import SettlingJob
from headgate.traces.keeping.sink import SpanSink
from headgate.traces.keeping.words import WordsJob
from headgate.traces.model import Span

DAY_MS = 24 * 3600 * 1000


async def ship(database: Database, *spans: Span, **changes: Any) -> None:
    async with database.transaction() as connection:
        await SpanSink().apply(connection, [span_envelope(make_batch(*spans, **changes))])


async def found(database: Database, words: str) -> list[int]:
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select span_id from span_words where words @@ plainto_tsquery('simple', %s) order by span_id",
            (words,),
        )
        return [row[0] for row in await cursor.fetchall()]


async def count(database: Database, table: str) -> int:
    async with database.connection() as connection:
        cursor = await connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table)))
        row = await cursor.fetchone()
        return row[0] if row else 0


async def test_words_of_spans_are_found(database: Database) -> None:
    trace = new_trace()
    await ship(
        database,
        make_model_span(trace, 1),
        make_span(trace, 2, input='{"order": "A-17", "note": "nul \\u0000 here"}', output="Refunded: 12 EUR"),
        make_span(trace, 3, status="error", status_message="upstream timed out"),
        make_span(trace, 4, documents='[{"id": "d1", "content": "return policy"}]'),
        make_span(trace, 5),
        make_span(trace, 6, input='"lone \\ud800 surrogate"', output="word " * 100_000 + "beyond"),
    )
    job = WordsJob(database)
    assert await job.run_once() == 5 and await job.run_once() == 0
    assert await found(database, "PARCEL") == [1] and await found(database, "content") == []
    assert await found(database, "refunded eur") == [2] and await found(database, "nul here") == [2]
    assert await found(database, "timed") == [3] and await found(database, "policy") == [4]
    assert await found(database, "word") == [6] and await found(database, "beyond") == []
    async with database.connection() as connection:
        cursor = await connection.execute("select count(*) from span_words_default")
        assert await cursor.fetchone() == (0,)


async def test_several_processes_take_each_span_once(database: Database) -> None:
    for _ in range(6):
        await ship(database, *(make_model_span(new_trace(), number) for number in range(1, 21)))
    jobs = [WordsJob(database) for _ in range(3)]
    taken = await asyncio.gather(*(job.run_once() for job in jobs * 3))
    assert sum(taken) + await _drain(jobs[0]) == 120
    assert await count(database, "span_words") == 120


async def _drain(job: WordsJob) -> int:
    taken = 0
    while one := await job.run_once():
        taken += one
    return taken


async def test_a_span_that_was_deleted_leaves_no_words(database: Database) -> None:
    await ship(database, make_model_span(new_trace(), 1))
    async with database.connection() as connection:
        await connection.execute("delete from spans")
    assert await WordsJob(database).run_once() == 1
    assert await count(database, "span_words") == 0


async def test_traces_go_with_their_projects_days(database: Database) -> None:
    old_ms, new_ms = now_ms() - 9 * DAY_MS, now_ms()
    lasting = new_trace()
    for project, days in (("brief", "old"), ("long", "old"), ("brief", "new")):
        received_ms = old_ms if days == "old" else new_ms
        span = make_model_span(new_trace(), 1, start_ns=received_ms * 10**6, end_ns=received_ms * 10**6)
        await ship(database, span, project=project, received_ms=received_ms)
    await ship(database, make_span(lasting, 1), project="brief", received_ms=old_ms)
    await ship(database, make_span(lasting, 2), project="brief", received_ms=new_ms)
    await SettlingJob(database, quiet_s=0.0, wait_s=0.0).run_once()
    while await WordsJob(database).run_once():
        pass
    async with database.connection() as connection:
        for project, ago in (("brief", 8), ("brief", 6), ("long", 8), ("said only", 31)):
            await connection.execute(
                "insert into scores"
                " (project, id, key, name, kind, text, comment, source, said_by, at, received_at,"
                " subject, session, \"user\", business_id) values (%s, gen_random_uuid(), 'k1', 'liked',"
                " 'boolean', '', '', 'person', '', now(), now() - make_interval(days => %s),"
                " 'user', '', 'a', '')",
                (project, ago),
            )
        await expire_traces(connection, {"brief": 7}, default_days=30)
        cursor = await connection.execute("select project, count(*) from scores group by 1 order by 1")
        assert await cursor.fetchall() == [("brief", 1), ("long", 1)]
        assert await drop_expired(connection, {"brief": 7}, default_days=30) == []
        cursor = await connection.execute("select project, count(*) from traces group by 1 order by 1")
        assert await cursor.fetchall() == [("brief", 2), ("long", 1)]
        cursor = await connection.execute("select project, count(*) from spans group by 1 order by 1")
        assert await cursor.fetchall() == [("brief", 2), ("long", 1)]
        cursor = await connection.execute("select project, count(*) from span_words group by 1 order by 1")
        assert await cursor.fetchall() == [("brief", 1), ("long", 1)]
        cursor = await connection.execute(
            "select project, sum(traces)::int from trace_rollups where dimension = '' group by 1 order by 1"
        )
        assert await cursor.fetchall() == [("brief", 2), ("long", 1)]
        await expire_traces(connection, {"brief": 7, "long": 8}, default_days=8)
        dropped = await drop_expired(connection, {"brief": 7, "long": 8}, default_days=8)
    assert {name.rstrip("0123456789") for name in dropped} >= {"spans_", "span_words_"}
    assert await count(database, "spans") == 2 and await count(database, "traces") == 2
