"""How long records stay: partitions are made ahead and dropped whole; shorter times delete rows.

Never takes from rollups by slot, which name no person, nor from the ledger. Read next: `records.sink`.
"""

import logging
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import LiteralString

import psycopg
from psycopg import sql

from headgate.records.levels import summed_projects
from headgate.records.sink import QUERIES
from headgate.store.database import Connection

log = logging.getLogger("headgate.records")

DAYS_AHEAD = 3
RETENTION_DAYS_DEFAULT = 30
LOCK_WAIT_MS = 2000
MISSING_DAYS = 40
"""How long after its time a call may still come out of a journal, beyond which there are no partitions."""

_PARTITION = re.compile(
    r"^(?:requests|request_bodies|messages|spans|span_words|span_events)_(\d{4})(\d{2})(\d{2})$"
)
_EXPIRE: tuple[LiteralString, ...] = (
    QUERIES.expire_requests,
    QUERIES.expire_bodies,
    QUERIES.expire_messages,
    QUERIES.expire_rollup_days,
    QUERIES.expire_session_days,
    QUERIES.expire_match_queue,
    QUERIES.expire_unknown_prompts,
    QUERIES.expire_unknown_days,
    QUERIES.expire_unknown_calls,
)


async def make_partitions_ahead(connection: Connection, days: int = DAYS_AHEAD) -> None:
    """Make the partitions of today and the next days, each by itself, so that no shipper has to."""
    cursor = await connection.execute(QUERIES.list_partitions_ahead, {"days": days})
    for parent, day in await cursor.fetchall():
        await connection.execute(QUERIES.ensure_partition, {"parent": parent, "day": day})


async def count_default_rows(connection: Connection) -> int:
    """Return how many rows lie in default partitions: of days that had none. Anything but 0 wants a look."""
    cursor = await connection.execute(QUERIES.count_default_rows)
    row = await cursor.fetchone()
    return int(row[0]) if row is not None else 0


async def add_missing_environments(connection: Connection, days: int = MISSING_DAYS) -> int:
    """Add to the sums by environment what a version before them wrote beside this one, as calls of none.

    Returns in how many rows something was missing. One process at a time may do it.
    """
    projects = await summed_projects(connection, None)
    cursor = await connection.execute(
        QUERIES.add_missing_environments, {"project_ids": projects, "days": days}
    )
    return cursor.rowcount


async def drop_expired(
    connection: Connection, retention_days: Mapping[str, int], *, default_days: int = RETENTION_DAYS_DEFAULT
) -> list[str]:
    """Drop what is older than its project's days; return the names of partitions that were dropped.

    A project that is not named keeps `default_days`. A partition in use is left for the next run.
    """
    cursor = await connection.execute(QUERIES.database_day)
    row = await cursor.fetchone()
    if row is None:
        return []
    today: date = row[0]
    longest = max([default_days, *retention_days.values()])
    cursor = await connection.execute(QUERIES.list_record_projects)
    by_days: dict[int, list[str]] = {}
    for (project,) in await cursor.fetchall():
        by_days.setdefault(retention_days.get(project, default_days), []).append(project)
    for days, projects in sorted(by_days.items()):
        for statement in _EXPIRE:
            parameters = {"project_ids": projects, "day": today - timedelta(days=days)}
            await connection.execute(statement, parameters)
    return await _drop_partitions(connection, today - timedelta(days=longest))


async def _drop_partitions(connection: Connection, oldest: date) -> list[str]:
    cursor = await connection.execute(QUERIES.list_partitions)
    dropped: list[str] = []
    for (partition,) in await cursor.fetchall():
        match = _PARTITION.match(partition)
        if match is None or date(*map(int, match.groups())) >= oldest:
            continue
        try:
            async with connection.transaction():
                await connection.execute(sql.SQL("set local lock_timeout = {}").format(LOCK_WAIT_MS))
                await connection.execute(sql.SQL("drop table {}").format(sql.Identifier(partition)))
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            log.info("%s is in use and stays until the next run", partition)
            continue
        dropped.append(partition)
    return dropped
