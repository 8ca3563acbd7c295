"""Sums know the environment of a call: what they come to under it, and what became of those without it."""

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from tests.contract.made_entries import envelope, make_end, new_call, now_ms
from tests.contract.summed import differences

from headgate.core.entries import End, PromptUsed
from headgate.core.faults import InvalidRequest
from headgate.records import rollup
from headgate.records.costs import costs
from headgate.records.model import GroupName
from headgate.records.naming import read_recorded, rename
from headgate.records.retention import add_missing_environments
from headgate.records.rows import day_of
from headgate.records.series import SeriesFilters, series
from headgate.records.sink import RecordSink
from headgate.store.database import Database
from headgate.store.migrate import migrations
from headgate.store.rows import fetch_rows

MINUTE_MS = 60_000
NEGATIVE = "select * from rollups where requests <= 0"


def made(number: int, environment: str, **given: Any) -> End:
    """A call of the last hours."""
    facts: dict[str, Any] = {
        "started_ms": now_ms() - number * 7 * MINUTE_MS,
        "project": "shop",
        "model": f"m{number % 2}",
        "target": "" if number % 9 == 0 else f"{('openai', 'mock')[number % 2]}/large-{number % 3}",
        "environment": environment,
        "cost_pico_usd": 10**9 + number,
        **given,
    }
    return make_end(new_call(), **facts)


async def write(database: Database, ends: Iterable[End]) -> None:
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(end) for end in ends])


async def write_as_before(database: Database, ends: list[End]) -> None:
    """Write calls as versions did whose sums knew no environment: of records alone they had one."""
    nameless = [msgspec.structs.replace(end, environment="") for end in ends]
    await write(database, nameless)
    async with database.transaction() as connection:
        for end in ends:
            call = uuid.UUID(bytes=end.call)
            await connection.execute(
                "update requests set environment = %s where id = %s", (end.environment, call)
            )
        taken = rollup.by_name(rollup.by_slot(nameless))
        for (dimension, step_s, project, begin, value, status_class), sums in taken.items():
            if dimension == "environment":
                await connection.execute(
                    "update series_sums set requests = requests - %s, input = input - %s, "
                    "output = output - %s, cost_usd = cost_usd - %s, durations = durations - %s::numeric, "
                    "first_tokens = first_tokens - %s::numeric where dimension = %s and step_s = %s "
                    "and project = %s and at = %s and value = %s and status_class = %s",
                    (
                        *(sums[0], sums[1], sums[4], Decimal(sums[6]).scaleb(-12)),
                        *(str(sums[-2]), str(sums[-1])),
                        *(dimension, step_s, project, begin, value, status_class),
                    ),
                )
        await connection.execute("delete from series_sums where requests = 0")


async def by_environment(database: Database) -> dict[Any, int]:
    async with database.connection() as connection:
        rows = await costs(connection, None, group_by=("environment",))
    return {row.environment: row.requests for row in rows}


async def test_costs_and_charts_know_environments_and_providers(database: Database) -> None:
    names = ("production", "staging", "")
    ends = [made(number, names[number % 3]) for number in range(60)]
    await write(database, ends)
    assert await by_environment(database) == {"production": 20, "staging": 20, "": 20}
    asked: tuple[tuple[GroupName, ...], ...] = (
        *(("environment",), ("provider",), ("project", "provider"), ("provider", "target")),
        *(("environment", "model"), ("provider", "environment"), ("provider", "model")),
    )
    async with database.connection() as connection:
        for groups in asked:
            for narrow in (None, *names):
                only = {} if narrow is None else {"environment": narrow}
                rows = await costs(connection, None, group_by=groups, only=only)  # pyright: ignore[reportArgumentType]
                mine = [end for end in ends if narrow in (None, end.environment)]
                wanted = Counter(tuple(name_of(end, group) for group in groups) for end in mine)
                assert {tuple(getattr(row, name) for name in groups): row.requests for row in rows} == wanted
                total = sum(Decimal(row.cost_usd or 0) for row in rows)
                assert total == Decimal(sum(end.cost_pico_usd or 0 for end in mine)).scaleb(-12)
        rows = await costs(connection, None, group_by=("model",), only={"target": "openai"})
        assert sum(row.requests for row in rows) == sum(end.target.startswith("openai/") for end in ends)
        with pytest.raises(InvalidRequest, match="environment away"):
            await costs(connection, None, group_by=("user",), only={"environment": "staging"})


def name_of(end: End, group: str) -> str:
    return end.target.partition("/")[0] if group == "provider" else str(getattr(end, group))


@pytest.mark.parametrize("length", [timedelta(hours=1), timedelta(hours=9), timedelta(days=9)])
async def test_charts_of_an_environment_are_those_of_its_records(
    database: Database, length: timedelta
) -> None:
    ends = [made(number, ("production", "staging", "")[number % 3]) for number in range(90)]
    await write(database, ends)
    now = datetime.now(UTC)
    async with database.connection() as connection:
        for environment in ("production", ""):
            for group_by in (None, "model", "provider", "environment"):
                filters = SeriesFilters(begin=now - length, end=now, environment=environment)
                found = await series(connection, None, filters, group_by=group_by)  # pyright: ignore[reportArgumentType]
                first = datetime.fromisoformat(found.begin).timestamp() * 1000
                mine = [end for end in ends if end.environment == environment and end.started_ms >= first]
                names = [None if group_by is None else name_of(end, group_by) for end in mine]
                assert len(mine) > 0
                assert {group.name: group.calls for group in found.groups} == Counter(names)
                assert any(each is not None for each in found.groups[0].duration_p95_ms)


async def test_what_an_older_version_writes_beside_counts_under_none_and_is_made_up(
    database: Database,
) -> None:
    ours = [made(number, "production") for number in range(20)]
    theirs = [made(number, "production") for number in range(20, 50)]
    await write(database, ours[:10])
    await write_as_before(database, theirs)
    await write(database, ours[10:])
    async with database.connection() as connection:
        assert await add_missing_environments(connection) > 0
        assert await add_missing_environments(connection) == 0
    assert await by_environment(database) == {"production": 20, "": 30}
    assert await differences(database) == []


async def test_calls_are_renamed_where_they_were_counted(database: Database) -> None:
    at = {"started_ms": now_ms() // (15 * MINUTE_MS) * 15 * MINUTE_MS, "model": "m", "target": "mock/m"}
    ours = [made(number, "production", **at) for number in range(2)]
    theirs = [made(number, "production", **at) for number in range(3)]
    staging = [made(0, "staging", **at, prompts=(PromptUsed("old", 1),))]
    await write_as_before(database, theirs)
    await write(database, [*ours, *staging])
    async with database.transaction() as connection:
        await add_missing_environments(connection)
        ids = [uuid.UUID(bytes=end.call) for end in (*ours, *theirs, *staging)]
        found = await read_recorded(connection, "shop", [(day_of(call), call) for call in ids])
        for call in ids:
            await rename(connection, [(found[call], [{"name": "found", "version": "v1"}])])
        assert await fetch_rows(connection, NEGATIVE) == []
        rows = await costs(connection, None, group_by=("prompt", "environment"))
    assert {(row.prompt, row.environment): row.requests for row in rows} == {
        ("found", "production"): 2,
        ("found", "staging"): 1,
        ("found", ""): 3,
    }
    assert await differences(database) == []


async def test_the_migration_tells_the_environment_of_what_is_whole_on_record(database: Database) -> None:
    slot = now_ms() // (15 * MINUTE_MS) * 15 * MINUTE_MS
    whole = [
        made(number, "production", started_ms=slot, prompts=(PromptUsed("é" * 250, 1),))
        for number in range(6)
    ]
    mixed = [made(number, ("production", "staging")[number % 2], key="mixed") for number in (1, 2)]
    mixed = [msgspec.structs.replace(end, started_ms=slot, model="m", target="mock/m") for end in mixed]
    partly = [made(number, "staging", started_ms=slot, key="partly", model="m") for number in (1, 1)]
    none = [made(1, "", started_ms=slot, key="none")]
    await write_as_before(database, [*whole, *mixed, *partly, *none])
    text = next(each.sql for each in migrations() if each.name.startswith("0107_"))
    async with database.transaction() as connection:
        await connection.execute("delete from requests where id = %s", (uuid.UUID(bytes=partly[0].call),))
        await connection.execute(text.encode())
        rows = await costs(connection, None, group_by=("key", "environment"))
        digests = await fetch_rows(connection, "select dimensions from rollups")
    assert {(row.key, row.environment): row.requests for row in rows} == {
        (whole[0].key, "production"): 6,
        ("mixed", ""): 2,
        ("partly", ""): 2,
        ("none", ""): 1,
    }
    assert await differences(database) == []
    nameless = [msgspec.structs.replace(end, environment="") for end in (*mixed, *partly, *none)]
    wanted = {rollup.dimensions_of(key) for key in rollup.by_slot([*whole, *nameless])}
    assert {row["dimensions"] for row in digests} == wanted
    # What comes from now on goes to the same rows.
    await write(database, whole_again(whole))
    async with database.connection() as connection:
        again = await fetch_rows(connection, "select dimensions from rollups")
    assert {row["dimensions"] for row in again} == wanted


def whole_again(ends: list[End]) -> list[End]:
    return [msgspec.structs.replace(end, call=new_call()) for end in ends]


def test_of_no_environment_the_digest_is_that_of_versions_before() -> None:
    key: rollup.SlotKey = (datetime.now(UTC), "p", "k", "t", "m", "prompt", "release", "", 2)
    before = hashlib.sha256(b"p\0k\0t\0m\0prompt\0release\0002").digest()[:16]
    assert rollup.dimensions_of(key) == uuid.UUID(bytes=before)
    assert rollup.dimensions_of((*key[:7], "staging", 2)) != rollup.dimensions_of(key)
