"""Sums by user, tag and session by day on a real PostgreSQL: what records say, and what nobody knows."""

from decimal import Decimal
from typing import Any, LiteralString

import pytest
from tests.contract.made_entries import envelope, make_end, new_call, now_ms
from tests.contract.summed import sketch_of

from headgate.core.call import Usage
from headgate.core.entries import End
from headgate.core.faults import InvalidRequest
from headgate.records.costs import costs
from headgate.records.retention import drop_expired
from headgate.records.rollup import VALUES_MAX
from headgate.records.sink import RecordSink
from headgate.records.sketch import of_number
from headgate.store.database import Database
from headgate.store.migrate import migrations
from headgate.store.rows import fetch_rows

HOUR_MS = 3_600_000
_USERS = """
select project, (started_at at time zone 'UTC')::date as day, d.dimension, d.value, count(*) as requests,
    count(*) as measured, count(*) filter (where status / 100 = 4) as client_errors,
    count(*) filter (where status / 100 = 5) as server_errors, array_agg(duration_ms) as durations,
    array_agg(first_token_ms) as first_tokens
from requests cross join lateral (
    select 'user', "user" union all select distinct 'tag', tag from unnest(tags) tag
) d (dimension, value)
group by 1, 2, 3, 4 order by 1, 2, 3, 4
"""
_SESSIONS = """
select project, (started_at at time zone 'UTC')::date as day, session,
    case session when '' then '' else "user" end as "user", count(*) as requests,
    sum((usage ->> 'input')::bigint + (usage ->> 'input_audio')::bigint)::bigint as input,
    coalesce(sum(cost_usd), 0) as cost_usd, count(*) filter (where cost_usd is null) as unpriced
from requests group by 1, 2, 3, 4 order by 1, 2, 3, 4
"""
_OLDER = """
insert into rollup_days as r (
    project, day, dimension, value, requests, input, cache_read, cache_write, output, reasoning, cost_usd,
    unpriced, estimated
) select project, day, dimension, value, 2, 0, 0, 0, 0, 0, 1, 0, 0 from rollup_days where value = 'ann'
on conflict (project, day, dimension, value) do update set requests = r.requests + excluded.requests
"""


def made(number: int) -> End:
    """A call of the last three days, of one of three users, in one of four sessions or none."""
    return make_end(
        new_call(),
        started_ms=now_ms() - number * 97 * 60_000 % (72 * HOUR_MS),
        duration_ms=3**number % 90_001,
        first_token_ms=None if number % 5 == 0 else 2**number % 4001,
        project=f"p{number % 2}",
        user=("", "ann", "bob")[number % 3],
        session=("", "s1", "s2", "s3")[number % 4],
        tags=(("red",), ("red", "blue", "red"), ("run:7",), ())[number % 4],
        status=(200, 429, 200, 502, 200)[number % 5],
        usage=Usage(input=number + 1, input_audio=1, output=5),
        cost_pico_usd=None if number % 7 == 0 else 10**9 + number,
    )


async def write(database: Database, *ends: End) -> None:
    async with database.transaction() as connection:
        await RecordSink().apply(connection, [envelope(end) for end in ends])


async def rows(database: Database, statement: LiteralString) -> list[dict[str, Any]]:
    async with database.connection() as connection:
        return await fetch_rows(connection, statement)


async def days(database: Database) -> list[dict[str, Any]]:
    """Sums by user and tag, with their sketches as buckets."""
    found = await rows(
        database,
        "select project, day, dimension, value, requests, measured, client_errors, server_errors, "
        "durations::text, first_tokens::text from rollup_days order by 1, 2, 3, 4",
    )
    return [
        {**row, **{name: of_number(row[name]) for name in ("durations", "first_tokens")}} for row in found
    ]


async def recorded(database: Database) -> list[dict[str, Any]]:
    """The same as the records say it."""
    found = await rows(database, _USERS)
    for row in found:
        for name in ("durations", "first_tokens"):
            row[name] = sketch_of([each for each in row[name] if each is not None])
    return [row for row in found if not row["value"].startswith("run:")]


async def sessions(database: Database) -> list[dict[str, Any]]:
    return await rows(
        database,
        'select project, day, session, "user", requests, input, cost_usd, unpriced from session_days '
        "order by 1, 2, 3, 4",
    )


async def test_sums_by_day_are_those_of_the_records(database: Database) -> None:
    ends = [made(number) for number in range(120)]
    for begin in range(0, 120, 17):
        await write(database, *ends[begin : begin + 17])
    assert await days(database) == await recorded(database)
    assert {row["value"] for row in await days(database)} == {"", "ann", "bob", "red", "blue"}
    assert await sessions(database) == await rows(database, _SESSIONS)


async def test_beyond_the_cap_classes_and_latencies_are_added_up_too(database: Database) -> None:
    known: dict[str, Any] = {"tags": (), "duration_ms": 100, "first_token_ms": None}
    ends = [make_end(new_call(), user=f"u{number}", **known) for number in range(VALUES_MAX)]
    await write(database, *ends)
    await write(
        database,
        *[make_end(new_call(), user=f"v{number}", status=500 + number, **known) for number in (0, 1)],
    )
    (other,) = [row for row in await days(database) if row["value"] == "other"]
    assert (other["requests"], other["measured"], other["server_errors"]) == (2, 2, 2)
    assert sum(other["durations"]) == 2


async def test_what_an_older_process_counts_is_not_measured(database: Database) -> None:
    """It knows nothing of the new columns: what it adds is calls whose classes nothing tells."""
    await write(database, *[made(number) for number in (1, 4, 7)])
    before = [row for row in await days(database) if row["value"] == "ann"]
    async with database.transaction() as connection:
        await connection.execute(_OLDER)
    after = [row for row in await days(database) if row["value"] == "ann"]
    assert [row["requests"] - row["measured"] for row in before] == [0] * len(before)
    assert [row["requests"] - row["measured"] for row in after] == [2] * len(before)
    assert [row["durations"] for row in after] == [row["durations"] for row in before]


async def test_rows_of_before_are_filled_where_all_their_calls_are_on_record(database: Database) -> None:
    await write(database, *[made(number) for number in range(60)])
    whole, sums = await days(database), await sessions(database)
    texts = {migration.name: migration.sql for migration in migrations()}
    async with database.transaction() as connection:
        await connection.execute(
            "update rollup_days set measured = 0, client_errors = 0, server_errors = 0, durations = 0, "
            "first_tokens = 0"
        )
        await connection.execute("update rollup_days set requests = requests + 1 where value = 'bob'")
        await connection.execute("delete from session_days")
        fill = texts["0108_measured_days"]
        await connection.execute(fill[fill.index("with calls") :].encode())
        fill = texts["0109_session_days"]
        await connection.execute(fill[fill.index("insert into") :].encode())
    filled = await days(database)
    assert [row for row in filled if row["value"] != "bob"] == [row for row in whole if row["value"] != "bob"]
    assert {(row["measured"], *row["durations"]) for row in filled if row["value"] == "bob"} == {(0,)}
    assert await sessions(database) == sums


async def test_costs_by_session_are_those_of_the_records_and_the_rest_is_unknown(database: Database) -> None:
    ends = [made(number) for number in range(60)]
    await write(database, *ends)
    async with database.connection() as connection:
        found = await costs(connection, None, group_by=("session",))
        assert {row.session: row.requests for row in found} == dict.fromkeys(("", "s1", "s2", "s3"), 15)
        assert {row.session: Decimal(row.cost_usd or 0) for row in found} == cost_by(ends, "session")
        assert found == sorted(found, key=lambda row: -Decimal(row.cost_usd or 0))
        by_day = await costs(connection, ["p1"], group_by=("project", "session"), interval="day")
        assert {row.project for row in by_day} == {"p1"}
        assert sum(row.requests for row in by_day) == 30
        assert len({row.start for row in by_day}) > 1
        with pytest.raises(InvalidRequest, match="by session are kept by project and day"):
            await costs(connection, None, group_by=("session", "model"))
    async with database.transaction() as connection:
        await connection.execute("delete from session_days where session = 's2'")
    async with database.connection() as connection:
        found = await costs(connection, None, group_by=("session",))
        assert {row.session: row.requests for row in found} == dict.fromkeys(("", "s1", None, "s3"), 15)
        unknown = [row for row in found if row.session is None]
        assert Decimal(unknown[0].cost_usd or 0) == cost_by(ends, "session")["s2"]


def cost_by(ends: list[End], field: str) -> dict[str, Decimal]:
    names = {getattr(end, field) for end in ends}
    return {
        name: Decimal(sum(end.cost_pico_usd or 0 for end in ends if getattr(end, field) == name)).scaleb(-12)
        for name in names
    }


async def test_sums_by_session_go_with_their_records(database: Database) -> None:
    await write(database, *[made(number) for number in range(20)])
    async with database.connection() as connection:
        await drop_expired(connection, {"p0": -1}, default_days=30)
    assert {row["project"] for row in await sessions(database)} == {"p1"}
