"""What charts show: calls, costs, latencies and failures by time, added up so that a page gets few points.

Sums are kept by quarters of an hour, and by one name alone by the hour and by day; over two hours or less
single calls are read instead, by the minute. Users and tags have sums by day alone (`records.value_series`).
Money never leaves as a float. Read next: `records/series.sql`, `records.levels`, `records.series_http`.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

import msgspec

from headgate.core.pages import format_datetime
from headgate.records.axis import Axis, axis_of, axis_with
from headgate.records.levels import dimension_of, summed_projects
from headgate.records.model import NarrowName, RequestFilters
from headgate.records.rollup import DAY_S, HOUR_S, SLOT_S
from headgate.records.series_lines import FailureLine, Gathered, SeriesGroup, failures_of, with_groups
from headgate.records.sketch import BUCKETS_MAX, GROWTH
from headgate.records.value_series import BY_CALLS, QUERIES, calls_of, days_of
from headgate.store.database import Connection

SeriesGroupName = Literal[
    "project", "model", "target", "prompt", "release", "key", "environment", "provider", "user", "tag"
]

GROUPS_MAX: Final = 8
_VALUE_NAMES: Final = frozenset(("user", "tag"))
_NAMES: Final = (*get_args(NarrowName), *sorted(_VALUE_NAMES))


class SeriesFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls, and over which time. `target` is `provider/model` or a provider."""

    begin: datetime
    end: datetime
    project: str | None = None
    key: str | None = None
    model: str | None = None
    target: str | None = None
    prompt: str | None = None
    release: str | None = None
    environment: str | None = None
    user: str | None = None
    tag: str | None = None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """What charts show. Point n counts the calls that began in the `step_s` seconds from `at[n]` on.

    `counted_from` is null where all calls are counted; else those before it are left out, since there are too
    many. It is `end` where looking for them took too long, and none is counted.
    """

    begin: str
    end: str
    step_s: int
    at: list[str]
    groups: list[SeriesGroup]
    failures: list[FailureLine]
    counted_from: str | None = None


class _Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: of which calls, told apart by what."""

    project_ids: Sequence[str] | None
    filters: SeriesFilters
    group_by: SeriesGroupName | None
    with_latencies: bool

    @property
    def only(self) -> dict[str, str]:
        """The names that narrow it, beside the project."""
        return {name: value for name in _NAMES if (value := getattr(self.filters, name)) is not None}

    @property
    def names(self) -> set[str]:
        """All names that it is about."""
        return {*self.only, *([] if self.group_by is None else [self.group_by])}

    def parameters(self, axis: Axis) -> dict[str, Any]:
        """What statements take."""
        project_ids, project = self.project_ids, self.filters.project
        if project is not None:
            project_ids = [project] if project_ids is None or project in project_ids else []
        return {
            **msgspec.structs.asdict(self.filters),
            "project_ids": None if project_ids is None else list(project_ids),
            "begin": axis.begin,
            "end": axis.end,
            "step_s": axis.step_s,
            "group_by": self.group_by,
            "groups_max": GROUPS_MAX,
            "bucket_max": BUCKETS_MAX - 1,
            "growth": GROWTH,
            "with_latencies": self.with_latencies,
            "first_day": (axis.begin - timedelta(days=1)).date(),
            "last_day": (axis.end + timedelta(days=1)).date(),
            # A call's id begins with the time at which it came in: a minute for what clocks differ.
            "first_id": _id_at(axis.begin - timedelta(minutes=1)),
            "last_id": _id_at(axis.end + timedelta(minutes=1)),
        }


async def series(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: SeriesFilters,
    *,
    group_by: SeriesGroupName | None = None,
    with_latencies: bool = True,
    with_failing_groups: bool = False,
) -> Series:
    """Return what charts show of the calls that match, the largest groups first.

    Latencies take most of the time where many sums are put together; which groups failures are of takes a
    look at each failed call.
    """
    asked = _Question(
        project_ids=project_ids, filters=filters, group_by=group_by, with_latencies=with_latencies
    )
    found = await (_of_values if _VALUE_NAMES & asked.names else _of_sums)(connection, asked)
    if group_by is None:
        found.sums_of(None)
    groups = found.groups(is_grouped=group_by is not None)
    axis, since = found.axis, found.counted_from
    parameters = asked.parameters(axis) | {"begin": since or axis.begin}
    cursor = await connection.execute(QUERIES.failures, parameters, prepare=False)
    failures = failures_of(axis, await cursor.fetchall())
    if group_by is not None and with_failing_groups:
        parameters["names"] = [group.name for group in groups if group.name is not None]
        cursor = await connection.execute(QUERIES.failures_by_group, parameters, prepare=False)
        failures = with_groups(failures, groups, await cursor.fetchall())
    return Series(
        begin=format_datetime(axis.begin),
        end=format_datetime(axis.end),
        step_s=axis.step_s,
        at=axis.instants(),
        groups=groups,
        failures=failures,
        counted_from=None if since is None else format_datetime(since),
    )


async def _of_sums(connection: Connection, asked: _Question) -> Gathered:
    found = Gathered(axis_of(asked.filters.begin, asked.filters.end))
    axis, parameters = found.axis, asked.parameters(found.axis)
    dimension = dimension_of(asked.names)
    if axis.step_s < SLOT_S:
        cursor = await connection.execute(QUERIES.calls, parameters, prepare=False)
        found.add_calls(await cursor.fetchall())
    elif axis.step_s >= HOUR_S and dimension is not None:
        parameters |= {
            "project_ids": await summed_projects(connection, parameters["project_ids"]),
            "dimension": dimension,
            "only": next(iter(asked.only.values()), None),
            "kept_s": DAY_S if axis.step_s >= DAY_S else HOUR_S,
        }
        cursor = await connection.execute(QUERIES.sums_by_name, parameters, prepare=False)
        found.add_named(await cursor.fetchall())
    else:
        cursor = await connection.execute(QUERIES.sums, parameters, prepare=False)
        found.add_sums(await cursor.fetchall())
        if asked.with_latencies:
            cursor = await connection.execute(QUERIES.sketches, parameters, prepare=False)
            found.add_sketches(await cursor.fetchall())
    return found


async def _of_values(connection: Connection, asked: _Question) -> Gathered:
    begin, end = asked.filters.begin, asked.filters.end
    axis, dimension = axis_of(begin, end), dimension_of(asked.names)
    if dimension is not None and end - begin > BY_CALLS:
        found = Gathered(axis_with(begin, end, max(DAY_S, axis.step_s)))
        value = next(iter(asked.only.values()), None)
        days = await days_of(connection, asked.parameters(found.axis), dimension, value)
        if days is not None:
            found.add_days(days)
            return found
    found = Gathered(axis)
    matching = msgspec.structs.replace(
        RequestFilters(project=asked.filters.project, begin=axis.begin, end=axis.end), **asked.only
    )
    counted = await calls_of(connection, asked.project_ids, matching, asked.parameters(axis))
    found.add_calls(counted.rows)
    found.counted_from = axis.end if counted.is_late else counted.since
    return found


def _id_at(instant: datetime) -> uuid.UUID:
    """The lowest id of calls that came in at an instant."""
    return uuid.UUID(int=max(0, int(instant.timestamp() * 1000)) << 80)
