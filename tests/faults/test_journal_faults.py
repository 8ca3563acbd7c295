"""Nothing lost and nothing twice: writers and shippers killed, the database away, poison, a full disk."""

import asyncio
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from psycopg import sql
from tests.contract.made_entries import make_begin, make_body, make_end, new_call
from tests.faults.privileges import lack

from headgate.core.entries import ALERT, BEGIN, BODY, END
from headgate.core.faults import Unavailable
from headgate.core.ports import Envelope, Sink
from headgate.journal.folder import segments
from headgate.journal.shipper import Shipper
from headgate.journal.writer import JournalWriter
from headgate.records.bodies import BodySink
from headgate.records.sink import INTERRUPTED, RecordSink
from headgate.store.database import Connection, Database
from headgate.store.embedded import EmbeddedPostgres
from headgate.store.migrate import migrate

ROOT = Path(__file__).parents[2]


def encoded(entry: object) -> bytes:
    return msgspec.msgpack.encode(entry)


def start(module: str, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.faults.{module}", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def end(process: "subprocess.Popen[bytes]") -> bytes:
    process.kill()
    assert process.stdin is not None and process.stdout is not None
    output = process.stdout.read()
    process.stdin.close()
    process.stdout.close()
    process.wait()
    return output


async def value(database: Database, query: str) -> Any:
    async with database.connection() as connection:
        cursor = await connection.execute(sql.SQL(query))  # pyright: ignore[reportArgumentType]
        row = await cursor.fetchone()
        assert row is not None
        return row[0]


async def until(condition: Callable[[], Any], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not await condition():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.05)


def shipper_on(
    folder: Path, database: Database, sinks: Sequence[Sink] | None = None, **options: Any
) -> Shipper:
    return Shipper(folder, database, sinks or [RecordSink(), BodySink()], host="here", **options)


async def ship_all(shipper: Shipper) -> None:
    while await shipper.ship_once():
        pass


def write_calls(journal: JournalWriter, count: int) -> list[bytes]:
    calls = [new_call() for _ in range(count)]
    for call in calls:
        journal.append(BEGIN, encoded(make_begin(call)))
        journal.append_body(BODY, encoded(make_body(call, b'{"messages": []}')))
        journal.append(END, encoded(make_end(call)))
    return calls


async def test_a_killed_writer_loses_nothing_it_appended(database: Database, tmp_path: Path) -> None:
    boot = uuid.uuid4()
    writer = start("toy_journal_writer", str(tmp_path), str(boot), "1000000")
    assert writer.stdout is not None
    said = [writer.stdout.readline() for _ in range(300)]
    said += end(writer).split(b"\n")
    calls = {line.strip().decode() for line in said if len(line.strip()) == 32}
    await ship_all(shipper_on(tmp_path, database))
    async with database.connection() as connection:
        cursor = await connection.execute("select id, code from requests")
        rows = await cursor.fetchall()
    ended = {row[0].hex for row in rows if row[1] != INTERRUPTED}
    assert calls <= ended and len(ended) - len(calls) <= 1, "at most one was written and not yet said"
    assert len(rows) - len(ended) <= 1, "at most one had begun"
    assert await value(database, "select count(*) from request_bodies") >= len(calls)
    assert await value(database, "select closed_at is not null from journals")
    assert await value(database, "select count(*) from journal_rejects") == 0


async def test_a_killed_shipper_ships_exactly_once(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4(), segment_bytes_max=30_000)
    seeded = random.Random(4)
    written = 0
    for _ in range(4):
        written += len(write_calls(journal, 400))
        shipper = start("toy_shipper", str(tmp_path), database_url)
        before = await value(database, "select count(*) from requests")

        async def moved(before: int = before) -> bool:
            return await value(database, "select count(*) from requests") > before

        await until(moved)
        await asyncio.sleep(seeded.uniform(0, 0.1))
        end(shipper)
    journal.close()
    await ship_all(shipper_on(tmp_path, database))
    assert await value(database, "select count(*) from requests") == written
    assert await value(database, "select sum(requests) from rollups") == written
    assert await value(database, "select count(*) from request_bodies") == written
    assert await value(database, "select count(*) from open_calls") == 0
    assert await value(database, "select count(*) from journal_rejects") == 0


async def test_two_shippers_on_one_folder_ship_once(database: Database, tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4(), segment_bytes_max=5_000)
    shippers = [shipper_on(tmp_path, database) for _ in range(2)]
    tasks = [asyncio.create_task(shipper.run()) for shipper in shippers]
    for _ in range(10):
        write_calls(journal, 30)
        await asyncio.sleep(0.03)
    await asyncio.to_thread(journal.close)

    async def closed() -> bool:
        return await value(database, "select count(*) from journals where closed_at is not null") == 1

    await until(closed)
    for shipper in shippers:
        shipper.stop()
    await asyncio.gather(*tasks)
    assert await value(database, "select count(*) from requests") == 300
    assert await value(database, "select count(*) from journal_rejects") == 0


async def test_a_dead_journal_that_looked_empty_once_is_not_closed_with_entries_unread(
    database: Database, tmp_path: Path
) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4())
    write_calls(journal, 1500)
    journal.close()
    [file] = [file.path for file in segments(journal.folder) if file.stream == "acct"]
    shipper = shipper_on(tmp_path, database)
    hidden = file.rename(tmp_path / "hidden")
    await shipper.ship_stream("acct")
    hidden.rename(file)
    assert await shipper.ship_stream("acct")
    while await shipper.ship_stream("body"):
        pass
    assert await value(database, "select count(*) from journals where closed_at is not null") == 0
    await ship_all(shipper)
    assert await value(database, "select count(*) from journals where closed_at is not null") == 1
    assert await value(database, "select count(*) from requests where code <> 'interrupted'") == 1500


async def test_poison_is_kept_apart_and_told_of(database: Database, tmp_path: Path) -> None:
    told: list[bytes] = []

    class Bell:
        kinds = frozenset({ALERT})

        async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
            told.extend(envelope.payload for envelope in batch)

    class Fragile:
        kinds = frozenset({END})

        async def apply(self, connection: Connection, batch: Sequence[Envelope]) -> None:
            if any(b"overflow" in envelope.payload for envelope in batch):
                raise OverflowError("this one is too much")

    journal = JournalWriter(tmp_path, uuid.uuid4())
    good = write_calls(journal, 20)
    journal.append(END, b"\x00 not an entry")
    write_calls(journal, 20)
    journal.append(END, encoded(make_end(good[0])))
    journal.append(END, encoded(make_end(new_call(), code="overflow")))
    journal.append(END, encoded(make_end(new_call(), started_ms=2**60)))
    write_calls(journal, 20)
    shipper = shipper_on(tmp_path, database, [RecordSink(), Fragile(), BodySink(), Bell()])
    await ship_all(shipper)
    assert shipper.rejected_entries == 4 and len(told) == 4
    assert await value(database, "select count(*) from requests") == 60
    assert await value(database, "select sum(requests) from rollups") == 60
    assert (
        await value(
            database, "select count(*) from journal_rejects where payload = '\\x00206e6f7420616e20656e747279'"
        )
        == 1
    )
    assert await value(database, "select string_agg(distinct error, ';') from journal_rejects") is not None
    journal.close()


async def test_damage_is_skipped_counted_and_reported(database: Database, tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4())
    write_calls(journal, 10)
    journal.close()
    [file] = [file for file in segments(journal.folder) if file.stream == "acct"]
    data = bytearray(file.path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.path.write_bytes(bytes(data[:-3]))
    shipper = shipper_on(tmp_path, database)
    await ship_all(shipper)
    found = await value(database, "select damaged_bytes from journals")
    assert found == shipper.damaged_bytes > 0
    assert await value(database, "select count(*) from requests where code <> 'interrupted'") in (8, 9)


async def test_the_database_may_stop_and_start_under_load(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data", settings={"fsync": "off"})
    url = server.start()
    await migrate(url)
    journal = JournalWriter(tmp_path / "journal", uuid.uuid4(), segment_bytes_max=50_000)
    try:
        async with Database(url, wait_s=1.0) as database:
            shipper = shipper_on(tmp_path / "journal", database)
            task = asyncio.create_task(shipper.run())
            written = 0
            for round_number in range(6):
                written += len(write_calls(journal, 50))
                await asyncio.sleep(0.05)
                if round_number == 2:
                    await asyncio.to_thread(server.stop)
                if round_number == 4:

                    async def noticed() -> bool:
                        return shipper.away_since_s is not None

                    await until(noticed)
                    await asyncio.to_thread(server.start)
            await asyncio.to_thread(journal.close)

            async def all_there() -> bool:
                try:
                    return (
                        await value(database, "select count(*) from journals where closed_at is not null")
                        == 1
                    )
                except Unavailable:
                    return False

            await until(all_there)
            shipper.stop()
            await task
            assert shipper.away_since_s is None
            assert await value(database, "select count(*) from requests") == written
            assert await value(database, "select count(*) from request_bodies") == written
            assert await value(database, "select count(*) from journal_rejects") == 0
    finally:
        server.stop()


async def test_a_restored_database_is_shipped_to_again(database: Database, tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4(), segment_bytes_max=4_000)
    calls = 0
    while len(segments(journal.folder)) < 6 and calls < 10_000:
        calls += len(write_calls(journal, 10))
        await asyncio.sleep(0.02)
    journal.close()
    await ship_all(shipper_on(tmp_path, database))
    files = segments(journal.folder)
    assert len(files) > 4 and all(file.shipped for file in files)
    async with database.connection() as connection:
        await connection.execute(
            "truncate requests, request_bodies, messages, rollups, series_sums, match_queue, journals"
        )
    again = shipper_on(tmp_path, database)
    await ship_all(again)
    assert await value(database, "select count(*) from requests") == calls
    assert await value(database, "select count(*) from request_bodies") == calls
    await asyncio.to_thread(again.sweep)
    assert len(segments(journal.folder)) == len(files), "kept for a day"
    brief = shipper_on(tmp_path, database, keep_bytes=0)
    await ship_all(brief)
    await asyncio.to_thread(brief.sweep)
    assert not journal.folder.exists()


async def test_at_the_bound_bodies_go_first_then_new_calls_and_room_comes_back(
    database: Database, tmp_path: Path
) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4(), segment_bytes_max=20_000, total_bytes_max=100_000)
    call = new_call()
    body = encoded(make_body(call, b"x" * 4_000))
    assert journal.healthy and journal.append_body(BODY, body)
    while journal.append_body(BODY, body):
        assert journal.healthy
        await asyncio.sleep(0.02)
    assert journal.bodies_dropped == 1 and journal.healthy
    while journal.healthy:
        journal.append(END, encoded(make_end(new_call(), message="y" * 2_000)))
        await asyncio.sleep(0.005)
    journal.append(END, encoded(make_end(call)))
    await ship_all(shipper_on(tmp_path, database))

    async def room_again() -> bool:
        return journal.healthy and journal.append_body(BODY, encoded(make_body(new_call(), b"x")))

    await until(room_again, 10)
    journal.close()


FULL_DISK = """
import sys, time, uuid
from pathlib import Path
from headgate.journal.folder import segments
from headgate.journal.writer import ROOM_BYTES, JournalWriter

folder = Path(sys.argv[1])
journal = JournalWriter(folder / "journal", uuid.uuid4(), segment_bytes_max=1 << 30)
assert journal.healthy
with (folder / "other").open("wb", buffering=0) as other:
    try:
        while True:
            other.write(bytes(65536))
    except OSError:
        pass
appended = 0
while journal.healthy:
    journal.append(3, bytes(10_000))
    appended += 1
    time.sleep(0.001)
assert not journal.append_body(4, bytes(100))
for _ in range(ROOM_BYTES // 2 // 10_014):
    journal.append(3, bytes(10_000))
    appended += 1
try:
    while True:
        journal.append(3, bytes(10_000))
        appended += 1
except OSError:
    pass
(file,) = [file for file in segments(journal.folder) if file.stream == "acct"]
assert file.size == appended * 10_014, "no half entry is left behind"
(folder / "other").unlink()
deadline = time.monotonic() + 10
while not journal.healthy:
    assert time.monotonic() < deadline, "it recovers once there is room"
    time.sleep(0.05)
print("held")
"""

ON_A_SMALL_DISK = 'mount -t tmpfs -o size=48m tmpfs "$1" || exit 77; exec "$2" -c "$3" "$1"'


def test_a_full_disk_leaves_room_for_the_calls_in_flight(tmp_path: Path) -> None:
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", ON_A_SMALL_DISK, "sh"]
    try:
        done = subprocess.run(
            [*own_mounts, str(tmp_path), sys.executable, FULL_DISK],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=ROOT,
        )
    except FileNotFoundError:
        lack("no unshare(1) here: no disk to fill")
    if done.returncode == 77 or "unshare failed" in done.stderr:
        lack("this machine lets nobody mount a small disk")
    assert done.stdout.strip() == "held", done.stderr


async def test_durable_waits_for_the_disk(tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4(), segment_bytes_max=2_000)
    for _ in range(20):
        write_calls(journal, 2)
        await asyncio.wait_for(journal.durable(), 10)
    assert len([file for file in segments(journal.folder) if file.stream == "acct"]) > 3
    journal.close()
    with pytest.raises(FileExistsError):
        JournalWriter(tmp_path, journal.boot)


async def test_an_append_is_cheap(tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path, uuid.uuid4())
    payload = encoded(make_end(new_call()))
    best_s = 1.0
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(200):
            journal.append(END, payload)
        best_s = min(best_s, (time.perf_counter() - began) / 200)
    journal.close()
    assert best_s < 100e-6, "an append is one write and nothing else"
