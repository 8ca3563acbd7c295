"""Several processes on one budget and a real PostgreSQL: never over the limit, and close to it."""

import asyncio
import random
import uuid

import pytest
from tests.flow.meter_parts import Journal, bound, budget, purse_on, subject, windows

from headgate.core.faults import BudgetExhausted, Limited
from headgate.meters.model import Scope
from headgate.store.database import Database
from headgate.store.listen import Listener

USD = 10**12


@pytest.mark.parametrize(("limit", "bound_max"), [(USD, USD // 50), (40 * USD, USD // 50)])
async def test_four_processes_never_pass_the_limit_and_use_it(
    database: Database, limit: int, bound_max: int
) -> None:
    one = budget("shared", limit)
    chance = random.Random(7)
    boots = [uuid.uuid4() for _ in range(4)]
    purses = [purse_on(database, processes=4, boot=boot) for boot in boots]
    journals = [Journal(boot) for boot in boots]

    def heard(_: str, payload: str) -> None:
        for purse in purses:
            purse.on_recall(payload)

    listener = Listener(database.url, ["headgate_recall"], heard)
    listener.start()
    for purse in purses:
        await purse.start()
    billed = 0
    billed_at_first_402: list[int] = []
    refused = 0

    async def client(at: int) -> None:
        nonlocal billed, refused
        purse, journal = purses[at % 4], journals[at % 4]
        while refused < 60:
            most = chance.randrange(bound_max // 10, bound_max)
            call = uuid.uuid4()
            try:
                held = purse.try_reserve([one], subject(), bound(most))
                held = held or await purse.reserve([one], subject(), bound(most))
            except BudgetExhausted:
                refused += 1
                billed_at_first_402.append(billed)
                continue
            except Limited:
                refused += 1
                continue
            journal.begin(call, held.holds)
            if chance.random() < 0.5:
                await asyncio.sleep(0)
            cost = chance.randrange(0, most + 1)
            billed += cost
            assert billed <= limit
            journal.end(call, held.holds, cost)
            purse.settle(held, cost)

    done = asyncio.Event()

    async def ship() -> None:
        while not done.is_set():
            for journal in journals:
                await journal.ship(database)
            await asyncio.sleep(0.02)

    shipper = asyncio.create_task(ship())
    if limit > USD:
        # A large budget would take thousands of calls: most of it is spent by one call of another process.
        big = await purses[0].reserve([one], subject(), bound(limit - 8 * USD))
        journals[0].begin(uuid.UUID(int=1), big.holds)
        journals[0].end(uuid.UUID(int=1), big.holds, limit - 8 * USD)
        purses[0].settle(big, limit - 8 * USD)
        billed = limit - 8 * USD
    try:
        await asyncio.wait_for(asyncio.gather(*(client(at) for at in range(24))), 60)
    finally:
        done.set()
        await shipper
    for purse in purses:
        await purse.stop()
    await listener.stop()
    for journal in journals:
        await journal.ship(database)

    assert billed <= limit
    assert billed_at_first_402 and billed_at_first_402[0] >= limit * 9 // 10
    (window,) = await windows(database)
    assert window["spent"] == window["entered"] == billed
    assert window["leased"] == 0 and window["overrun"] == 0


async def test_several_budgets_are_reserved_all_or_not_at_all(database: Database) -> None:
    wide = budget("wide", 1000)
    narrow = budget("narrow", 100, scope=Scope(user="*"))
    purse = purse_on(database)
    first = await purse.reserve([wide, narrow], subject(), bound(80))
    assert len(first.holds) == 2
    purse.settle(first, 80)
    with pytest.raises(BudgetExhausted, match="narrow"):
        await purse.reserve([wide, narrow], subject(), bound(30))
    assert purse.snapshot().reserved == 0
    # Another user has a meter of its own under `*`, and shares the wide one.
    other = await purse.reserve([wide, narrow], subject(user="bert"), bound(100))
    purse.settle(other, 100)
    await purse.stop()
    found = {(row["name"], row["subject"]): row for row in await windows(database)}
    assert set(found) == {("wide", ""), ("narrow", "user=anna"), ("narrow", "user=bert")}
    # Nothing was shipped yet, so what was settled is still leased; what was free has gone back.
    assert found["narrow", "user=anna"]["leased"] == 80
    assert found["wide", ""]["leased"] == 180
