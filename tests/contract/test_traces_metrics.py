"""Metrics on a real PostgreSQL: each measurement counts once, whatever comes again, resets or races."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.made_entries import now_ms
from tests.contract.made_metrics import CUMULATIVE, DURATION, TOKENS, add_point, metric_envelopes, new_metrics

from headgate.store.database import Database
from headgate.traces.metrics import sink
from headgate.traces.metrics.reading import Asked, MetricSeriesPoint, list_metrics, metric_series
from headgate.traces.metrics.retention import expire_metrics
from headgate.traces.metrics.sink import MetricSink

SECOND_NS = 1_000_000_000
BEGIN_MS = now_ms() // 3_600_000 * 3_600_000
BEGIN_NS = BEGIN_MS * 1_000_000
BOUNDS = [0.5, 1.0, 2.0, 4.0]


async def ship(database: Database, *requests: Any, **key: Any) -> None:
    async with database.transaction() as connection:
        for request in requests:
            await MetricSink().apply(connection, metric_envelopes(request, received_ms=BEGIN_MS, **key))


def durations(counts: list[int], *, end: int = 1, **fields: Any) -> Any:
    """A request with one histogram of durations: so many in each bucket."""
    request = new_metrics(fields.pop("service", "shop"))
    given: dict[str, Any] = {
        "start_time_unix_nano": BEGIN_NS,
        "time_unix_nano": BEGIN_NS + end * SECOND_NS,
        "count": sum(counts),
        "sum": float(sum(counts)),
        "explicit_bounds": BOUNDS,
        "bucket_counts": counts,
        "attributes": {"gen_ai.request.model": "gpt-5-mini", "gen_ai.conversation.id": "of-anna"},
        **fields,
    }
    add_point(request, DURATION, "histogram", **given)
    return request


async def asked(database: Database, name: str = DURATION, **fields: Any) -> list[MetricSeriesPoint]:
    now = datetime.now(UTC)
    key = fields.pop("key", None)
    wanted: dict[str, Any] = {
        "attributes": {},
        "begin": now - timedelta(hours=2),
        "end": now + timedelta(hours=1),
        **fields,
    }
    async with database.connection() as connection:
        return await metric_series(connection, ["default"], Asked(name=name, **wanted), key=key)


async def test_deltas_add_up_and_what_comes_again_does_not(database: Database) -> None:
    first, second = durations([0, 8, 2, 0, 0]), durations([0, 8, 0, 2, 0], end=2, min=0.6, max=3.0)
    await ship(database, first, second, first)
    await ship(database, second)
    [point] = await asked(database, interval="hour")
    assert (point.count, point.sum, point.kind, point.unit) == (20, 20.0, "histogram", "s")
    assert (point.min, point.max) == (0.6, 3.0)
    assert point.quantiles is not None and point.quantiles.estimated is True
    assert 0.5 < point.quantiles.p50 < 1.0 and 2.0 < point.quantiles.p95 <= 3.0
    async with database.connection() as connection:
        [item] = await list_metrics(connection, ["default"])
        assert await list_metrics(connection, ["other"]) == []
    # Nobody is named: of two conversations the sums are one.
    assert (item.name, item.series) == (DURATION, 1)
    assert item.attributes == ["gen_ai.request.model", "service.name"]


async def test_what_is_added_up_since_a_start_counts_its_growth_and_begins_anew(database: Database) -> None:
    grown = [
        durations([0, 1, 0, 0, 0], end=1, temporality=CUMULATIVE, sum=1.0),
        durations([0, 3, 1, 0, 0], end=2, temporality=CUMULATIVE, sum=5.0),
    ]
    again = durations([0, 3, 1, 0, 0], end=2, temporality=CUMULATIVE, sum=5.0)
    await ship(database, *grown, again)
    [point] = await asked(database)
    assert (point.count, point.sum) == (4, 5.0)
    # A process that starts again, and one whose numbers fall without a word of it.
    restarted = {"start_time_unix_nano": BEGIN_NS + 9, "temporality": CUMULATIVE}
    await ship(database, durations([0, 2, 0, 0, 0], end=3, sum=2.0, **restarted))
    await ship(database, durations([0, 1, 0, 0, 0], end=4, sum=1.0, **restarted))
    [point] = await asked(database)
    assert (point.count, point.sum) == (7, 8.0)


async def test_a_stream_without_a_start_counts_from_its_second_point(database: Database) -> None:
    unknown = {"start_time_unix_nano": 0, "temporality": CUMULATIVE}
    await ship(database, durations([0, 900, 0, 0, 0], end=1, **unknown))
    assert await asked(database) == []
    await ship(database, durations([0, 903, 0, 0, 0], end=2, **unknown))
    [point] = await asked(database)
    assert point.count == 3


async def test_exponential_histograms_sums_and_gauges(database: Database) -> None:
    request = new_metrics()
    at = {"start_time_unix_nano": BEGIN_NS, "time_unix_nano": BEGIN_NS + SECOND_NS}
    finer = {"offset": 0, "bucket_counts": [1] * 32}
    add_point(
        request,
        DURATION,
        "exponential_histogram",
        count=33,
        sum=50.0,
        scale=4,
        zero_count=1,
        positive=finer,
        **at,
    )
    add_point(request, TOKENS, "sum", as_int=70, attributes={"gen_ai.token.type": "input"}, **at)
    add_point(request, TOKENS, "sum", as_int=7, attributes={"gen_ai.token.type": "output"}, **at)
    for second, value in ((1, 4.0), (2, 6.0)):
        time = {"time_unix_nano": BEGIN_NS + second * SECOND_NS}
        add_point(request, "gen_ai.queue", "gauge", as_double=value, **time)
        add_point(
            request, "gen_ai.open", "sum", as_double=value, is_monotonic=False, temporality=CUMULATIVE, **time
        )
    await ship(database, request)
    [spread] = await asked(database)
    # Scale 4 from 1 on, 32 buckets: up to 4, evenly on a scale of ratios, so that the middle is 2.
    assert spread.quantiles is not None and 1.8 < spread.quantiles.p50 < 2.1 and spread.count == 33
    tokens = await asked(database, TOKENS, group_by="gen_ai.token.type")
    assert [(point.group, point.sum) for point in tokens] == [("input", 70), ("output", 7)]
    [only] = await asked(database, TOKENS, attributes={"gen_ai.token.type": "output"})
    assert only.sum == 7
    for name in ("gen_ai.queue", "gen_ai.open"):
        [gauge] = await asked(database, name)
        assert (gauge.kind, gauge.last, gauge.min, gauge.max) == ("gauge", 6.0, 4.0, 6.0)


async def test_bounds_that_differ_stay_apart_and_quantiles_hold(database: Database) -> None:
    one = durations([0, 0, 10, 0, 0])
    other = durations([10], explicit_bounds=[], service="other", min=1.5, max=1.5)
    await ship(database, one, other)
    [point] = await asked(database)
    assert point.count == 20 and point.quantiles is not None
    assert 1.0 <= point.quantiles.p50 <= 2.0
    groups = await asked(database, group_by="service.name")
    assert sorted(each.group for each in groups) == ["other", "shop"]


async def test_two_shippers_at_once_count_a_stream_once(database: Database) -> None:
    grown = [
        durations([0, count, 0, 0, 0], end=count, temporality=CUMULATIVE, sum=float(count))
        for count in range(1, 9)
    ]
    await asyncio.gather(*(ship(database, request) for request in grown))
    [point] = await asked(database)
    # Those that a later one has overtaken say nothing new.
    assert (point.count, point.sum) == (8, 8.0)


async def test_metrics_are_seen_by_their_key_and_never_cost_anything(database: Database) -> None:
    await ship(database, durations([0, 1, 0, 0, 0]))
    await ship(database, durations([0, 2, 0, 0, 0]), id="k2")
    assert [point.count for point in await asked(database, key="k2")] == [2]
    assert [point.count for point in await asked(database)] == [3]
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select (select count(*) from rollups) + (select count(*) from ledger)"
        )
        assert await cursor.fetchone() == (0,)


async def test_series_beyond_the_bound_are_one(database: Database) -> None:
    request = new_metrics()
    count = sink.SERIES_MAX + 50
    for number in range(count):
        said = {"gen_ai.request.model": f"model-{number}"}
        time = {"time_unix_nano": BEGIN_NS + number}
        add_point(request, TOKENS, "sum", as_int=1, attributes=said, start_time_unix_nano=BEGIN_NS, **time)
    await ship(database, request)
    async with database.connection() as connection:
        [item] = await list_metrics(connection, ["default"])
    assert item.series == sink.SERIES_MAX + 1 and "otel.metric.overflow" in item.attributes
    [point] = await asked(database, TOKENS)
    assert point.sum == count
    [rest] = await asked(database, TOKENS, attributes=sink.OVERFLOW)
    assert rest.sum == 50


async def test_metrics_go_with_their_projects_days(database: Database) -> None:
    await ship(database, durations([0, 1, 0, 0, 0]))
    async with database.connection() as connection:
        await connection.execute("update metric_points set slot = slot - interval '10 days'")
        for table in ("metric_series", "metric_streams"):
            await connection.execute(f"update {table} set seen_on = seen_on - 10".encode())
        left = "select (select count(*) from metric_points), (select count(*) from metric_series)"
        await expire_metrics(connection, {"default": 12})
        assert await (await connection.execute(left.encode())).fetchone() == (1, 1)
        await expire_metrics(connection, {"default": 8})
        assert await (await connection.execute(left.encode())).fetchone() == (0, 0)
