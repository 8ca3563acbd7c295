"""How long runs of checks stay, with their results, and what judges said.

Never takes a run that people keep, nor the last one with a verdict of a check on a target: its requirements
stand on that, and the next run is compared with it. Read next: `checks.store`.
"""

from collections.abc import Mapping
from typing import Final

from headgate.checks.store import QUERIES
from headgate.store.database import Connection

RETENTION_DAYS_DEFAULT: Final = 365
ROUNDS_MAX: Final = 100
"""So many statements at a time; what is left goes ten minutes later."""


async def expire_checks(
    connection: Connection, retention_days: Mapping[str, int], *, default_days: int = RETENTION_DAYS_DEFAULT
) -> None:
    """Delete runs and judgements that are older than their project's days, in small transactions."""
    cursor = await connection.execute(QUERIES.list_expiring_projects)
    for (project,) in await cursor.fetchall():
        days = retention_days.get(project, default_days)
        for statement in (QUERIES.expire_runs, QUERIES.expire_judgements):
            for _ in range(ROUNDS_MAX):
                gone = await connection.execute(statement, {"project_ids": [project], "days": days})
                if not gone.rowcount:
                    break
