"""The store on a real PostgreSQL: pool, migrations, live objects, notifications, clock, jobs."""

import asyncio
import contextlib
import os
import signal
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg
import pytest
from psycopg import sql

from headgate.core.faults import Misconfigured, Unavailable
from headgate.store.clock import DatabaseClock
from headgate.store.database import Database
from headgate.store.embedded import EmbeddedPostgres
from headgate.store.jobs import open_queue
from headgate.store.keeper import keep
from headgate.store.listen import Listener, notify
from headgate.store.live import CHANNEL, LiveObjects
from headgate.store.migrate import migrate, migrations
from headgate.store.queries import parse
from headgate.store.tasks import end_tasks


async def test_migrations_apply_once_and_in_order(postgres_server: EmbeddedPostgres) -> None:
    name = f"migrate_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgres_server.url_of("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    url = postgres_server.url_of(name)
    first, second = await asyncio.gather(migrate(url), migrate(url))
    applied = [entry for entry in (first or second) if not entry.startswith("procrastinate/")]
    assert applied == [migration.name for migration in migrations()]
    assert not (first and second), "only one of two migrators at once applies anything"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("insert into schema_migrations (name, checksum) values ('9999_future', 'x')")
        assert await migrate(url) == [], "a newer version's migration is tolerated"
        connection.execute("update schema_migrations set checksum = 'other' where name like '0001%'")
    with pytest.raises(Misconfigured, match="0001_live_objects"):
        await migrate(url)
    with psycopg.connect(postgres_server.url_of("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


async def test_live_objects_are_monotone_and_leave_tombstones(database: Database) -> None:
    async with database.connection() as connection:
        one = await LiveObjects.put(connection, "key", "a", b'{"name": "x"}')
        two = await LiveObjects.put(connection, "budget", "b", b"{}")
        three = await LiveObjects.delete(connection, "key", "a")
        assert one < two < three == (await LiveObjects.place(connection))[0]
        changes = await LiveObjects.changes_since(connection, one)
        assert [(item.kind, item.id, item.body) for item in changes] == [
            ("budget", "b", b"{}"),
            ("key", "a", None),
        ]
        assert [item.id for item in await LiveObjects.load_all(connection, ["key", "budget"])] == ["b"]
        deleted = await LiveObjects.get(connection, "key", "a")
        assert deleted is not None and deleted.seq == three and deleted.body is None
        assert await LiveObjects.get(connection, "key", "never") is None
        again = await LiveObjects.put(connection, "key", "a", b'{"name": "y"}')
        found = await LiveObjects.get(connection, "key", "a")
        assert found is not None and found.seq == again and found.body == b'{"name": "y"}'


async def test_sequences_become_visible_in_order(database: Database) -> None:
    async def change(number: int) -> None:
        async with database.transaction() as connection:
            await LiveObjects.put(connection, "key", str(number), b"{}")
            await asyncio.sleep(0.001 * (number % 3))

    seen: list[int] = []
    changes = asyncio.gather(*(change(number) for number in range(40)))
    while not changes.done() or len(seen) < 40:
        async with database.connection() as connection:
            found = await LiveObjects.changes_since(connection, seen[-1] if seen else 0)
        seen += [item.seq for item in found]
        await asyncio.sleep(0)
    await changes
    assert seen == list(range(1, 41)), "polling from the last sequence misses nothing"


async def test_listener_hears_commits_and_reconnects(database: Database, database_url: str) -> None:
    heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    connected = asyncio.Event()
    listener = Listener(
        database_url,
        [CHANNEL, "other"],
        lambda channel, payload: heard.put_nowait((channel, payload)),
        on_connected=connected.set,
        name="test-listener",
    )
    listener.start()
    try:
        await asyncio.wait_for(connected.wait(), 10)
        async with database.transaction() as connection:
            seq = await LiveObjects.put(connection, "key", "a", b"{}")
        assert await asyncio.wait_for(heard.get(), 10) == (CHANNEL, str(seq))
        connected.clear()
        async with database.connection() as connection:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'headgate test-listener'"
            )
        await asyncio.wait_for(connected.wait(), 10)
        async with database.connection() as connection:
            await notify(connection, "other", "again")
        assert await asyncio.wait_for(heard.get(), 10) == ("other", "again")
    finally:
        await listener.stop()


async def test_transaction_rolls_back_and_away_is_unavailable(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as connection:
            await LiveObjects.put(connection, "key", "a", b"{}")
            raise ZeroDivisionError
    async with database.connection() as connection:
        assert await LiveObjects.changes_since(connection, 0) == []
    with pytest.raises(psycopg.errors.UndefinedTable):
        async with database.connection() as connection:
            await connection.execute("select * from nothing_here")
    with pytest.raises(Unavailable):
        async with database.connection() as connection:
            await connection.execute("select pg_terminate_backend(pg_backend_pid())")
    async with database.connection() as connection:
        await connection.execute("select 1")
    async with Database("postgresql://postgres@/x?host=/nowhere", wait_s=0.2) as away:
        with pytest.raises(Unavailable):
            async with away.connection():
                pass


async def test_connections_the_server_closed_are_replaced_unseen(
    database: Database, database_url: str
) -> None:
    async with database.connection() as one, database.connection() as two:
        pids = [one.info.backend_pid, two.info.backend_pid]
    with psycopg.connect(database_url, autocommit=True) as other:
        for pid in pids:
            other.execute("select pg_terminate_backend(%s, 2000)", (pid,))
    for _ in range(2):
        async with database.connection() as connection:
            await connection.execute("select 1")


async def test_clock_follows_the_database(database: Database) -> None:
    clock = DatabaseClock()
    async with database.connection() as connection:
        await clock.synchronise(connection)
        cursor = await connection.execute("select extract(epoch from clock_timestamp())::float8 * 1000")
        row = await cursor.fetchone()
        assert row is not None and abs(row[0] - clock.now_ms()) < 500
        before = clock.monotonic()
        assert abs(await clock.synchronise(connection)) < 0.5
        assert clock.synchronised and clock.monotonic() >= before


async def test_jobs_run_on_the_same_database(database_url: str) -> None:
    done: list[int] = []
    async with open_queue(database_url) as app:

        @app.task(name="add")
        async def add(number: int) -> None:
            done.append(number)

        await add.defer_async(number=3)
        await app.run_worker_async(wait=False, install_signal_handlers=False, listen_notify=False)
    assert done == [3]


@pytest.mark.parametrize("after_s", [0.0, 0.001, 0.003, 0.01, 0.03])
async def test_a_queue_left_while_it_opens_leaves_nothing_behind(database_url: str, after_s: float) -> None:
    async def work() -> None:
        async with open_queue(database_url) as app:
            await app.run_worker_async(install_signal_handlers=False, listen_notify=False)

    before = asyncio.all_tasks()
    worker = asyncio.create_task(work())
    await asyncio.sleep(after_s)
    await end_tasks([worker])
    assert not asyncio.all_tasks() - before


def test_named_queries_are_split_and_unique() -> None:
    found = parse("-- a comment\n-- name: one\nselect 1;\n\n-- name: two\n-- why\nselect 2", "x.sql")
    assert found == {"one": "select 1", "two": "-- why\nselect 2"}
    with pytest.raises(ValueError, match="twice"):
        parse("-- name: one\nselect 1;\n-- name: one\nselect 2;", "x.sql")


def test_parts_of_queries_stand_where_they_are_named_and_are_none() -> None:
    text = "-- name: a\nselect [own] where [x];\n-- part: x\n-- why\ny = z[1];\n-- name: b\nselect where [x]"
    assert parse(text, "x.sql") == {
        "a": "select [own] where -- why\ny = z[1]",
        "b": "select where -- why\ny = z[1]",
    }
    nested = "-- part: a\n1 + [b]\n-- part: b\n2\n-- part: c\n[a] * [b]\n-- name: sum\nselect [c]"
    assert parse(nested, "x.sql") == {"sum": "select 1 + 2 * 2"}
    for kinds in (("part", "part"), ("name", "part"), ("part", "name")):
        with pytest.raises(ValueError, match="twice"):
            parse("".join(f"-- {kind}: x\nselect 1;\n" for kind in kinds), "x.sql")


def test_embedded_server_attaches_and_stops(scratch_path: Path) -> None:
    folder = scratch_path / ("long" * 20)
    server = EmbeddedPostgres(folder, settings={"fsync": "off"})
    try:
        server.start()
        pid = server.pid
        assert pid is not None and len(str(server.folder)) > 80
        other = EmbeddedPostgres(folder)
        began = time.monotonic()
        other.start()
        assert other.pid == pid and time.monotonic() - began < 5
        with psycopg.connect(other.url) as connection:
            assert connection.info.dbname == "headgate"
        other.stop()
        assert server.pid is None
        (server.folder / "postmaster.pid").write_text("1\nleft behind\n")
        # Next to its socket, in a folder of its own where the path to the data folder is too long for one.
        socket_folder = Path(parse_qs(urlsplit(server.url).query)["host"][0])
        assert socket_folder != server.folder
        (socket_folder / ".s.PGSQL.5432.lock").write_text("1\nleft behind\n")
        server.start()
        assert server.pid not in (None, pid)
    finally:
        server.stop()
    assert server.pid is None


def test_embedded_server_waits_for_the_backends_of_one_that_was_killed(scratch_path: Path) -> None:
    server = EmbeddedPostgres(scratch_path, settings={"fsync": "off"})
    try:
        server.start()
        pid = server.pid
        assert pid is not None
        began = threading.Event()

        def count() -> None:
            with psycopg.connect(server.url) as connection:
                connection.execute("select 1")
                began.set()
                # Looks at nothing while it counts, and so outlives its server for a while.
                connection.execute("select count(*) from generate_series(1, 20000000)")

        with ThreadPoolExecutor() as pool:
            counting = pool.submit(count)
            assert began.wait(10)
            time.sleep(0.3)
            backends = [one for one in psutil.Process(pid).children() if "SELECT" in " ".join(one.cmdline())]
            assert len(backends) == 1
            os.kill(pid, signal.SIGKILL)
            psutil.wait_procs([psutil.Process(pid)], timeout=10)
            began_s = time.monotonic()
            server.start()
            waited_s = time.monotonic() - began_s
            assert not backends[0].is_running() or backends[0].status() == psutil.STATUS_ZOMBIE
            assert server.pid not in (None, pid)
            # Its last answer may still have come, and the commit after it.
            failure = counting.exception(30)
            assert failure is None or isinstance(failure, psycopg.OperationalError)
            print(f"waited {waited_s:.1f} s for the backends")
    finally:
        server.stop()


async def test_an_embedded_server_that_is_killed_while_it_starts_is_kept_all_the_same(
    scratch_path: Path,
) -> None:
    server = EmbeddedPostgres(scratch_path, settings={"fsync": "off"})
    try:
        await asyncio.to_thread(server.start)
        keeping = asyncio.create_task(keep(server))
        pid, kills = server.pid, 0
        deadline_s = time.monotonic() + 60
        while kills < 3 and time.monotonic() < deadline_s:
            if (found := server.pid) is not None and (found != pid or not kills):
                # Each time a little later in its start.
                await asyncio.sleep(0.04 * kills)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(found, signal.SIGKILL)
                pid, kills = found, kills + 1
            await asyncio.sleep(0.001)
        assert kills == 3
        while (server.pid in (None, pid) or not _answers(server)) and time.monotonic() < deadline_s:
            assert not keeping.done(), keeping
            await asyncio.sleep(0.05)
        assert server.pid not in (None, pid)
        keeping.cancel()
    finally:
        server.stop()


def _answers(server: EmbeddedPostgres) -> bool:
    try:
        with psycopg.connect(server.url):
            return True
    except psycopg.OperationalError:
        return False
