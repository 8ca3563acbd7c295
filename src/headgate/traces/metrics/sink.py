"""What the shipper applies of metrics: what each point adds to its hour, once. Nothing else counts them.

Runs inside the shipper's transaction; rows are opened and locked in one order, so that two shippers with
points of one stream wait for each other. Read next: `metrics.streams`, `traces/metrics/queries.sql`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from headgate.core.ports import Envelope
from headgate.records.rows import clean, name
from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.traces.metrics.model import HOUR_NS, METRICS, Bucket, Change, MetricBatch, MetricPoint
from headgate.traces.metrics.streams import StreamState, added, follow

QUERIES: Final = Queries.load("headgate.traces.metrics")
SERIES_MAX: Final = 1000
"""Of one name in one project; what is more is put together under OVERFLOW (OpenTelemetry's own way)."""
OVERFLOW: Final[dict[str, str]] = {"otel.metric.overflow": "true"}
CLOCK_NS_OFF_MAX: Final = 24 * HOUR_NS

_BATCH: Final = msgspec.msgpack.Decoder(MetricBatch)
_STATE: Final = msgspec.msgpack.Decoder(StreamState)
_BUCKETS: Final = msgspec.msgpack.Decoder(tuple[Bucket, ...])
_ENCODE: Final = msgspec.msgpack.Encoder().encode


class Series(msgspec.Struct, frozen=True):
    """What is added up together; `attributes` is JSON."""

    project: str
    key: str
    name: str
    unit: str
    kind: str
    attributes: str

    @property
    def digest(self) -> bytes:
        """What it goes by in the tables."""
        return hashlib.sha256(_ENCODE(self)).digest()[:16]


Place = tuple[Series, int]
"""A series and the hour since 1970."""


class MetricSink:
    """Applies METRICS (`core.ports.Sink`)."""

    kinds = frozenset({METRICS})

    async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
        """Write a batch. Raises ValueError or psycopg.Error for an entry that can't be written."""
        batches = [_BATCH.decode(envelope.payload) for envelope in batch]
        points = [(each, point) for each in batches for point in each.points]
        if not points:
            return
        places = await _changes(connection, points)
        if places:
            await _add(connection, await _within_bounds(connection, places))


async def _changes(
    connection: Connection, points: Sequence[tuple[MetricBatch, MetricPoint]]
) -> dict[Place, list[Change]]:
    """Return what points add by series and hour, and remember what their streams have said."""
    keys = sorted({(name(batch.project), point.stream) for batch, point in points})
    named: dict[str, Any] = {
        "project_ids": sorted({project for project, _ in keys}),
        "projects": [project for project, _ in keys],
        "streams": [stream for _, stream in keys],
    }
    await connection.execute(QUERIES.open_streams, named)
    cursor = await connection.execute(QUERIES.lock_streams, named)
    states: dict[tuple[str, bytes], StreamState | None] = {
        (project, bytes(stream)): None if state is None else _STATE.decode(state)
        for project, stream, state in await cursor.fetchall()
    }
    found: dict[Place, list[Change]] = {}
    for batch, point in sorted(points, key=_ended):
        key = (name(batch.project), point.stream)
        states[key], change = follow(states.get(key), point)
        if change is not None:
            found.setdefault((_series(batch, point), _hour(batch, point)), []).append(change)
    kept = [states[key] for key in keys]
    await connection.execute(QUERIES.keep_streams, {**named, "states": [_ENCODE(state) for state in kept]})
    return found


def _ended(of: tuple[MetricBatch, MetricPoint]) -> int:
    return of[1].at_ns


def _hour(batch: MetricBatch, point: MetricPoint) -> int:
    received_ns = batch.received_ms * 1_000_000
    is_off = abs(point.at_ns - received_ns) > CLOCK_NS_OFF_MAX
    return (received_ns if is_off else point.at_ns) // HOUR_NS


def _series(batch: MetricBatch, point: MetricPoint) -> Series:
    return Series(
        project=name(batch.project),
        key=name(batch.key),
        name=name(point.name),
        unit=name(point.unit),
        kind=point.kind,
        attributes=_json(point.attributes),
    )


def _json(attributes: Mapping[str, str]) -> str:
    said = {clean(attribute): clean(value) for attribute, value in sorted(attributes.items())}
    return msgspec.json.encode(said).decode()


async def _within_bounds(
    connection: Connection, places: Mapping[Place, list[Change]]
) -> dict[Place, list[Change]]:
    """Put series beyond the bound of their name together as one."""
    asked = sorted({series for series, _ in places}, key=lambda series: (series.project, series.digest))
    cursor = await connection.execute(
        QUERIES.known_series,
        {
            "project_ids": sorted({series.project for series in asked}),
            "projects": [series.project for series in asked],
            "names": [series.name for series in asked],
            "series": [series.digest for series in asked],
        },
    )
    put: dict[Series, Series] = {}
    fresh: dict[tuple[str, str], int] = {}
    for series, (_, is_known, count) in zip(asked, await cursor.fetchall(), strict=True):
        place = (series.project, series.name)
        put[series] = series
        if not is_known:
            if count + fresh.get(place, 0) >= SERIES_MAX:
                put[series] = msgspec.structs.replace(series, attributes=_json(OVERFLOW))
            else:
                fresh[place] = fresh.get(place, 0) + 1
    found: dict[Place, list[Change]] = {}
    for (series, hour), changes in places.items():
        found.setdefault((put[series], hour), []).extend(changes)
    return found


async def _add(connection: Connection, found: Mapping[Place, list[Change]]) -> None:
    await _add_series(connection, {series for series, _ in found})
    places = sorted(found, key=lambda place: (place[0].project, place[0].digest, place[1]))
    named: dict[str, Any] = {
        "project_ids": sorted({series.project for series, _ in places}),
        "projects": [series.project for series, _ in places],
        "series": [series.digest for series, _ in places],
        "slots": [datetime.fromtimestamp(hour * 3600, UTC) for _, hour in places],
    }
    await connection.execute(QUERIES.open_points, named)
    cursor = await connection.execute(QUERIES.lock_points, named)
    rows: list[Change] = [Change()] * len(places)
    for place, *columns in await cursor.fetchall():
        rows[place - 1] = added([_row(*columns), *found[places[place - 1]]])
    columns_of: dict[str, list[Any]] = {
        "counts": [row.count for row in rows],
        "totals": [row.total for row in rows],
        "leasts": [row.least for row in rows],
        "mosts": [row.most for row in rows],
        "lasts": [row.last for row in rows],
        "times": [row.last_ns for row in rows],
        "buckets": [_ENCODE(row.buckets) if row.buckets else None for row in rows],
    }
    await connection.execute(QUERIES.keep_points, {**named, **columns_of})


async def _add_series(connection: Connection, found: set[Series]) -> None:
    series = sorted(found, key=lambda each: (each.project, each.digest))
    await connection.execute(
        QUERIES.add_series,
        {
            "projects": [each.project for each in series],
            "series": [each.digest for each in series],
            "keys": [each.key for each in series],
            "names": [each.name for each in series],
            "units": [each.unit for each in series],
            "kinds": [each.kind for each in series],
            "attributes": [each.attributes for each in series],
        },
    )


def _row(*columns: Any) -> Change:
    count, total, least, most, last, last_ns, buckets = columns
    return Change(
        count=count,
        total=total,
        least=least,
        most=most,
        last=last,
        last_ns=last_ns,
        buckets=buckets_of(buckets),
    )


def buckets_of(data: bytes | None) -> tuple[Bucket, ...]:
    """Return the buckets that a row holds."""
    return () if data is None else _BUCKETS.decode(data)
