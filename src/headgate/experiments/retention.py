"""How long units of experiments stay: until their decision is older than what their project keeps.

What runs, or was not decided, keeps its units, since nothing else holds what is known of it; a sealed
decision holds its sums. Read next: `experiments.decisions`.
"""

from collections.abc import Mapping

from headgate.experiments.definitions import QUERIES
from headgate.records.retention import RETENTION_DAYS_DEFAULT
from headgate.store.database import Connection


async def expire_units(
    connection: Connection, retention_days: Mapping[str, int], *, default_days: int = RETENTION_DAYS_DEFAULT
) -> None:
    """Delete units and calls of versions that were decided longer ago than their project's days."""
    least = min([default_days, *retention_days.values()])
    cursor = await connection.execute(QUERIES.list_expiring, {"days": least})
    for version, project in await cursor.fetchall():
        days = retention_days.get(project, default_days)
        parameters = {"version": version, "project_ids": [project], "days": days}
        async with connection.transaction():
            units = await connection.execute(QUERIES.expire_units, parameters)
            calls = await connection.execute(QUERIES.expire_calls, parameters)
            if units.rowcount or calls.rowcount:
                await connection.execute(QUERIES.note_expired, {"version": version})
