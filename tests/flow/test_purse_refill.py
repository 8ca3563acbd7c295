"""A lease in use is refilled before it runs out: no call waits for the database in between."""

import asyncio

from tests.flow.meter_parts import bound, budget, purse_on, subject

from headgate.meters.purse import Purse
from headgate.store.database import Database

USD = 10**12
AMOUNT = 100
CALLS_MAX = 200


async def refilled(purse: Purse) -> bool:
    """Spend until a lease is low, by calls that find their money at hand; say if more came by itself."""
    counted = [budget("wide", USD)]
    for _ in range(CALLS_MAX):
        held = purse.try_reserve(counted, subject(), bound(AMOUNT))
        if held is None:
            held = await purse.reserve(counted, subject(), bound(AMOUNT))
            purse.settle(held, AMOUNT)
            continue
        left = purse.snapshot().available
        for _ in range(50):
            await asyncio.sleep(0.002)
            if purse.snapshot().available > left:
                purse.settle(held, AMOUNT)
                return True
        purse.settle(held, AMOUNT)
    return False


async def test_a_lease_that_runs_low_is_refilled_without_a_call_that_waits(database: Database) -> None:
    purse = purse_on(database)
    assert await refilled(purse)
    assert purse.snapshot().outages == 0
    await purse.stop()


async def test_meters_granted_per_call_are_not_refilled(database: Database) -> None:
    purse = purse_on(database)
    small = [budget("small", 10 * AMOUNT)]
    for _ in range(5):
        held = purse.try_reserve(small, subject(), bound(AMOUNT))
        held = held or await purse.reserve(small, subject(), bound(AMOUNT))
        purse.settle(held, AMOUNT)
    grants = purse.snapshot().grants
    await asyncio.sleep(0.1)
    assert purse.snapshot().grants == grants
    assert purse.snapshot().available == 0
    await purse.stop()
