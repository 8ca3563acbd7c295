"""How many traces a list has by time: counted one by one, and of frequent ones from the sums by hour and day.

Bounded as the list is: the newest so many, and for so long. Read next: `reading.listing`, `keeping.rollups`.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from psycopg.errors import QueryCanceled
from psycopg.rows import TupleRow

from headgate.core.pages import format_datetime
from headgate.records.axis import Axis, axis_of, axis_with
from headgate.records.counting import look_no_longer
from headgate.records.rollup import DAY_S, HOUR_S
from headgate.store.database import Connection
from headgate.traces.reading.listing import (
    LOOK,
    QUERIES,
    filter_parameters_of,
    ordered,
    place_parameters,
    seen_projects,
    walks_of,
)
from headgate.traces.reading.model import TraceCounts, TraceFilters
from headgate.traces.reading.series import whole_days

COUNTED_MAX: Final = 5_000
LOOKED_MS: Final = 300
BY_HOUR: Final = timedelta(days=8)
"""Up to this length of time sums by hour are read, else those by day."""
_SUMMED: Final = ("name", "service", "environment", "release", "model")
_OTHERS: Final = frozenset(TraceFilters.__struct_fields__) - {"begin", "end", *_SUMMED}


async def count_traces(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: TraceFilters,
    *,
    begin: datetime,
    end: datetime,
) -> TraceCounts:
    """Count the traces of a filter between two times. Raises InvalidRequest for a text without words."""
    axis = axis_of(begin, end)
    within = msgspec.structs.replace(filters, begin=max(begin, axis.begin), end=end)
    projects = await seen_projects(connection, project_ids)
    summed = await _summed(connection, projects, within)
    if summed is not None and _at_least(*summed, within) > COUNTED_MAX:
        # One by one they would be too many: that is not tried for a while first.
        return _counts(*summed, None)
    try:
        async with connection.transaction():
            await look_no_longer(connection, LOOKED_MS)
            rows = await _counted(connection, projects, within, axis.step_s)
    except QueryCanceled:
        rows = None
    if rows is not None and sum(int(row[1]) for row in rows) <= COUNTED_MAX:
        return _counts(axis, rows, None)
    if summed is not None:
        return _counts(*summed, None)
    return _counts(axis, rows or [], axis.end if rows is None else min(row[2] for row in rows))


async def _counted(
    connection: Connection, projects: list[str], filters: TraceFilters, step_s: int
) -> list[TupleRow]:
    parameters = {
        **await filter_parameters_of(connection, filters, projects),
        **place_parameters(None),
        "project_ids": projects,
        "limit": COUNTED_MAX + 1,
        "look": LOOK,
        "step_s": step_s,
    }
    rows: list[TupleRow] = []
    for walk in walks_of(filters):
        asked = ordered(walk.replace("[columns]", "t.started_at"), filters=filters)
        counting = QUERIES.count_traces.replace("[traces]", asked)
        cursor = await connection.execute(counting, parameters, prepare=False)
        rows = await cursor.fetchall()
        if sum(int(row[1]) for row in rows) > COUNTED_MAX:
            break
    return rows


def _at_least(axis: Axis, rows: Sequence[TupleRow], filters: TraceFilters) -> int:
    """How many traces there are at least: those of the steps that lie wholly within the time."""
    begin, end = filters.begin or axis.begin, filters.end or axis.end
    first, last = math.ceil(begin.timestamp() / axis.step_s), math.floor(end.timestamp() / axis.step_s)
    return sum(int(count) for step, count, *_ in rows if first <= int(step) < last)


async def _summed(
    connection: Connection, projects: list[str], filters: TraceFilters
) -> tuple[Axis, list[TupleRow]] | None:
    """Count from the sums of settled traces; None where none are kept by it, as by no environment."""
    named = [name for name in _SUMMED if getattr(filters, name) is not None]
    begin, end = filters.begin, filters.end
    if begin is None or end is None or len(named) > 1 or filters.environment == "":
        return None
    if any(getattr(filters, name) is not None for name in _OTHERS):
        return None
    parameters: dict[str, Any] = {
        **whole_days(begin, end),
        "project_ids": projects,
        "dimension": named[0] if named else "",
        "value": getattr(filters, named[0]) if named else "",
        "begin": begin,
        "end": end,
    }
    by_hour = end - begin <= BY_HOUR
    axis = axis_with(begin, end, HOUR_S if by_hour else DAY_S)
    statement = QUERIES.count_by_hour if by_hour else QUERIES.count_by_day
    cursor = await connection.execute(statement, {**parameters, "step_s": axis.step_s}, prepare=False)
    return axis, await cursor.fetchall()


def _counts(axis: Axis, rows: Sequence[TupleRow], since: datetime | None) -> TraceCounts:
    traces = [0] * axis.count
    for step, count, *_ in rows:
        place = int(step) - axis.first
        if 0 <= place < axis.count:
            traces[place] += int(count)
    return TraceCounts(
        begin=format_datetime(axis.begin),
        end=format_datetime(axis.end),
        step_s=axis.step_s,
        at=axis.instants(),
        counted=sum(traces),
        traces=traces,
        counted_from=None if since is None else format_datetime(since),
    )
