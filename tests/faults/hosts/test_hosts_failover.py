"""The database fails over to its standby under load: nothing is granted before all holders registered again.

First with a synchronous standby, across which every promise holds, and on until nothing is left to spend.
Then with one that lacked the last commits, across which the one on budgets need not hold (its limit is out of
reach), but no record is lost and no grant forgotten.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterator, Sequence

import psycopg
import pytest
from tests.faults.hosts.cluster import NAMED_LIKE, Cluster, ask, cluster, until
from tests.faults.hosts.gateway_host import GatewayHost

from headgate.core.money import parse_usd
from headgate.drills.model import Seen
from headgate.drills.visitors import Visitors

AGAIN_S_MAX = 45.0
SPENT_S_MAX = 60.0
MORE = """
[[budgets]]
name = "first"
scope = { model = "shop/quick" }
limit = "3 USD"
window = "total"

[[budgets]]
name = "second"
scope = { model = "shop/slow-100" }
limit = "40 USD"
window = "total"
"""


@pytest.fixture
def house() -> Iterator[Cluster]:
    with cluster(more=MORE, standby=True) as running:
        yield running


def test_a_standby_takes_over_twice(house: Cluster) -> None:
    # One house, for two of them would take a minute more: the second failover goes back to where it began.
    asyncio.run(_synchronous(house))
    first, second = house.databases
    first.make_standby_of(second)
    house.databases.reverse()
    asyncio.run(_asynchronous(house))


async def _synchronous(house: Cluster) -> None:
    primary, standby = house.databases
    primary.set("synchronous_standby_names", "*")
    primary.until("headgate", "select bool_or(sync_state = 'sync') from pg_stat_replication")
    assert _database(house) == {"synchronous": True, "standbys": 1, "waiting": []}
    key = house.first.key("first", may_assert=True)
    async with _everywhere(house, key["key"], "shop-quick") as visitors:
        await asyncio.sleep(3)
        ended = await _fail_over(house, visitors)
        # What was spent before the failover still counts: so the limit runs out after it, and at its sum.
        assert await _all_spent(visitors, SPENT_S_MAX), "each host refuses once it is spent"
    assert _waited_for(house, ended) == (3, 3), "all three registered, and before anything was granted"
    seen = [one for each in visitors for one in each.seen]
    assert not house.broken(seen, "first", key["id"])
    for gateway in house.gateways:
        # What was leased and came back may pay for a few more.
        until(lambda at=gateway: _is_refused(at, key["key"]), 20, "no host has anything left")
    limit = parse_usd(house.budget("first").limit_usd)
    assert 0.8 * limit < house.shop.bill("drill-") <= limit
    for gateway in house.gateways:
        assert ask(gateway, key["key"]).status_code == 200
    revoked = house.gateways[2].api.delete(f"/keys/{key['id']}")
    assert revoked.status_code == 200, revoked.text
    for gateway in house.gateways:
        assert ask(gateway, key["key"]).status_code == 401, "who listens has followed, too"
    standby.set("synchronous_standby_names", "")


async def _asynchronous(house: Cluster) -> None:
    """The standby received nothing for two seconds: it lacks keys, grants, settlements and records."""
    primary, standby = house.databases
    standby.until("headgate", "select pg_is_in_recovery()")
    primary.until("headgate", "select bool_or(state = 'streaming') from pg_stat_replication")
    assert _database(house) == {"synchronous": False, "standbys": 1, "waiting": []}
    key = house.first.key("second", may_assert=True)
    standby.until("headgate", f"select count(*) = 1 from live_objects where id = '{key['id']}'")
    async with _everywhere(house, key["key"], "shop-slow-100") as visitors:
        await asyncio.sleep(2)
        standby.pause_receiving()
        lost = house.first.key("lost with the primary")
        await asyncio.sleep(2)
        ended = await _fail_over(house, visitors)
    assert _waited_for(house, ended) == (3, 3)
    until(lambda: ask(house.first, lost["key"]).status_code == 401, 5, "what the standby lacks is gone")
    seen = [one for each in visitors for one in each.seen]
    assert not house.broken(seen, "second", key["id"])


async def _all_spent(visitors: Sequence[Visitors], timeout_s: float) -> bool:
    ends_s = time.monotonic() + timeout_s
    while time.monotonic() < ends_s:
        if all([one.status for one in each.seen[-6:]] == [402] * 6 for each in visitors):
            return True
        await asyncio.sleep(0.1)
    return False


def _is_refused(gateway: GatewayHost, key: str) -> bool:
    answer = ask(gateway, key, "shop-quick", NAMED_LIKE)
    assert answer.status_code in (200, 402), answer.text
    return answer.status_code == 402


@contextlib.asynccontextmanager
async def _everywhere(house: Cluster, key: str, model: str) -> AsyncGenerator[list[Visitors]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(house.visitors(gateway, key, model, clients=3, pause_s=0.03))
            for gateway in house.gateways
        ]


async def _fail_over(house: Cluster, visitors: list[Visitors]) -> int:
    """The primary's host vanishes from one moment to the next; its standby is promoted.

    Returns the epoch of grants that ends by it.
    """
    primary, standby = house.databases
    with psycopg.connect(house.database_url, autocommit=True) as connection:
        row = connection.execute("select max(epoch) from grant_epochs").fetchone()
    assert row is not None
    for each in visitors:
        assert await each.see(15, 60), "calls are answered before"
    primary.host.cut()
    await asyncio.sleep(1)
    await asyncio.to_thread(standby.promote)
    began_s = time.monotonic()
    for each in visitors:
        assert await each.see(10, AGAIN_S_MAX), "calls are answered again"
    print(f"answered again {time.monotonic() - began_s:.1f} s after the promotion")
    assert all(one.status != 402 for each in visitors for one in each.seen), "nothing had run out before"
    answered: list[Seen] = [one for each in visitors for one in each.seen if one.is_answered]
    assert len(answered) > 60
    # Whoever watches over the databases has to see to it that the one before takes no more writes.
    await asyncio.to_thread(primary.host.end_at_once)
    primary.host.mend()
    return int(row[0])


def _database(house: Cluster) -> dict[str, object]:
    """What `headgate doctor` is told of it."""
    said = house.first.get("/status")["database"]
    return {name: said[name] for name in ("synchronous", "standbys", "waiting")}


def _waited_for(house: Cluster, ended: int) -> tuple[int, int]:
    """How many holders the epoch after that one waited for, and how many had registered when it opened.

    Calls are answered from leases before that, so that it may still be about to begin, or to open.
    """
    house.databases[1].until(
        "headgate",
        f"select epoch > {ended} and opened_at is not null from grant_epochs order by epoch desc limit 1",
    )
    with psycopg.connect(house.database_url, autocommit=True) as connection:
        row = connection.execute(
            "select count(*), count(*) filter (where registered_at <= opened_at + interval '1 ms') "
            "from grant_epoch_holders join grant_epochs using (epoch) "
            "where epoch = (select max(epoch) from grant_epochs)"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
