"""Processes divide a rate limit by load, and together never hold more than all of it."""

import uuid

from tests.unit.test_rate import HandClock

from headgate.core.faults import Limited
from headgate.meters.model import RateLimit, Scope, Subject
from headgate.meters.rate import RateLimiter
from headgate.meters.shares import RateShares
from headgate.store.database import Database

SUBJECT = Subject(project="p", key="k", user="u", alias="a")
LIMIT = RateLimit(id="r", name="r", scope=Scope(), limit=120, unit="requests", window="minute")


def load(limiter: RateLimiter, tries: int) -> int:
    admitted = 0
    for _ in range(tries):
        try:
            limiter.admit([LIMIT], SUBJECT)
        except Limited:
            continue
        admitted += 1
    return admitted


async def test_the_share_moves_to_where_the_load_is(database: Database) -> None:
    clock = HandClock()
    limiters = [RateLimiter(clock, processes=lambda: 4) for _ in range(4)]
    shares = [RateShares(each, uuid.uuid4(), database, clock, processes=lambda: 4) for each in limiters]
    admitted: list[float] = []
    in_use = 0.0

    async def second() -> None:
        nonlocal in_use
        for each in shares:
            await each.exchange()
            held = [one.entries["r "].bucket.share for one in limiters if "r " in one.entries]
            unused = [one.starting_share("r ") for one in limiters if "r " not in one.entries]
            in_use = sum(held) + sum(unused)
            assert in_use <= 1 + 1e-9
        clock.at_s += 1

    # One busy process gets nearly all within a few seconds, though the others never used the limit.
    for _ in range(8):
        admitted += [clock.at_s] * load(limiters[0], 20)
        await second()
    assert limiters[0].entries["r "].bucket.share > 0.85
    # Then the load moves.
    for _ in range(12):
        admitted += [clock.at_s] * load(limiters[1], 20)
        await second()
    assert limiters[1].entries["r "].bucket.share > 0.7
    for first in range(len(admitted)):
        elapsed_s = admitted[-1] - admitted[first]
        assert len(admitted) - first <= 120 * (1 + elapsed_s / 60) + 1e-6
    assert len(admitted) > 120

    for each in shares:
        await each.stop()


async def test_alone_nothing_is_asked_of_the_database() -> None:
    nowhere = Database("host=/nonexistent dbname=none", connections_max=1, wait_s=0.1)
    clock = HandClock()
    limiter = RateLimiter(clock, processes=lambda: 1)
    async with nowhere:
        alone = RateShares(limiter, uuid.uuid4(), nowhere, clock, processes=lambda: 1)
        assert load(limiter, 200) == 120
        await alone.exchange()
