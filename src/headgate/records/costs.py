"""What calls cost, summed by what they have in common and by time.

Sums by one name alone are read by day and by the hour, those by several by quarters of an hour, those by
user, tag and session by day. The filter by projects stands inside the SQL. Read next: `records.levels`.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, get_args

from psycopg.rows import TupleRow

from headgate.core.faults import InvalidRequest
from headgate.core.pages import format_datetime
from headgate.records.levels import (
    QUERIES,
    STEPS_S,
    dimension_of,
    part_parameters,
    parts_of,
    summed_projects,
)
from headgate.records.model import CostRow, GroupName, Interval, NarrowName, buckets_of
from headgate.records.queries import format_amount
from headgate.records.rollup import SLOT_S
from headgate.store.database import Connection

COST_ROWS_MAX: Final = 10_000
_BY_VALUE: Final[tuple[GroupName, ...]] = ("user", "tag", "session")


async def costs(
    connection: Connection,
    project_ids: Sequence[str] | None,
    *,
    group_by: Sequence[GroupName] = ("project", "model"),
    interval: Interval | None = None,
    begin: datetime | None = None,
    end: datetime | None = None,
    only: Mapping[NarrowName, str] | None = None,
    limit: int = COST_ROWS_MAX,
) -> list[CostRow]:
    """Return what calls cost, of all or `only` these values, by interval and then the dearest first.

    `begin` is moved back and `end` forward to a quarter of an hour; to a day (UTC) for users, tags and
    sessions, which are kept by day and can be grouped with project only. A call with two tags counts under
    both.
    Raises InvalidRequest for a combination that is not kept.
    """
    only = only or {}
    parameters: dict[str, Any] = {
        "project_ids": None if project_ids is None else list(project_ids),
        "interval": interval,
        "limit": limit,
        "by_project": "project" in group_by,
    }
    value = _value_dimension(group_by, interval, only)
    dimension = dimension_of((*group_by, *only))
    first, last = slot_edge(begin, up=False), slot_edge(end, up=True)
    if value is not None:
        days = {"begin": _day_of_edge(begin, up=False), "end": _day_of_edge(end, up=True), "dimension": value}
        statement = QUERIES.costs_by_session if value == "session" else QUERIES.costs_by_value
        parameters |= days
    elif dimension is not None:
        named = {
            **part_parameters(parts_of(first, last, STEPS_S[1:] if interval == "hour" else STEPS_S)),
            "project_ids": await summed_projects(connection, project_ids),
            "dimension": dimension,
            "by_value": dimension in group_by,
            "by_provider": "provider" in group_by,
            "only": next(iter(only.values()), None),
        }
        statement, parameters = QUERIES.costs_by_name, parameters | named
    else:
        parameters |= {"begin": instant_of(first), "end": instant_of(last)}
        parameters |= {f"by_{group}": group in group_by for group in (*get_args(NarrowName), "provider")}
        parameters |= {name: only.get(name) for name in get_args(NarrowName)}
        statement = QUERIES.costs_by_names
    cursor = await connection.execute(statement, parameters, prepare=False)
    return [_cost_row(row, group_by, interval) async for row in cursor]


def _value_dimension(
    group_by: Sequence[GroupName], interval: Interval | None, only: Mapping[NarrowName, str]
) -> str | None:
    values = [group for group in group_by if group in _BY_VALUE]
    if not values:
        return None
    others = [group for group in group_by if group not in _BY_VALUE and group != "project"]
    if len(values) > 1 or others or interval == "hour" or only:
        raise InvalidRequest(
            f"costs by {values[0]} are kept by project and day only; leave the other groups, the interval "
            f"`hour` and {', '.join(sorted(only)) or 'the key'} away",
            parameter="group_by",
        )
    return values[0]


def slot_edge(instant: datetime | None, *, up: bool) -> int | None:
    """Return the end of a quarter of an hour, in Unix seconds."""
    if instant is None:
        return None
    slots = instant.timestamp() / SLOT_S
    return (math.ceil(slots) if up else math.floor(slots)) * SLOT_S


def instant_of(second: int | None) -> datetime | None:
    """Return a time in Unix seconds as an instant."""
    return None if second is None else datetime.fromtimestamp(second, UTC)


def _day_of_edge(instant: datetime | None, *, up: bool) -> date | None:
    return None if instant is None else day_edge(instant, up=up).date()


def day_edge(instant: datetime, *, up: bool) -> datetime:
    """Return the end of a day (UTC)."""
    whole = instant.astimezone(UTC)
    begins = whole.replace(hour=0, minute=0, second=0, microsecond=0)
    return begins + timedelta(days=1) if up and whole != begins else begins


def _cost_row(row: TupleRow, group_by: Sequence[GroupName], interval: Interval | None) -> CostRow:
    start, project, model, target, key, prompt, release, environment, value, requests, *sums = row
    groups = {"project": project, "model": model, "target": target, "key": key, "prompt": prompt}
    groups |= {"release": release, "environment": environment, "provider": target}
    groups |= {group: value for group in group_by if group not in groups or value is not None}
    groups["project"] = project
    if "provider" in group_by:
        groups["provider"] = str(groups["provider"]).partition("/")[0]
    named: dict[str, Any] = {group: groups[group] for group in group_by}
    if interval is not None:
        named["start"] = format_datetime(start)
    cost_usd, unpriced, estimated = sums[5:]
    return CostRow(
        **named,
        requests=int(requests),
        usage=buckets_of(sums[:5]),
        cost_usd=None if unpriced == requests else format_amount(cost_usd),
        unpriced=int(unpriced),
        estimated=int(estimated),
    )
