"""Snapshots on a real PostgreSQL: stored once, activated by compare-and-set, with their history."""

import asyncio
from datetime import date

import psycopg
import pytest

from headgate.access.store import list_audit
from headgate.config.compile import compile_file, compile_stored
from headgate.config.snapshot import Snapshot
from headgate.config.snapshots import (
    CHANNEL,
    activate,
    current,
    get_snapshot,
    history,
    list_snapshots,
    store_snapshot,
)
from headgate.core.faults import Conflict, NotFound
from headgate.store.database import Database


def snapshot(seed: int) -> Snapshot:
    text = f'[providers.mock]\nkind = "mock"\nseed = {seed}\nerror_rate = 0.1\n[prices."mock/a"]\n'
    return compile_file(text + 'output = "1"\ninput = "1"\n', today=date(2026, 11, 21))


async def test_a_snapshot_is_stored_once_and_read_back_the_same(database: Database) -> None:
    one = snapshot(1)
    async with database.transaction() as connection:
        assert await store_snapshot(connection, one, created_by="file", note="first")
        assert not await store_snapshot(connection, one, created_by="file")
        stored = await get_snapshot(connection, one.id)
        assert await current(connection) is None
    assert (stored.created_by, stored.note, stored.active, stored.format) == ("file", "first", False, 1)
    assert compile_stored(stored.document, identity=stored.id, today=date(2026, 11, 21)) == one


async def test_activation_is_compare_and_set(database: Database) -> None:
    one, two = snapshot(1), snapshot(2)
    async with database.transaction() as connection:
        for each in (one, two):
            await store_snapshot(connection, each, created_by="file")
        with pytest.raises(Conflict, match="snapshot none is in force by now"):
            await activate(connection, one.id, expected_current=two.id, actor="a")
        with pytest.raises(NotFound, match="no snapshot 'gone'"):
            await activate(connection, "gone", expected_current=None, actor="a")
        first = await activate(connection, one.id, expected_current=None, actor="a")
        again = await activate(connection, one.id, expected_current=one.id, actor="a")
        second = await activate(connection, two.id, expected_current=one.id, actor="b")
        back = await activate(connection, one.id, expected_current=two.id, actor="c")
    assert (first, again, second, back) == (1, 1, 2, 3)
    async with database.connection() as connection:
        active = await current(connection)
        assert active is not None and (active.id, active.active_seq) == (one.id, 3)
        assert await current(connection, unless=one.id) is None
        assert await current(connection, unless=two.id) == active
        entries = await history(connection)
        assert [(entry.seq, entry.id, entry.activated_by) for entry in entries] == [
            (3, one.id, "c"),
            (2, two.id, "b"),
            (1, one.id, "a"),
        ]
        assert [entry.seq for entry in await history(connection, limit=1, before=3)] == [2]
        listed = await list_snapshots(connection)
        assert [(each.id, each.active, each.document) for each in listed] == [
            (two.id, False, b""),
            (one.id, True, b""),
        ]
        assert [each.id for each in await list_snapshots(connection, before=listed[0].created_at)] == [one.id]
        audit = await list_audit(connection, None)
        assert (audit[0].entry.actor, audit[0].entry.before, audit[0].entry.after) == (
            "c",
            {"id": two.id},
            {"id": one.id},
        )
        with pytest.raises(NotFound):
            await get_snapshot(connection, "gone")


async def test_of_two_changes_planned_against_one_only_one_wins(database: Database) -> None:
    snapshots = [snapshot(seed) for seed in range(1, 6)]
    async with database.transaction() as connection:
        for each in snapshots:
            await store_snapshot(connection, each, created_by="file")

    async def attempt(each: Snapshot) -> bool:
        try:
            async with database.transaction() as connection:
                await activate(connection, each.id, expected_current=None, actor="a")
        except Conflict:
            return False
        return True

    won = await asyncio.gather(*map(attempt, snapshots))
    assert won.count(True) == 1


async def test_listeners_hear_of_an_activation(database: Database) -> None:
    one = snapshot(1)
    async with await psycopg.AsyncConnection.connect(database.url, autocommit=True) as listener:
        await listener.execute(f"listen {CHANNEL}")  # pyright: ignore[reportArgumentType]
        async with database.transaction() as connection:
            await store_snapshot(connection, one, created_by="file")
            await activate(connection, one.id, expected_current=None, actor="a")
        heard = [notification.payload async for notification in listener.notifies(timeout=10, stop_after=1)]
    assert heard == [one.id]
