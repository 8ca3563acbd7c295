"""How long traces and scores stay: as long as requests of their project. Partitions: `records.retention`.

A trace goes with the last day on which something of it arrived. Read next: `keeping.sink`.
"""

from collections.abc import Mapping
from typing import Final, LiteralString

from headgate.records.retention import RETENTION_DAYS_DEFAULT
from headgate.store.database import Connection
from headgate.traces.keeping.sink import QUERIES

_EXPIRE: Final[tuple[LiteralString, ...]] = (
    QUERIES.expire_text_queue,
    QUERIES.expire_span_words,
    QUERIES.expire_spans,
    QUERIES.expire_span_events,
    QUERIES.expire_traces,
    QUERIES.expire_trace_rollups,
    QUERIES.expire_trace_rollup_days,
    QUERIES.expire_scores,
)


async def expire_traces(
    connection: Connection, retention_days: Mapping[str, int], *, default_days: int = RETENTION_DAYS_DEFAULT
) -> None:
    """Delete what is older than its project's days; a project that is not named keeps `default_days`."""
    found: set[str] = set()
    listed = (QUERIES.list_trace_projects, QUERIES.list_event_projects, QUERIES.list_score_projects)
    for statement in listed:
        cursor = await connection.execute(statement, {"project_ids": None})
        found.update(project for (project,) in await cursor.fetchall())
    by_days: dict[int, list[str]] = {}
    for project in sorted(found):
        by_days.setdefault(retention_days.get(project, default_days), []).append(project)
    for days, of_days in sorted(by_days.items()):
        for statement in _EXPIRE:
            await connection.execute(statement, {"project_ids": of_days, "days": days})
