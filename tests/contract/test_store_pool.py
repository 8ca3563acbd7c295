"""Waiting for a connection: first come, first served, and nobody waits for good."""

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from headgate.core.faults import Unavailable
from headgate.store.database import ATTEMPT_S, Connection, Database, connect, keep_alive

QUEUE_MAX = 1024
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def test_who_came_first_is_served_first_however_long_it_takes(database_url: str) -> None:
    served: list[str] = []

    async def wait_for_one(database: Database, name: str) -> None:
        async with database.connection():
            served.append(name)

    async with Database(database_url, connections_max=1, wait_s=30) as database:
        async with database.connection():
            first = asyncio.create_task(wait_for_one(database, "first"))
            await asyncio.sleep(1.5 * ATTEMPT_S)
            second = asyncio.create_task(wait_for_one(database, "second"))
            await asyncio.sleep(0.75 * ATTEMPT_S)
        await asyncio.gather(first, second)
    assert served == ["first", "second"]


async def test_a_database_is_found_again_after_more_have_waited_in_vain_than_may_wait(
    database_url: str,
) -> None:
    async def is_there(database: Database) -> bool:
        try:
            async with database.connection():
                return True
        except Unavailable:
            return False

    with tempfile.TemporaryDirectory(prefix="hg-") as name:
        sockets = Path(name) / "sockets"
        host = conninfo_to_dict(database_url)["host"]
        async with Database(make_conninfo(database_url, host=str(sockets)), wait_s=0.5) as database:
            tried = [is_there(database) for _ in range(QUEUE_MAX + 100)]
            assert not any(await asyncio.gather(*tried))
            await asyncio.sleep(3 * ATTEMPT_S)
            sockets.symlink_to(str(host))
            until_s = time.monotonic() + 30
            while not await is_there(database):
                assert time.monotonic() < until_s
                await asyncio.sleep(0.1)
            assert database.statistics()["requests_waiting"] == 0


async def test_who_waits_is_served_as_soon_as_the_database_is_there(database_url: str) -> None:
    with tempfile.TemporaryDirectory(prefix="hg-") as name:
        sockets = Path(name) / "sockets"
        host = conninfo_to_dict(database_url)["host"]
        async with Database(make_conninfo(database_url, host=str(sockets)), wait_s=30) as database:

            async def wait_for_one() -> None:
                async with database.connection():
                    return

            waiting = asyncio.create_task(wait_for_one())
            await asyncio.sleep(4 * ATTEMPT_S)
            sockets.symlink_to(str(host))
            began_s = time.monotonic()
            await waiting
            assert time.monotonic() - began_s < 8 * ATTEMPT_S


async def settings(connection: Connection) -> dict[str, str]:
    cursor = await connection.execute(
        "select name, setting from pg_settings where name = any(%s)",
        (["idle_in_transaction_session_timeout", "tcp_keepalives_idle", "statement_timeout"],),
    )
    return dict(await cursor.fetchall())


async def test_the_server_is_told_when_to_give_us_up_without_parameters_of_a_start(database_url: str) -> None:
    assert "options" not in keep_alive(database_url), "a pooler would refuse it"
    async with Database(database_url) as database, database.connection() as connection:
        assert (await settings(connection))["idle_in_transaction_session_timeout"] == "15000"
    named = make_conninfo(
        database_url, options="-c idle_in_transaction_session_timeout=7s -c statement_timeout=9s"
    )
    alone = await connect(named, "alone")
    async with alone, Database(named) as database, database.connection() as connection:
        for one in (alone, connection):
            found = await settings(one)
            assert found["idle_in_transaction_session_timeout"] == "7000"
            assert found["statement_timeout"] == "9000"


async def test_days_are_those_of_utc_whatever_zone_the_server_is_in(database_url: str) -> None:
    named = make_conninfo(database_url, options="-c TimeZone=Pacific/Kiritimati")
    alone = await connect(named, "alone")
    async with alone, Database(named) as database, database.connection() as connection:
        for one in (alone, connection):
            cursor = await one.execute(
                "select instant, instant::date from (select %s::timestamptz) t (instant)", (NOON,)
            )
            row = await cursor.fetchone()
            assert row is not None
            instant, day = row
            assert (instant.date(), day) == (NOON.date(), NOON.date())
