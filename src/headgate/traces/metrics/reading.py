"""GenAI metrics of applications, as series: counts, sums, and quantiles estimated from buckets.

Read next: `metrics.buckets`, `metrics.http`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.core.pages import format_datetime
from headgate.records.model import Interval
from headgate.store.database import Connection
from headgate.traces.metrics.buckets import quantile
from headgate.traces.metrics.model import Change, MetricKind
from headgate.traces.metrics.sink import QUERIES, buckets_of
from headgate.traces.metrics.streams import added

ROWS_MAX: Final = 20_000
METRICS_MAX: Final = 1000


class MetricItem(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that applications have sent; `attributes` are names that its series are told apart by.

    `services` are those that said it, and `last_seen` is when the last hour began in which one did.
    """

    name: str
    unit: str
    kind: MetricKind
    series: int
    attributes: list[str]
    services: list[str]
    last_seen: str | None


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Below which 50, 95 and 99 of a hundred lie: estimated, as only counts in buckets are known."""

    p50: float
    p95: float
    p99: float
    estimated: Literal[True] = True


class MetricSeriesPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric came to in a time. `start` is null where no interval was asked for.

    `count` is how many measurements a histogram holds, else how many points there were; `last` is of gauges.
    """

    start: str | None
    group: str
    unit: str
    kind: MetricKind
    count: int
    sum: float
    min: float | None
    max: float | None
    last: float | None
    quantiles: Quantiles | None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. All attributes must match."""

    name: str
    attributes: Mapping[str, str]
    begin: datetime
    end: datetime
    interval: Interval | None = None
    group_by: str | None = None


async def list_metrics(
    connection: Connection, project_ids: Sequence[str] | None, *, key: str | None = None
) -> list[MetricItem]:
    """Return the metrics that there are, by name."""
    parameters = {"project_ids": _scope(project_ids), "key": key, "limit": METRICS_MAX}
    cursor = await connection.execute(QUERIES.list_metrics, parameters)
    return [
        MetricItem(
            name=name,
            unit=unit,
            kind=kind,
            series=series,
            attributes=attributes,
            services=services,
            last_seen=None if last is None else format_datetime(last),
        )
        for name, unit, kind, series, attributes, services, last in await cursor.fetchall()
    ]


async def metric_series(
    connection: Connection, project_ids: Sequence[str] | None, asked: Asked, *, key: str | None = None
) -> list[MetricSeriesPoint]:
    """Return a metric by interval and group. Raises InvalidRequest where that is too much at once."""
    cursor = await connection.execute(
        QUERIES.read_points,
        {
            "project_ids": _scope(project_ids),
            "key": key,
            "name": asked.name,
            "attributes": msgspec.json.encode(asked.attributes).decode(),
            "group_by": asked.group_by or "",
            "begin": asked.begin.replace(minute=0, second=0, microsecond=0),
            "end": asked.end,
            "limit": ROWS_MAX + 1,
        },
    )
    rows = await cursor.fetchall()
    if len(rows) > ROWS_MAX:
        raise InvalidRequest(
            f"more than {ROWS_MAX} hours of series are asked for; narrow it by `attribute` or time",
            parameter="from",
        )
    return await asyncio.to_thread(_points, rows, asked.interval)


def _points(rows: Sequence[Sequence[Any]], interval: Interval | None) -> list[MetricSeriesPoint]:
    groups: dict[tuple[str | None, str, str, MetricKind], list[Change]] = {}
    for slot, unit, kind, group, count, total, least, most, last, last_ns, buckets in rows:
        start = None
        if interval is not None:
            start = format_datetime(slot if interval == "hour" else slot.replace(hour=0))
        change = Change(
            count=count,
            total=total,
            least=least,
            most=most,
            last=last,
            last_ns=last_ns,
            buckets=buckets_of(buckets),
        )
        groups.setdefault((start, group, unit, kind), []).append(change)
    return [_point(place, added(changes)) for place, changes in groups.items()]


def _point(place: tuple[str | None, str, str, MetricKind], change: Change) -> MetricSeriesPoint:
    start, group, unit, kind = place
    estimated = [quantile(change.buckets, share, change.least, change.most) for share in (0.5, 0.95, 0.99)]
    p50, p95, p99 = estimated
    told = None
    if p50 is not None and p95 is not None and p99 is not None:
        told = Quantiles(p50=p50, p95=p95, p99=p99)
    return MetricSeriesPoint(
        start=start,
        group=group,
        unit=unit,
        kind=kind,
        count=change.count,
        sum=change.total,
        min=change.least,
        max=change.most,
        last=change.last,
        quantiles=told,
    )


def _scope(project_ids: Sequence[str] | None) -> list[str] | None:
    # A tuple would go to the database as a row.
    return None if project_ids is None else list(project_ids)
