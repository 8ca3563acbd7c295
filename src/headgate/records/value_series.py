"""What charts by user and tag are drawn from: sums by day over long times, single calls over short ones.

Sums by user know days alone, and nothing of any other name: what else is asked is counted call by call, the
newest so many, and for so long. Read next: `records.series`.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
from psycopg.errors import QueryCanceled

from headgate.records.counting import look_no_longer
from headgate.records.levels import summed_projects
from headgate.records.model import RequestFilters
from headgate.records.queries import filter_parameters
from headgate.records.rollup import VALUES_MAX
from headgate.records.sink import QUERIES as RECORD_QUERIES
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.records", "series.sql")

BY_CALLS: Final = timedelta(days=2)
"""Up to this length of time single calls are read: days would be too few for a chart."""
COUNTED: Final = (100_000, 10_000)
"""How many of the newest calls are counted; the second where the first take too long."""
LOOKED_MS: Final = 1000


class Counted(msgspec.Struct, frozen=True):
    """Rows of single calls. `since` is None where all are counted; `is_late` where looking took too long."""

    rows: Sequence[Sequence[Any]] = ()
    since: Any = None
    is_late: bool = False


async def days_of(
    connection: Connection, parameters: dict[str, Any], dimension: str, only: str | None
) -> list[Sequence[Any]] | None:
    """Return sums by day, of all values or of one; None where some of its calls may not be told apart."""
    project_ids = await summed_projects(connection, parameters["project_ids"])
    asked = parameters | {"project_ids": project_ids, "dimension": dimension, "only": only}
    asked["values_max"] = VALUES_MAX
    if only is not None:
        cursor = await connection.execute(QUERIES.is_beyond, asked, prepare=False)
        if (await cursor.fetchone()) == (True,):
            return None
    cursor = await connection.execute(QUERIES.sums_by_value, asked, prepare=False)
    return list(await cursor.fetchall())


async def calls_of(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: RequestFilters,
    parameters: dict[str, Any],
) -> Counted:
    """Return what the newest calls that match come to, by step, group, class of status and latencies."""
    matching = await filter_parameters(connection, project_ids, filters)
    for most in COUNTED:
        asked = parameters | matching | {"limit": most + 1}
        try:
            async with connection.transaction():
                await look_no_longer(connection, LOOKED_MS)
                cursor = await connection.execute(RECORD_QUERIES.series_of_calls, asked, prepare=False)
                rows = await cursor.fetchall()
        except QueryCanceled:
            continue
        calls, since = rows[0][-2:]
        found = [row[:-2] for row in rows if row[0] is not None]
        return Counted(found, since if calls > most else None)
    return Counted(is_late=True)
