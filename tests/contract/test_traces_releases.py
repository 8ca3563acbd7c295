"""What calls say reaches their traces: releases as ids, and calls that died with their gateway."""

import uuid
from typing import Any

from psycopg.rows import dict_row
from tests.contract.made_entries import BOOT, envelope, make_begin, make_end, new_call
from tests.contract.made_spans import new_trace

from headgate.core.entries import Begin, End
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.traces.keeping.settling import SettlingJob
from headgate.traces.keeping.sink import InterruptedCallSink, TraceCallSink
from headgate.traces.reading.opening import open_trace

RELEASE = "0" * 64


async def record(database: Database, *entries: Begin | End) -> None:
    ends = [envelope(entry) for entry in entries if isinstance(entry, End)]
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(entry) for entry in entries])
        await TraceCallSink().apply(connection, ends)


async def traces(database: Database) -> list[dict[str, Any]]:
    async with database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("select * from traces order by trace_id")
        return await cursor.fetchall()


async def test_a_trace_has_the_release_that_its_calls_mean(database: Database) -> None:
    trace = new_trace()
    async with database.connection() as connection:
        await connection.execute(
            "insert into releases"
            " (project, id, name, commit, dirty, label, note, parts, manifest, created_by)"
            " values ('default', %s, 'spring', 'abcdef0', '', '', '', '{}', '{}', 'ann')",
            (RELEASE,),
        )
    await record(
        database,
        make_end(new_call(), trace_id=trace.hex(), release="spring"),
        make_end(new_call(), trace_id=trace.hex(), release="abcdef0"),
    )
    [row] = await traces(database)
    assert row["release"] == RELEASE
    assert [word for word in row["facets"] if word.startswith("release:")] == [f"release:{RELEASE}"]


async def test_a_release_that_is_not_stored_stays_as_it_was_said(database: Database) -> None:
    trace = new_trace()
    await record(database, make_end(new_call(), trace_id=trace.hex(), release="summer"))
    assert [row["release"] for row in await traces(database)] == ["summer"]


async def test_a_call_that_dies_with_its_gateway_belongs_to_its_trace(database: Database) -> None:
    trace, call = new_trace(), new_call()
    begin = make_begin(
        call, trace_id=trace.hex(), parent_span_id=b"\xff" + bytes(6) + b"\x07", session="checkout"
    )
    await record(database, begin, make_begin(new_call()))
    assert await traces(database) == []
    async with database.transaction() as connection:
        for sink in (InterruptedCallSink(), RecordSink()):
            await sink.close_journal(connection, BOOT)
    [row] = await traces(database)
    assert (row["trace_id"], row["session"], row["user"]) == (uuid.UUID(bytes=trace), "checkout", "ann")
    await SettlingJob(database, quiet_s=0.0, wait_s=0.0).run_once()
    async with database.connection() as connection:
        opened = await open_trace(connection, None, trace.hex())
    [node] = opened.spans
    assert (node.request_id, node.parent_id) == (str(uuid.UUID(bytes=call)), "ff00000000000007")
    assert node.status == "error" and "gateway process ended" in (node.status_message or "")
    assert (opened.calls, opened.cost_usd) == (1, "0.000005")


async def test_a_second_attempt_keeps_what_the_first_said(database: Database) -> None:
    trace, call = new_trace(), new_call()
    said = {"trace_id": trace.hex(), "session": "checkout"}
    await record(database, make_begin(call, **said), make_begin(call, attempt=2, target="b/c", **said))
    async with database.transaction() as connection:
        for sink in (InterruptedCallSink(), RecordSink()):
            await sink.close_journal(connection, BOOT)
    assert [row["session"] for row in await traces(database)] == ["checkout"]
