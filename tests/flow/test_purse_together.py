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


class Deployment:
    """Four processes, their journals, one shipper, and clients that spend until they are refused often."""

    def __init__(self, database: Database, limit: int, bound_max: int) -> None:
        self.database = database
        self.limit = limit
        self.bound_max = bound_max
        self.budget = budget("shared", limit)
        self.chance = random.Random(7)
        boots = [uuid.uuid4() for _ in range(4)]
        self.purses = [purse_on(database, processes=4, boot=boot) for boot in boots]
        self.journals = [Journal(boot) for boot in boots]
        self.billed = 0
        self.refusals = 0
        self.billed_at_first_402: int | None = None

    def heard(self, _: str, payload: str) -> None:
        for purse in self.purses:
            purse.on_recall(payload)

    async def call(self, at: int, most: int, cost: int) -> None:
        """One call through process `at`, which may cost `most` and does cost `cost`."""
        purse, journal, call = self.purses[at], self.journals[at], uuid.uuid4()
        held = purse.try_reserve([self.budget], subject(), bound(most))
        held = held or await purse.reserve([self.budget], subject(), bound(most))
        journal.begin(call, held.holds)
        if self.chance.random() < 0.5:
            await asyncio.sleep(0)
        self.billed += cost
        assert self.billed <= self.limit
        journal.end(call, held.holds, cost)
        purse.settle(held, cost)

    async def client(self, at: int) -> None:
        while self.refusals < 60:
            most = self.chance.randrange(self.bound_max // 10, self.bound_max)
            try:
                await self.call(at, most, self.chance.randrange(0, most + 1))
            except BudgetExhausted:
                self.refusals += 1
                if self.billed_at_first_402 is None:
                    self.billed_at_first_402 = self.billed
            except Limited:
                self.refusals += 1

    async def ship(self, done: asyncio.Event) -> None:
        while not done.is_set():
            for journal in self.journals:
                await journal.ship(self.database)
            await asyncio.sleep(0.02)

    async def run(self) -> None:
        """Let 24 clients spend, then stop all and ship the rest."""
        listener = Listener(self.database.url, ["headgate_recall"], self.heard)
        listener.start()
        for purse in self.purses:
            await purse.start()
        done = asyncio.Event()
        shipper = asyncio.create_task(self.ship(done))
        try:
            clients = (self.client(at % 4) for at in range(24))
            await asyncio.wait_for(asyncio.gather(*clients), 60)
        finally:
            done.set()
            await shipper
            for purse in self.purses:
                await purse.stop()
            await listener.stop()
        for journal in self.journals:
            await journal.ship(self.database)


@pytest.mark.parametrize(("limit", "already_spent"), [(USD, 0), (40 * USD, 32 * USD)])
async def test_four_processes_never_pass_the_limit_and_use_it(
    database: Database, limit: int, already_spent: int
) -> None:
    deployment = Deployment(database, limit, bound_max=USD // 50)
    if already_spent:
        # One dear call spares thousands of cheap ones; what is left is more than is granted call by call.
        await deployment.call(0, already_spent, already_spent)
    await deployment.run()
    assert deployment.billed <= limit
    assert deployment.billed_at_first_402 is not None
    assert deployment.billed_at_first_402 >= limit * 9 // 10
    (window,) = await windows(database)
    assert window["spent"] == window["entered"] == deployment.billed
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
