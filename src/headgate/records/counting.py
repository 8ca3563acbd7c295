"""How many calls match a filter by time, counted one by one where no sums are kept by what it asks.

Bounded: the newest so many, and for so long. Read next: `records.queries`, `records.series`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from psycopg.errors import QueryCanceled

from headgate.core.pages import format_datetime
from headgate.records.axis import Axis, axis_of
from headgate.records.model import RequestFilters
from headgate.records.queries import filter_parameters
from headgate.records.sink import QUERIES
from headgate.store.database import Connection

COUNTED_MAX: Final = 10_000
LOOKED_MS: Final = 1000


class RequestCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that match, by class of the status: point n counts those of the `step_s` seconds from `at[n]` on.

    `counted_from` is null where all are counted; else those before it are left out, since there are too many.
    It is `end` where looking for them took too long, and none is counted.
    """

    begin: str
    end: str
    step_s: int
    at: list[str]
    calls: int
    ok: list[int]
    client_errors: list[int]
    server_errors: list[int]
    counted_from: str | None


async def count_requests(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: RequestFilters,
    *,
    begin: datetime,
    end: datetime,
) -> RequestCounts:
    """Count the calls between two times that match. Raises InvalidRequest for a status that is none."""
    axis = axis_of(begin, end)
    within = msgspec.structs.replace(filters, begin=axis.begin, end=axis.end)
    parameters = await filter_parameters(connection, project_ids, within)
    parameters |= {"step_s": axis.step_s, "limit": COUNTED_MAX + 1}
    try:
        async with connection.transaction():
            await look_no_longer(connection, LOOKED_MS)
            cursor = await connection.execute(QUERIES.count_requests, parameters, prepare=False)
            rows = await cursor.fetchall()
    except QueryCanceled:
        return _counts(axis, [], axis.end)
    is_cut = sum(int(row[2]) for row in rows) > COUNTED_MAX
    return _counts(axis, rows, min(row[3] for row in rows) if is_cut else None)


async def look_no_longer(connection: Connection, milliseconds: int) -> None:
    """End each statement of the transaction after so long, with QueryCanceled."""
    await connection.execute(QUERIES.look_no_longer, {"milliseconds": milliseconds})


def _counts(axis: Axis, rows: Sequence[Sequence[Any]], since: datetime | None) -> RequestCounts:
    ok, client_errors, server_errors = ([0] * axis.count for _ in range(3))
    for step, status_class, calls, _ in rows:
        line = ok if status_class in (1, 2, 3) else client_errors if status_class == 4 else server_errors
        line[int(step) - axis.first] += int(calls)
    return RequestCounts(
        begin=format_datetime(axis.begin),
        end=format_datetime(axis.end),
        step_s=axis.step_s,
        at=axis.instants(),
        calls=sum(ok) + sum(client_errors) + sum(server_errors),
        ok=ok,
        client_errors=client_errors,
        server_errors=server_errors,
        counted_from=None if since is None else format_datetime(since),
    )
