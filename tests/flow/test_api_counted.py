"""The chart over the list of traces counts what the list lists, for every filter."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.contract.traces_by_hand import BEGIN, new_trace, put_spans, put_trace
from tests.flow.control_app import control, make_key

from headgate.store.database import Connection, Database
from headgate.store.rows import fetch_rows
from headgate.traces.reading import counting as trace_counting
from headgate.traces.reading.listing import seen_projects
from headgate.traces.reading.model import TraceFilters

DAY = {"from": "2026-11-21T00:00:00Z", "to": "2026-11-22T00:00:00Z"}
FILTERS: list[dict[str, str]] = [
    {},
    {"user": "anna"},
    {"session": "talk"},
    {"name": "answer"},
    {"tool": "weather"},
    {"agent": "clerk"},
    {"tag": "blue"},
    {"model": "small", "provider": "mock"},
    {"service": "app"},
    {"release": "r1"},
    {"environment": "production"},
    {"environment": "-"},
    {"environment": "-", "tool": "weather"},
    {"status": "error"},
    {"status": "ok", "flag": "usage_differs"},
    {"min_duration_ms": "1500"},
    {"min_cost_usd": "0.5"},
    {"key": "k1"},
    {"project": "blue"},
    {"text": "nobody says this"},
]


async def made(database: Database) -> None:
    words = ["tool:weather", "agent:clerk", "tag:blue", "model:small", "provider:mock", "service:app"]
    for hours in (0, 1, 1, 5):
        at = BEGIN + timedelta(hours=hours)
        times = {"started_at": at, "ended_at": at + timedelta(seconds=1 + hours)}
        await put_trace(
            database, new_trace(), user="anna", session="talk", **times, facets=["key:k1", *words]
        )
        more = {"flags": ["usage_differs"], "cost_usd": hours}
        await put_trace(database, new_trace(), name="ask", project="blue", **times, **more)
    failed = ["key:k2", "status:error", "release:r1", "environment:production"]
    await put_trace(database, new_trace(), errors=1, facets=failed, name="failed", environment="production")


async def test_the_chart_over_traces_counts_what_the_list_lists(database: Database) -> None:
    async with control(database) as api:
        await made(database)
        member_id, member = await make_key(database, "member")
        await api.post("/budgets", {"name": "look", "limit": "1 USD"})
        own = await put_trace(database, new_trace(), facets=[f"key:{member_id}"])
        await put_spans(database, own, {"key": member_id})
        for query in FILTERS:
            listed = (await api.get("/traces", **DAY, **query))["items"]
            counts = await api.get("/traces/counts", **DAY, **query)
            assert counts["counted"] == sum(counts["traces"]) == len(listed), query
            assert counts["counted_from"] is None, query
            assert (len(listed) > 0) == ("text" not in query), query
            steps: dict[str, int] = dict.fromkeys(counts["at"], 0)
            for each in listed:
                steps[max(at for at in steps if at <= each["started_at"])] += 1
            assert list(steps.values()) == counts["traces"], query
        assert (await api.as_key(member).get("/traces/counts", **DAY))["counted"] == 1
        status, _ = await api.ask("GET", "/api/v1/traces/counts", score="csat>=")
        assert status == 400


async def add_sum(database: Database, table: str, at: Any, named: tuple[str, str], traces: int) -> None:
    column = "slot" if table == "trace_rollups" else "day"
    async with database.connection() as connection:
        await connection.execute(
            f"insert into {table} (project, {column}, dimension, value, traces, spans, calls, errors, input, "
            "cache_read, cache_write, output, reasoning, cost_usd, unpriced, duration_sketch) "
            "values ('default', %s, %s, %s, %s, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}')".encode(),
            (at, *named, traces),
        )


READ = """
select coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0)::int as scans
from pg_stat_xact_user_tables where relname = 'traces'
"""


async def readings(connection: Connection) -> int:
    (row,) = await fetch_rows(connection, READ)
    return int(row["scans"])


async def test_of_many_traces_none_is_looked_at(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_counting, "COUNTED_MAX", 20)
    await made(database)
    begin, end = (datetime.fromisoformat(DAY[edge]) for edge in ("from", "to"))
    for hours, traces in ((0, 30), (1, 7)):
        await add_sum(database, "trace_rollups", BEGIN + timedelta(hours=hours), ("model", "small"), traces)
        await add_sum(database, "trace_rollups", BEGIN + timedelta(hours=hours), ("model", "rare"), 2)
    half = timedelta(minutes=30)
    for model, first, counted, looks in (
        ("small", begin, 37, False),
        ("rare", begin, 0, True),
        # An hour of which half is asked for may have few in that half.
        ("small", BEGIN + half, 3, True),
    ):
        async with database.transaction() as connection:
            reads = [await readings(connection)]
            await seen_projects(connection, ["default"])
            reads.append(await readings(connection))
            filters = TraceFilters(model=model)
            found = await trace_counting.count_traces(connection, ["default"], filters, begin=first, end=end)
            reads.append(await readings(connection))
        # Which projects have traces is asked in any case.
        looked = reads[2] - reads[1] > reads[1] - reads[0]
        assert (found.counted, looked) == (counted, looks), (model, first)


async def test_many_traces_are_counted_from_sums_or_in_part(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_counting, "COUNTED_MAX", 2)
    async with control(database) as api:
        await made(database)
        for hours, traces in ((0, 700), (5, 30)):
            await add_sum(database, "trace_rollups", BEGIN + timedelta(hours=hours), ("", ""), traces)
        await add_sum(database, "trace_rollups", BEGIN, ("name", "answer"), 11)
        await add_sum(database, "trace_rollups", BEGIN, ("name", "ask"), 13)
        await add_sum(database, "trace_rollup_days", BEGIN.date(), ("name", "answer"), 17)
        counts = await api.get("/traces/counts", **DAY)
        assert (counts["counted"], counts["counted_from"], counts["step_s"]) == (730, None, 3600)
        assert counts["traces"][[at[:13] for at in counts["at"]].index("2026-11-21T08")] == 700
        assert (await api.get("/traces/counts", **DAY, name="answer"))["counted"] == 11
        month = {"from": "2026-10-22T07:00:00Z", "to": "2026-11-22T00:00:00Z"}
        counts = await api.get("/traces/counts", **month, name="answer")
        assert (counts["counted"], counts["step_s"]) == (17, 24 * 3600)
        # By users no sums are kept, nor by names of failures: the newest are counted.
        for query in ({"user": "anna"}, {"name": "ask", "status": "ok"}):
            counts = await api.get("/traces/counts", **DAY, **query)
            assert (counts["counted"], counts["counted_from"]) == (3, "2026-11-21T09:00:00.000Z"), query
        monkeypatch.setattr(trace_counting, "LOOKED_MS", 1)
        async with database.transaction() as connection:
            # A list that waits is one that takes too long.
            await connection.execute("lock table scores in access exclusive mode")
            counts = await api.get("/traces/counts", **DAY, score="csat>=4")
        assert (counts["counted"], counts["counted_from"]) == (0, counts["end"])


@pytest.mark.parametrize(
    "path", ["/traces/counts", "/requests/counts", "/requests/facets", "/series", "/costs?group_by=model"]
)
async def test_the_last_second_that_can_be_written_is_a_time_like_any_other(
    database: Database, path: str
) -> None:
    async with control(database) as api:
        joined = "&" if "?" in path else "?"
        await api.get(f"{path}{joined}from=2026-11-21T00:00:00Z&to=9999-12-31T23:59:59.999Z")
