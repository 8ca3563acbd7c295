"""Traces over time, from their rollups: how many, how long, how dear, by name, service, model and so on.

Rollups hold traces as they were last settled. Read next: `keeping.rollups`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, LiteralString, cast

from headgate.core.pages import format_datetime
from headgate.records.model import Interval, UsageBuckets
from headgate.records.queries import format_amount
from headgate.records.sketch import BUCKETS_MAX, quantile_ms
from headgate.store.database import Connection
from headgate.traces.reading.listing import QUERIES, seen_projects
from headgate.traces.reading.model import SeriesGroup, SeriesPoint

POINTS_MAX: Final = 10_000
_BUCKET: Final = "coalesce(sum(duration_sketch[%d]), 0)::bigint"
_BUCKETS: Final = cast("LiteralString", ", ".join(_BUCKET % (place + 1) for place in range(BUCKETS_MAX)))
"""Bucket by bucket: several times as fast as adding up arrays."""


async def trace_series(
    connection: Connection,
    project_ids: Sequence[str] | None,
    *,
    group_by: SeriesGroup | None = None,
    interval: Interval | None = None,
    begin: datetime | None = None,
    end: datetime | None = None,
) -> list[SeriesPoint]:
    """Return sums of traces by interval and value, the dearest first; `begin` is moved back to an hour."""
    parameters: dict[str, Any] = {
        "project_ids": await seen_projects(connection, project_ids),
        "dimension": group_by or "",
        "interval": interval,
        "begin": begin,
        "end": end,
        "limit": POINTS_MAX,
    }
    found = await connection.execute(QUERIES.series.replace("[sketch]", _BUCKETS), parameters, prepare=False)
    points: list[SeriesPoint] = []
    for start, value, traces, spans, calls, errors, *rest in await found.fetchall():
        tokens, (cost_usd, unpriced, sketch) = [int(count) for count in rest[:5]], rest[5:]
        points.append(
            SeriesPoint(
                start=None if start is None else format_datetime(start),
                value=value,
                traces=int(traces),
                spans=int(spans),
                calls=int(calls),
                errors=int(errors),
                usage=UsageBuckets(
                    input=tokens[0],
                    cache_read=tokens[1],
                    cache_write=tokens[2],
                    output=tokens[3],
                    reasoning=tokens[4],
                ),
                cost_usd=format_amount(cost_usd) if calls == 0 or unpriced < calls else None,
                unpriced=int(unpriced),
                p50_ms=quantile_ms(sketch, 0.5),
                p95_ms=quantile_ms(sketch, 0.95),
                p99_ms=quantile_ms(sketch, 0.99),
            )
        )
    return points
