"""Adds to the rows of traces, and names spans whose words are to be taken, in the caller's transaction.

Read next: `keeping.summing`, `keeping.sink`, `keeping.telling`.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final
from uuid import UUID

import msgspec

from headgate.store.database import Connection
from headgate.store.queries import Queries
from headgate.traces.keeping.rows import SpanPlace
from headgate.traces.keeping.summing import FACETS_MAX, TraceDelta, TraceKey

QUERIES: Final = Queries.load("headgate.traces.keeping")
QUEUED_MAX: Final = 200
"""Spans in one row of the queue for words."""


async def add_to_traces(
    connection: Connection,
    deltas: Mapping[TraceKey, TraceDelta],
    *,
    changed: Iterable[tuple[str, UUID]] = (),
) -> None:
    """Add to the rows of traces, and have counted again what these cost and others that have changed."""
    if deltas:
        rows = msgspec.json.encode([delta.row(key) for key, delta in deltas.items()]).decode()
        await connection.execute(QUERIES.add_to_traces, {"rows": rows, "facets_max": FACETS_MAX})
    marked = sorted({*changed, *((project, UUID(bytes=trace_id)) for project, trace_id in deltas)})
    if marked:
        await connection.execute(
            QUERIES.mark_changed,
            {"projects": [project for project, _ in marked], "traces": [trace_id for _, trace_id in marked]},
        )


async def queue_text(connection: Connection, spans: Iterable[SpanPlace]) -> None:
    """Have the words of spans taken."""
    groups: dict[tuple[date, str], list[SpanPlace]] = {}
    for place in spans:
        groups.setdefault((place.day, place.project), []).append(place)
    rows = [
        {
            "day": day,
            "project": project,
            "traces": [UUID(bytes=place.trace_id) for place in group[start : start + QUEUED_MAX]],
            "numbers": [place.number for place in group[start : start + QUEUED_MAX]],
        }
        for (day, project), group in groups.items()
        for start in range(0, len(group), QUEUED_MAX)
    ]
    if rows:
        async with connection.cursor() as cursor:
            await cursor.executemany(QUERIES.queue_text, rows)
