"""What the journal does to the meters: each attempt charged once, whatever is repeated or split."""

import asyncio
import uuid

from tests.flow.meter_parts import Journal, bound, budget, purse_on, subject, windows

from headgate.core.entries import Hold
from headgate.meters.model import Scope
from headgate.meters.rows import fetch
from headgate.meters.sink import close_journal
from headgate.store.database import Database


async def count(database: Database, table: str) -> int:
    async with database.connection() as connection:
        rows = await fetch(connection, f"select count(*) as n from {table}")  # pyright: ignore[reportArgumentType]
    return rows[0]["n"]


async def test_a_begin_is_kept_only_until_its_end(database: Database) -> None:
    boot = uuid.uuid4()
    purse, journal = purse_on(database, boot=boot), Journal(boot)
    held = await purse.reserve([budget()], subject(), bound(10))
    whole, split = uuid.uuid4(), uuid.uuid4()
    journal.begin(whole, held.holds)
    journal.end(whole, held.holds, 3)
    journal.begin(split, held.holds, user="nul\0byte", tags=("a", "b"))
    await journal.ship(database)
    assert await count(database, "open_attempts") == 1
    journal.end(split, held.holds, 4)
    await journal.ship(database)
    assert await count(database, "open_attempts") == 0
    (window,) = await windows(database)
    assert (window["spent"], window["leased"], window["entered"]) == (7, 3, 7)


async def test_attempts_before_the_last_are_settled_apart_and_the_last_once(database: Database) -> None:
    one, narrow = budget(), budget("narrow", scope=Scope(provider="mock"))
    boot, call = uuid.uuid4(), uuid.uuid4()
    purse, journal = purse_on(database, boot=boot), Journal(boot)
    first = await purse.reserve([one, narrow], subject(), bound(10))
    journal.begin(call, first.holds, user="berta")
    await journal.ship(database)
    journal.settled(call, first.holds, 6)
    purse.settle(first, 6)
    second = await purse.reserve([one], subject(), bound(20))
    journal.begin(call, second.holds, attempt=2)
    await journal.ship(database)
    # The end of a call whose second attempt was its last names it; the first is not charged again, even by
    # a record that says so.
    journal.end(call, second.holds, 20, attempt=2)
    journal.settled(call, first.holds, 6)
    await journal.ship(database)
    found = {row["name"]: row for row in await windows(database)}
    assert (found["all"]["spent"], found["narrow"]["spent"]) == (26, 6)
    async with database.connection() as connection:
        ledger = await fetch(
            connection, 'select attempt, "user", provider, pico_usd from ledger order by attempt'
        )
    assert [(row["attempt"], row["user"], row["provider"], int(row["pico_usd"])) for row in ledger] == [
        (1, "berta", "mock", 6),
        (2, "anna", "mock", 20),
    ]


async def test_free_attempts_and_unknown_windows_harm_nothing(database: Database) -> None:
    boot = uuid.uuid4()
    journal = Journal(boot)
    free, strange = uuid.uuid4(), uuid.uuid4()
    journal.begin(free, ())
    journal.end(free, (), 0)
    journal.begin(strange, (Hold(987654, 10),))
    journal.end(strange, (Hold(987654, 10),), 5)
    await journal.ship(database)
    assert await windows(database) == []
    assert await count(database, "ledger") == 1
    async with database.transaction() as connection:
        closing = await close_journal(connection, boot)
    assert closing.attempts == 0


async def test_two_shippers_and_a_purse_lock_windows_in_one_order(database: Database) -> None:
    budgets = [budget(f"b{at}", 10**6) for at in range(6)]
    boots = [uuid.uuid4() for _ in range(3)]
    purses = [purse_on(database, processes=3, boot=boot) for boot in boots]
    journals = [Journal(boot) for boot in boots]

    async def work(at: int) -> None:
        order = budgets[at:] + budgets[:at]
        for round_ in range(15):
            call = uuid.uuid4()
            held = await purses[at].reserve(order, subject(), bound(10 + round_))
            journals[at].begin(call, held.holds)
            journals[at].end(call, held.holds, 7)
            purses[at].settle(held, 7)
            await journals[at].ship(database)
        await purses[at].stop()

    await asyncio.wait_for(asyncio.gather(*(work(at) for at in range(3))), 30)
    for window in await windows(database):
        assert (window["spent"], window["leased"]) == (3 * 15 * 7, 0)
