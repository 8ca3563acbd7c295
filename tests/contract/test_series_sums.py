"""Sums by the hour and by day on a real PostgreSQL: quarters of an hour added up, and what records say."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.contract.made_entries import envelope, make_end, new_call, now_ms
from tests.contract.summed import differences, unlike_records

from headgate.core.entries import End, PromptUsed
from headgate.records import sketch
from headgate.records.costs import costs
from headgate.records.levels import STEPS_S, parts_of
from headgate.records.model import GroupName, NarrowName
from headgate.records.naming import read_recorded, rename
from headgate.records.retention import drop_expired
from headgate.records.rows import day_of
from headgate.records.series import SeriesFilters, SeriesGroupName, series
from headgate.records.sink import RecordSink
from headgate.store.database import Database

HOUR_MS = 3_600_000
ALL: tuple[GroupName, ...] = ("model", "target", "key", "prompt", "release", "environment")


def made(number: int) -> End:
    """A call of the last three days, one in eleven failed, one in seven without a price."""
    failed = number % 11 == 0
    return make_end(
        new_call(),
        started_ms=now_ms() - number * 97 * 60_000 % (72 * HOUR_MS),
        duration_ms=3**number % 90_001,
        first_token_ms=None if number % 5 == 0 else 2**number % 4001,
        project=f"p{number % 2}",
        key=f"k{number % 4}",
        model=f"m{number % 3}",
        target="" if failed else f"{('openai', 'mock')[number % 2]}/large-{number % 3}",
        release=("", "r1")[number % 4 == 0],
        environment=("production", "staging", "")[number % 5 % 3],
        prompts=(PromptUsed("greeting", 1),) if number % 6 == 0 else (),
        status=502 if failed else 200,
        code="provider_error" if failed else "",
        cost_pico_usd=None if number % 7 == 0 else 10**9 + number,
    )


async def write(database: Database, *ends: End) -> None:
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(end) for end in ends])


async def test_sums_of_hours_and_days_are_those_of_quarters_and_of_records(database: Database) -> None:
    ends = [made(number) for number in range(120)]
    for begin in range(0, 120, 17):
        await write(database, *ends[begin : begin + 17])
    assert await differences(database) == []
    assert await unlike_records(database) == []


async def test_they_follow_a_call_to_another_prompt_and_stay_when_records_go(database: Database) -> None:
    ends = [made(number) for number in range(40)]
    await write(database, *ends)
    async with database.transaction() as connection:
        for project in ("p0", "p1"):
            ids = [uuid.UUID(bytes=end.call) for end in ends if end.project == project]
            found = await read_recorded(connection, project, [(day_of(call), call) for call in ids])
            named: list[dict[str, Any]] = [{"name": "found", "version": "v1"}]
            await rename(connection, [(call, named) for call in found.values()])
    assert await differences(database) == []
    assert await unlike_records(database) == []
    async with database.connection() as connection:
        before = await costs(connection, None, group_by=("prompt",))
        assert [(row.prompt, row.requests) for row in before] == [("found", 40)]
        await drop_expired(connection, {"p0": -1, "p1": -1}, default_days=-1)
        assert await costs(connection, None, group_by=("prompt",)) == before
    assert await differences(database) == []


async def test_costs_of_any_time_are_those_of_quarters_of_an_hour(database: Database) -> None:
    await write(database, *[made(number) for number in range(120)])
    now = datetime.now(UTC)
    times = [None, *(now - timedelta(minutes=minutes) for minutes in (0, 61, 700, 1500, 3000, 5000))]
    only: tuple[dict[NarrowName, str], ...] = (
        {},
        {"model": "m1"},
        {"target": "openai"},
        {"prompt": "greeting"},
        {"environment": "staging"},
        {"environment": ""},
    )
    async with database.connection() as connection:
        for begin in times:
            for end in times:
                for narrow in only:
                    asked: dict[str, Any] = {"begin": begin, "end": end, "only": narrow}
                    # By all names together they are read from quarters of an hour.
                    slots = await costs(connection, ["p0", "p1"], group_by=ALL, **asked)
                    named: list[GroupName] = [*narrow] or ["model"]
                    rows = await costs(connection, None, group_by=(*named, "project"), **asked)
                    assert sum(row.requests for row in rows) == sum(row.requests for row in slots)
                    wanted = sum(Decimal(row.cost_usd or 0) for row in slots)
                    assert sum(Decimal(row.cost_usd or 0) for row in rows) == wanted
        by_hour = await costs(connection, None, group_by=("key",), interval="hour")
        by_day = await costs(connection, None, group_by=("key",), interval="day")
        assert (
            {str(row.start)[11:] for row in by_day}
            == {"00:00:00.000Z"}
            != {str(row.start)[11:] for row in by_hour}
        )
        assert sum(row.requests for row in by_hour) == sum(row.requests for row in by_day) == 120
        dearest = await costs(connection, ["p0"], group_by=("key",), limit=1)
        assert [row.key for row in dearest] == ["k2"]


async def test_charts_by_hours_and_days_are_those_of_the_records(database: Database) -> None:
    ends = [made(number) for number in range(120)]
    await write(database, *ends)
    now = datetime.now(UTC)
    groups: tuple[SeriesGroupName | None, ...] = (
        None,
        "project",
        "model",
        "target",
        "prompt",
        "release",
        "key",
        "environment",
        "provider",
    )
    for days in (9, 30, 90):
        for group_by in groups:
            filters = SeriesFilters(begin=now - timedelta(days=days), end=now)
            async with database.connection() as connection:
                found = await series(connection, None, filters, group_by=group_by)
            calls = {group.name: group.calls for group in found.groups}
            assert calls == expected(ends, group_by)
            assert sum(Decimal(group.cost) for group in found.groups) == cost_of(ends)
            for group in found.groups:
                mine = [end for end in ends if group_by is None or name_of(end, group_by) == group.name]
                longest = max(end.duration_ms for end in mine)
                most = max(each for each in group.duration_p99_ms if each is not None)
                assert longest <= most <= longest * sketch.GROWTH + 1
    async with database.connection() as connection:
        one = SeriesFilters(begin=now - timedelta(days=30), end=now, target="mock")
        found = await series(connection, ["p1"], one, group_by="project", with_latencies=False)
    mine = [end for end in ends if end.target.startswith("mock/") and end.project == "p1"]
    assert [(group.name, group.calls) for group in found.groups] == [("p1", len(mine))]
    assert set(found.groups[0].duration_p50_ms) == {None}


def name_of(end: End, group_by: SeriesGroupName) -> str:
    if group_by == "prompt":
        return end.prompts[0].name if end.prompts else ""
    if group_by == "provider":
        return end.target.partition("/")[0]
    return str(getattr(end, group_by))


def expected(ends: list[End], group_by: SeriesGroupName | None) -> dict[str | None, int]:
    names = [None if group_by is None else name_of(end, group_by) for end in ends]
    return {name: names.count(name) for name in names}


def cost_of(ends: list[End]) -> Decimal:
    return Decimal(sum(end.cost_pico_usd or 0 for end in ends)).scaleb(-12)


@given(st.one_of(st.none(), st.integers(0, 3000)), st.one_of(st.none(), st.integers(0, 3000)))
def test_a_time_is_put_together_without_holes(first: int | None, last: int | None) -> None:
    begin, end = (None if quarter is None else quarter * 900 for quarter in (first, last))
    parts = parts_of(begin, end)
    if first is not None and last is not None and first >= last:
        assert all(part.begin == part.end for part in parts) or first > last
        return
    ordered = sorted(parts, key=lambda part: -1 if part.begin is None else part.begin)
    assert ordered[0].begin == begin and ordered[-1].end == end
    for one, other in itertools.pairwise(ordered):
        assert one.end == other.begin
    for part in parts:
        assert part.step_s in STEPS_S
        assert all(edge is None or edge % part.step_s == 0 for edge in (part.begin, part.end))
    assert len(parts) <= 5


@given(st.lists(st.integers(0, 10**11), max_size=sketch.BUCKETS_MAX))
def test_a_sketch_is_one_number(counts: list[int]) -> None:
    while counts and counts[-1] == 0:
        counts.pop()
    assert sketch.of_number(str(sketch.as_number(counts))) == counts
    assert sketch.of_number(str(sketch.as_number(counts) * 2)) == [2 * count for count in counts]
