"""How long marked answers stay: names and words as long as their project's requests, numbers for good.

What people marked is dear, and without names and words it tells of nobody. Read next: `judges.storing`.
"""

from collections.abc import Mapping
from typing import Final, LiteralString

from headgate.judges.storing import QUERIES
from headgate.records.retention import RETENTION_DAYS_DEFAULT
from headgate.store.database import Connection

_STRIP: Final[tuple[LiteralString, ...]] = (QUERIES.strip_items, QUERIES.strip_marks)


async def expire_marks(connection: Connection, retention_days: Mapping[str, int]) -> None:
    """Take names and words out of what is older than its project's days."""
    cursor = await connection.execute(QUERIES.list_item_projects, {"project_ids": None})
    for (project,) in await cursor.fetchall():
        days = retention_days.get(project, RETENTION_DAYS_DEFAULT)
        for statement in _STRIP:
            await connection.execute(statement, {"project_ids": [project], "days": days})
