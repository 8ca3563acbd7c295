"""What charts show: calls, costs, latencies and failures by time, added up so that a page gets few points.

Sums are kept by quarters of an hour, and by one name alone by the hour and by day; over two hours or less
single calls are read instead, by the minute. Money never leaves as a float. Read next: `records/series.sql`,
`records.levels`, `records.series_http`.
"""

import math
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, get_args

import msgspec

from headgate.core.pages import format_datetime
from headgate.records.levels import dimension_of, summed_projects
from headgate.records.model import NarrowName
from headgate.records.queries import format_amount
from headgate.records.rollup import DAY_S, HOUR_S, SLOT_S
from headgate.records.sketch import BUCKETS_MAX, GROWTH, of_number, quantiles_ms
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.records", "series.sql")

SeriesGroupName = Literal["project", "model", "target", "prompt", "release", "key"]

POINTS_MAX: Final = 500
POINTS_WANTED: Final = 200
STEPS_S: Final = (SLOT_S, 3600, 3 * 3600, 6 * 3600, 86400, 7 * 86400)
MINUTE_S: Final = 60
BY_MINUTE: Final = timedelta(hours=2)
"""Up to this length of time single calls are read."""
GROUPS_MAX: Final = 8
CODES_MAX: Final = 8


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


class SeriesGroup(msgspec.Struct, kw_only=True):
    """One line of each chart: a value for each instant of `at`.

    `name` is null for all calls together, and for those of groups beyond the largest. Latencies are null
    where no call says one, and at most 15 % too high.
    """

    name: str | None
    is_rest: bool = False
    """Whether these are the calls of all groups beyond the largest."""
    calls: int
    cost: str
    ok: list[int]
    client_errors: list[int]
    server_errors: list[int]
    cost_usd: list[str]
    unpriced: list[int]
    estimated: list[int]
    duration_p50_ms: list[int | None]
    duration_p95_ms: list[int | None]
    duration_p99_ms: list[int | None]
    first_token_p50_ms: list[int | None]
    first_token_p95_ms: list[int | None]


class FailureLine(msgspec.Struct, frozen=True, kw_only=True):
    """How many calls failed with one code, at each instant of `at`; `code` is null for all rarer ones."""

    code: str | None
    calls: int
    counts: list[int]


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """What charts show. Point n counts the calls that began in the `step_s` seconds from `at[n]` on."""

    begin: str
    end: str
    step_s: int
    at: list[str]
    groups: list[SeriesGroup]
    failures: list[FailureLine]


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """The instants of a chart: `count` steps of `step_s` seconds from `first` on, counted from 1970."""

    step_s: int
    first: int
    count: int

    @property
    def begin(self) -> datetime:
        """The first instant."""
        return datetime.fromtimestamp(self.first * self.step_s, UTC)

    @property
    def end(self) -> datetime:
        """The end of the last step."""
        return datetime.fromtimestamp((self.first + self.count) * self.step_s, UTC)

    def instants(self) -> list[str]:
        """All of them, as text."""
        return [
            format_datetime(datetime.fromtimestamp(step * self.step_s, UTC))
            for step in range(self.first, self.first + self.count)
        ]


class _Sums(msgspec.Struct):
    """What one group came to, by step."""

    ok: list[int]
    client_errors: list[int]
    server_errors: list[int]
    cost_usd: list[Decimal]
    unpriced: list[int]
    estimated: list[int]
    durations: list[list[int]]
    first_tokens: list[list[int]]


def axis_of(begin: datetime, end: datetime) -> Axis:
    """Return the steps of a time: by the minute where it is short, else the shortest that give few points."""
    length_s = max(1.0, (end - begin).total_seconds())
    if end - begin <= BY_MINUTE:
        step_s = MINUTE_S
    else:
        step_s = next((step for step in STEPS_S if length_s / step <= POINTS_WANTED), STEPS_S[-1])
    return axis_with(begin, end, step_s)


def axis_with(begin: datetime, end: datetime, step_s: int) -> Axis:
    """Return the steps of a time, each so long; the newest where they are too many for a chart."""
    first = math.floor(begin.timestamp() / step_s)
    count = max(1, math.ceil(end.timestamp() / step_s) - first)
    if count > POINTS_MAX:
        first, count = first + count - POINTS_MAX, POINTS_MAX
    return Axis(step_s=step_s, first=first, count=count)


async def series(
    connection: Connection,
    project_ids: Sequence[str] | None,
    filters: SeriesFilters,
    *,
    group_by: SeriesGroupName | None = None,
    with_latencies: bool = True,
) -> Series:
    """Return what charts show of the calls that match, the largest groups first.

    Latencies take most of the time where many sums are put together.
    """
    axis = axis_of(filters.begin, filters.end)
    parameters = _parameters(project_ids, filters, axis, group_by)
    only = {name: value for name in get_args(NarrowName) if (value := getattr(filters, name)) is not None}
    dimension = dimension_of(only if group_by is None else (group_by, *only))
    gathered: dict[str | None, _Sums] = {}

    def sums_of(name: str | None) -> _Sums:
        if name not in gathered:
            gathered[name] = _empty(axis.count)
        return gathered[name]

    if axis.step_s < SLOT_S:
        cursor = await connection.execute(QUERIES.calls, parameters, prepare=False)
        _add_calls(axis, sums_of, await cursor.fetchall())
    elif axis.step_s >= HOUR_S and dimension is not None:
        named = {
            "project_ids": await summed_projects(connection, parameters["project_ids"]),
            "dimension": dimension,
            "only": next(iter(only.values()), None),
            "kept_s": DAY_S if axis.step_s >= DAY_S else HOUR_S,
            "with_latencies": with_latencies,
        }
        cursor = await connection.execute(QUERIES.sums_by_name, parameters | named, prepare=False)
        _add_named(axis, sums_of, await cursor.fetchall())
    else:
        cursor = await connection.execute(QUERIES.sums, parameters, prepare=False)
        _add_sums(axis, sums_of, await cursor.fetchall())
        if with_latencies:
            cursor = await connection.execute(QUERIES.sketches, parameters, prepare=False)
            _add_sketches(axis, sums_of, await cursor.fetchall())
    cursor = await connection.execute(QUERIES.failures, parameters, prepare=False)
    failures = _failures(axis, await cursor.fetchall())
    if group_by is None:
        sums_of(None)
    groups = [
        _group(name, sums, is_rest=name is None and group_by is not None) for name, sums in gathered.items()
    ]
    groups.sort(key=lambda group: (group.is_rest, -group.calls, group.name or ""))
    return Series(
        begin=format_datetime(axis.begin),
        end=format_datetime(axis.end),
        step_s=axis.step_s,
        at=axis.instants(),
        groups=groups,
        failures=failures,
    )


def _parameters(
    project_ids: Sequence[str] | None, filters: SeriesFilters, axis: Axis, group_by: str | None
) -> dict[str, Any]:
    if filters.project is not None and (project_ids is None or filters.project in project_ids):
        project_ids = [filters.project]
    elif filters.project is not None:
        project_ids = []
    return {
        **msgspec.structs.asdict(filters),
        "project_ids": None if project_ids is None else list(project_ids),
        "begin": axis.begin,
        "end": axis.end,
        "step_s": axis.step_s,
        "group_by": group_by,
        "groups_max": GROUPS_MAX,
        "bucket_max": BUCKETS_MAX - 1,
        "growth": GROWTH,
        "first_day": (axis.begin - timedelta(days=1)).date(),
        "last_day": (axis.end + timedelta(days=1)).date(),
        # A call's id begins with the time at which it came in: a minute for what clocks differ.
        "first_id": _id_at(axis.begin - timedelta(minutes=1)),
        "last_id": _id_at(axis.end + timedelta(minutes=1)),
    }


def _id_at(instant: datetime) -> uuid.UUID:
    """The lowest id of calls that came in at an instant."""
    return uuid.UUID(int=max(0, int(instant.timestamp() * 1000)) << 80)


def _empty(count: int) -> _Sums:
    return _Sums(
        ok=[0] * count,
        client_errors=[0] * count,
        server_errors=[0] * count,
        cost_usd=[Decimal(0)] * count,
        unpriced=[0] * count,
        estimated=[0] * count,
        durations=[[] for _ in range(count)],
        first_tokens=[[] for _ in range(count)],
    )


def _add_sums(axis: Axis, sums_of: Callable[[str | None], _Sums], rows: Iterable[Sequence[Any]]) -> None:
    for step, name, status_class, requests, cost_usd, unpriced, estimated in rows:
        sums, place = sums_of(name), int(step) - axis.first
        _count(sums, place, int(status_class), int(requests))
        sums.cost_usd[place] += cost_usd or 0
        sums.unpriced[place] += int(unpriced)
        sums.estimated[place] += int(estimated)


def _add_named(axis: Axis, sums_of: Callable[[str | None], _Sums], rows: Sequence[Sequence[Any]]) -> None:
    _add_sums(axis, sums_of, [row[:7] for row in rows if row[2] is not None])
    for step, name, status_class, *_, durations, first_tokens in rows:
        if status_class is None and durations is not None:
            sums, place = sums_of(name), int(step) - axis.first
            sums.durations[place], sums.first_tokens[place] = of_number(durations), of_number(first_tokens)


def _add_sketches(axis: Axis, sums_of: Callable[[str | None], _Sums], rows: Iterable[Sequence[Any]]) -> None:
    for step, name, bucket, durations, first_tokens in rows:
        sums, place = sums_of(name), int(step) - axis.first
        _fill(sums.durations[place], bucket, int(durations))
        _fill(sums.first_tokens[place], bucket, int(first_tokens))


def _add_calls(axis: Axis, sums_of: Callable[[str | None], _Sums], rows: Iterable[Sequence[Any]]) -> None:
    for step, name, status_class, duration, first_token, count, cost_usd, unpriced, estimated in rows:
        sums, place = sums_of(name), int(step) - axis.first
        _count(sums, place, int(status_class), int(count))
        sums.cost_usd[place] += cost_usd or 0
        sums.unpriced[place] += int(unpriced)
        sums.estimated[place] += int(estimated)
        _fill(sums.durations[place], duration, int(count))
        if first_token is not None:
            _fill(sums.first_tokens[place], first_token, int(count))


def _count(sums: _Sums, place: int, status_class: int, calls: int) -> None:
    if status_class in (1, 2, 3):
        sums.ok[place] += calls
    elif status_class == 4:
        sums.client_errors[place] += calls
    else:
        sums.server_errors[place] += calls


def _fill(sketch: list[int], bucket: int, count: int) -> None:
    sketch.extend([0] * (bucket + 1 - len(sketch)))
    sketch[bucket] += count


def _group(name: str | None, sums: _Sums, *, is_rest: bool) -> SeriesGroup:
    durations = [quantiles_ms(each, (0.5, 0.95, 0.99)) for each in sums.durations]
    first_tokens = [quantiles_ms(each, (0.5, 0.95)) for each in sums.first_tokens]
    return SeriesGroup(
        name=name,
        is_rest=is_rest,
        calls=sum(sums.ok) + sum(sums.client_errors) + sum(sums.server_errors),
        cost=_amount(sum(sums.cost_usd, Decimal(0))),
        ok=sums.ok,
        client_errors=sums.client_errors,
        server_errors=sums.server_errors,
        cost_usd=[_amount(amount) for amount in sums.cost_usd],
        unpriced=sums.unpriced,
        estimated=sums.estimated,
        duration_p50_ms=[each[0] for each in durations],
        duration_p95_ms=[each[1] for each in durations],
        duration_p99_ms=[each[2] for each in durations],
        first_token_p50_ms=[each[0] for each in first_tokens],
        first_token_p95_ms=[each[1] for each in first_tokens],
    )


def _amount(amount: Decimal) -> str:
    return format_amount(amount) or "0"


def _failures(axis: Axis, rows: Iterable[Sequence[Any]]) -> list[FailureLine]:
    counts: dict[str, list[int]] = {}
    for step, code, calls in rows:
        counts.setdefault(code, [0] * axis.count)[int(step) - axis.first] += int(calls)
    ordered = sorted(counts.items(), key=lambda each: (-sum(each[1]), each[0]))
    lines = [FailureLine(code=code, calls=sum(line), counts=line) for code, line in ordered[:CODES_MAX]]
    rest = [line for _, line in ordered[CODES_MAX:]]
    if rest:
        together = [sum(column) for column in zip(*rest, strict=True)]
        lines.append(FailureLine(code=None, calls=sum(together), counts=together))
    return lines
