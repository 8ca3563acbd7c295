"""Reads what a budget's meters spent by time, and says where that leads. Read next: `forecast.projecting`.

The line of what is spent ends at what the meter counts, to the cent; its course before is that of the sums on
record. Sums by user and by tag are kept by day; those by more than one of them are not kept at all.
"""

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from headgate.core.money import PICO_PER_USD, format_usd, parse_usd
from headgate.core.pages import format_datetime
from headgate.meters.status import BudgetStatus
from headgate.records.forecast.projecting import DAYS_MIN, SHARES, Projection, project
from headgate.records.levels import dimension_of, summed_projects
from headgate.records.rollup import HOUR_S
from headgate.store.database import Connection
from headgate.store.queries import Queries

QUERIES: Final = Queries.load("headgate.records.forecast")

DAY_S: Final = 86_400
STEPS_S: Final = {"hour": 900, "day": 3600, "week": 3 * 3600, "month": 6 * 3600, "total": 6 * 3600}
PAST_DAYS: Final = 28
"""How many days are looked back on."""
ENDLESS: Final = timedelta(days=30)
"""How far before and ahead a budget is shown that never resets."""
FALLBACK_FROM: Final = 0.5
"""From which share of the limit on a call may be too dear for what is left."""


class Quantile(msgspec.Struct, frozen=True, kw_only=True):
    """The amount below which this share of all projections is, at each instant from `at[ahead_from]` on."""

    share: float
    usd: list[str]


class RunsOut(msgspec.Struct, frozen=True, kw_only=True):
    """When the limit is reached: by the middle projection, and by the tenth that is first and last to do so.

    Null where it is not within the window. `share` is that of all projections that reach it.
    """

    share: float
    at: str | None
    earliest: str | None
    latest: str | None


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """One meter of a budget over its window, `begin` to `end`, and where its spend leads.

    `spent_usd` has the sum at each instant of `at` until now, the ends of steps. `quantiles` go on from
    `at[ahead_from]`; they are empty where `too_little` says in words why nothing is known of what comes.
    `fallback_at` is when a call first went to another target because too little was left.
    """

    budget: str
    scope: dict[str, str]
    begin: str
    end: str
    now: str
    limit_usd: str
    reserved_usd: str
    at: list[str]
    spent_usd: list[str]
    ahead_from: int
    quantiles: list[Quantile]
    runs_out: RunsOut | None
    past_days: int
    too_little: str | None
    fallback_at: str | None


class _Axis(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of a window, counted from 1970: `first` to `last`, of which `now` is the present one."""

    step_s: int
    first: int
    now: int
    last: int
    now_s: float

    @property
    def a_day(self) -> int:
        """How many steps a day has."""
        return DAY_S // self.step_s

    @property
    def part_left(self) -> float:
        """The part of the present step that is still to come."""
        return (self.now + 1) - self.now_s / self.step_s


async def forecast(
    connection: Connection, project_ids: Sequence[str] | None, status: BudgetStatus, now: datetime
) -> Forecast:
    """Return where a meter's spend leads, as of the sums of the projects that may be seen."""
    by_day = _by_day(status.scope)
    begin, end = _window(status, now)
    axis = _axis(begin, end, now, DAY_S if by_day else STEPS_S[status.window])
    spent = parse_usd(status.spent_usd)
    scope = None if project_ids is None else list(project_ids)
    why = _unknown(status, by_day)
    sums = {} if why else await _sums(connection, scope, status, axis, by_day)
    past = _past(axis, sums)
    course = _course(axis, sums, spent)
    projection = await asyncio.to_thread(
        project,
        past,
        axis.last - axis.now + 1,
        spent=spent,
        limit=parse_usd(status.limit_usd),
        first_part=axis.part_left,
    )
    if not why and projection is None:
        why = f"{len(past)} whole days with spend are on record; a projection takes {DAYS_MIN}"
    return Forecast(
        budget=status.name,
        scope=status.scope,
        begin=format_datetime(begin),
        end=format_datetime(end),
        now=format_datetime(now),
        limit_usd=status.limit_usd,
        reserved_usd=status.reserved_usd,
        at=[_instant(axis, step + 1, end) for step in range(axis.first, axis.last + 1)],
        spent_usd=[format_usd(amount) for amount in course],
        ahead_from=axis.now - axis.first,
        quantiles=[] if projection is None else _quantiles(projection),
        runs_out=None if projection is None else _runs_out(projection, axis, end),
        past_days=len(past),
        too_little=why or None,
        fallback_at=await _fallback(connection, scope, status, axis, course),
    )


def _by_day(scope: dict[str, str]) -> str | None:
    """The dimension whose sums are kept by day alone, where the scope names one."""
    return next((name for name in ("user", "tag") if name in scope), None)


def _unknown(status: BudgetStatus, by_day: str | None) -> str:
    """Why sums don't tell what a meter spent; empty where they do."""
    if by_day is None:
        return ""
    if set(status.scope) - {by_day, "project"}:
        return "sums by user or tag are kept of all their calls together, not by what else this budget names"
    if status.window in ("hour", "day"):
        return f"sums by {by_day} are kept by day, and this budget begins anew each {status.window}"
    return ""


def _window(status: BudgetStatus, now: datetime) -> tuple[datetime, datetime]:
    if status.window_start is None or status.window_end is None:
        return now - ENDLESS, now + ENDLESS
    return datetime.fromisoformat(status.window_start), datetime.fromisoformat(status.window_end)


def _axis(begin: datetime, end: datetime, now: datetime, step_s: int) -> _Axis:
    present = math.floor(now.timestamp() / step_s)
    first = min(present, math.floor(begin.timestamp() / step_s))
    last = max(present, math.ceil(end.timestamp() / step_s) - 1)
    return _Axis(step_s=step_s, first=first, now=present, last=last, now_s=now.timestamp())


async def _sums(
    connection: Connection, scope: list[str] | None, status: BudgetStatus, axis: _Axis, by_day: str | None
) -> dict[int, int]:
    """What each step cost, in pico-USD, from the window's begin or the first past day on."""
    first = min(axis.first, axis.now - PAST_DAYS * axis.a_day)
    named = {name: status.scope.get(name) for name in ("project", "key", "provider", "model")}
    parameters: dict[str, Any] = {
        **named,
        "project_ids": scope,
        "key": named["key"] or status.key,
        "step_s": axis.step_s,
        "begin": datetime.fromtimestamp(first * axis.step_s, UTC),
        "dimension": by_day,
        "value": status.scope.get(by_day or ""),
    }
    query = QUERIES.spent_by_day if by_day else QUERIES.spent_by_step
    dimension = dimension_of(name for name in ("key", "provider", "model") if parameters[name] is not None)
    # A model's budget counts calls by their model and by their target: no sums by one name alone have both.
    if not by_day and axis.step_s >= HOUR_S and dimension not in (None, "model"):
        query = QUERIES.spent_by_hour
        parameters["dimension"] = "target" if dimension == "provider" else dimension
        parameters["project_ids"] = await summed_projects(connection, scope)
    cursor = await connection.execute(query, parameters, prepare=False)
    return {int(step): _pico(cost_usd) for step, cost_usd in await cursor.fetchall()}


def _pico(usd: Decimal | None) -> int:
    return int((usd or Decimal(0)) * PICO_PER_USD)


def _past(axis: _Axis, sums: dict[int, int]) -> list[list[int]]:
    """The past days since the first with spend, each from the time of day of the present step on."""
    if not sums:
        return []
    first = min(sums)
    days = min(PAST_DAYS, (axis.now - first) // axis.a_day)
    starts = (axis.now - number * axis.a_day for number in range(1, days + 1))
    return [[sums.get(start + place, 0) for place in range(axis.a_day)] for start in starts]


def _course(axis: _Axis, sums: dict[int, int], spent: int) -> list[int]:
    """The sum at the end of each step until now: it ends at what the meter counts."""
    course: list[int] = []
    total = 0
    for step in range(axis.first, axis.now + 1):
        total += sums.get(step, 0)
        course.append(total)
    return [max(0, amount - total + spent) for amount in course]


def _quantiles(projection: Projection) -> list[Quantile]:
    return [
        Quantile(share=share, usd=[format_usd(amount) for amount in amounts])
        for share, amounts in zip(SHARES, projection.quantiles, strict=True)
    ]


def _runs_out(projection: Projection, axis: _Axis, end: datetime) -> RunsOut:
    earliest, middle, latest = (
        None if step is None else _instant(axis, axis.now + step + 1, end) for step in projection.ends
    )
    return RunsOut(share=round(projection.passing, 3), at=middle, earliest=earliest, latest=latest)


def _instant(axis: _Axis, step: int, end: datetime) -> str:
    return format_datetime(min(end, datetime.fromtimestamp(step * axis.step_s, UTC)))


async def _fallback(
    connection: Connection, scope: list[str] | None, status: BudgetStatus, axis: _Axis, course: list[int]
) -> str | None:
    limit = parse_usd(status.limit_usd)
    near = next((place for place, amount in enumerate(course) if amount >= limit * FALLBACK_FROM), None)
    if near is None:
        return None
    begin = datetime.fromtimestamp((axis.first + near) * axis.step_s, UTC)
    says = f"%budget '{_like(status.name)}'%"
    parameters = {"project_ids": scope, "begin": begin, "first_day": begin.date(), "says": says}
    cursor = await connection.execute(QUERIES.first_fallback, parameters, prepare=False)
    row = await cursor.fetchone()
    return None if row is None else format_datetime(row[0])


def _like(text: str) -> str:
    """A text as a pattern that means itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
