"""How long metrics stay: as long as the requests of their project.

A series goes when it was not heard of for so long, and so does what is remembered of a stream.
"""

from collections.abc import Mapping
from typing import Final, LiteralString

from headgate.records.retention import RETENTION_DAYS_DEFAULT
from headgate.store.database import Connection
from headgate.traces.metrics.sink import QUERIES

_EXPIRE: Final[tuple[LiteralString, ...]] = (
    QUERIES.expire_points,
    QUERIES.expire_series,
    QUERIES.expire_streams,
)


async def expire_metrics(
    connection: Connection, retention_days: Mapping[str, int], *, default_days: int = RETENTION_DAYS_DEFAULT
) -> None:
    """Delete what is older than its project's days; a project that is not named keeps `default_days`."""
    cursor = await connection.execute(QUERIES.list_metric_projects, {"project_ids": None})
    for (project,) in await cursor.fetchall():
        days = retention_days.get(project, default_days)
        for statement in _EXPIRE:
            await connection.execute(statement, {"project_ids": [project], "days": days})
