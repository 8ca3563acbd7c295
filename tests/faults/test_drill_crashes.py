"""Whole system: any process is killed at any moment, again and again, and every account still agrees."""

import asyncio
import contextlib
import random
from collections.abc import Iterator

import psutil
import pytest
from tests.faults.drilled_house import Drilled, broken, drilled, until

from headgate.core.money import parse_usd
from headgate.drills.household import Household, Worker, end_at_once
from headgate.drills.visitors import Visitors

KILLS = 14
BACK_S_MAX = 20.0
SPENT_S_MAX = 60.0
SHORT = {"name": "short", "limit": "1 USD", "window": "total"}
"""What one key may spend: some 230 calls, so that it runs out among or after the kills.

A call costs 0.004 USD, but 0.052, its bound, where it is lost with its gateway: two clients lose ten at most.
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Drilled]:
    with drilled(workers=2) as running:
        yield running


def backends(household: Household) -> list[Worker]:
    """The embedded database's processes below its first one."""
    try:
        children = psutil.Process(household.database.pid or 0).children()
    except psutil.NoSuchProcess:
        return []
    found: list[Worker] = []
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(Worker(pid=child.pid, title="postgres", began_s=child.create_time()))
    return found


def kill_one(place: Drilled, random_: random.Random, role: str) -> bool:
    """Kill a process of that role; say whether there was one."""
    household = place.household
    match role:
        case "postmaster":
            first = household.database_process()
            found = [] if first is None else [first]
        case "backend":
            found = backends(household)
        case "gateway" | "control" | "shipper":
            found = household.workers(role)
        case _:
            raise ValueError(role)
    return bool(found) and end_at_once(random_.choice(found))


async def all_spent(visitors: Visitors) -> bool:
    """Wait until nothing is left: each of the last calls was refused for it."""
    return await until(lambda: [one.status for one in visitors.seen[-9:]] == [402] * 9, SPENT_S_MAX)


@pytest.mark.timeout(240)
async def test_kill_9_of_any_process_at_any_moment(place: Drilled) -> None:
    random_ = random.Random(20261121)
    roles = ["gateway"] * 5 + ["shipper"] * 3 + ["control"] * 2 + ["backend"] * 2 + ["postmaster"] * 2
    assert len(roles) == KILLS
    random_.shuffle(roles)
    short_key = place.house.make_key("short", may_assert=True, budgets=[SHORT])
    async with (
        place.visitors(clients=5, pause_s=0.01) as metered,
        place.visitors("unmetered", clients=3, pause_s=0.01) as unmetered,
        place.visitors(key=short_key, clients=2, pause_s=0.01, fields={"max_tokens": 200}) as short,
    ):
        await asyncio.sleep(1)
        for role in roles:
            assert await until(lambda role=role: kill_one(place, random_, role), BACK_S_MAX), role
            await asyncio.sleep(random_.uniform(0.05, 1.5))
        assert await metered.see(20, BACK_S_MAX), "calls under a budget are answered again"
        assert await unmetered.see(20, BACK_S_MAX)
        assert await all_spent(short), "a limit that runs out is never passed, whoever is killed meanwhile"
    seen = metered.seen + unmetered.seen + short.seen
    assert sum(one.is_answered for one in seen) > 200
    assert not broken(place, seen)
    line = place.budget("short")
    limit = parse_usd(line.limit_usd)
    bill = sum(place.shop.billed.get(one.name, 0) for one in short.seen)
    assert 0.3 * limit < bill <= parse_usd(line.spent_usd) <= limit
    assert parse_usd(line.overrun_usd) == parse_usd(line.reserved_usd) == 0
