"""Three hosts on one database act as one; what a partition does to them, and what it doesn't."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator, Sequence

import httpx
import pytest
from demo.running import ADMIN_KEY
from tests.faults.hosts.cluster import BOUND_TOKENS, Cluster, ask, bound_of, cluster, configuration, until
from tests.faults.hosts.gateway_host import GatewayHost
from tests.faults.hosts.network import silence
from tests.faults.hosts.shop import INPUT_PICO_USD, INPUT_TOKENS, OUTPUT_PICO_USD

from headgate.core.money import format_usd, parse_usd
from headgate.drills.model import Seen
from headgate.drills.visitors import Visitors

REVOKED_S_MAX = 1.0
"""As promised. What isn't promised in time is given PATIENCE_S."""
PATIENCE_S = 5.0
MAX_STALE_S = 20.0
LEASE_USED_S_MAX = 16.0
VANISHED_S_MAX = 25.0
COST_MAX = INPUT_TOKENS * INPUT_PICO_USD + BOUND_TOKENS * OUTPUT_PICO_USD
"""What a call costs at most at the provider; the gateway's bound is above it."""
RATE = 20
"""Calls a second of the rate limit."""

MORE = """
[[budgets]]
name = "one-usd"
scope = { model = "shop/quick" }
limit = "1 USD"
window = "total"

[[budgets]]
name = "denied"
scope = { model = "shop/slow-100" }
limit = "5 USD"
window = "total"

[[budgets]]
name = "allowed"
scope = { model = "shop/slow-1500" }
limit = "5 USD"
window = "total"
on_outage = "allow"

[[rate_limits]]
name = "per-second"
scope = { tag = "limited" }
limit = "20 requests"
window = "second"
"""


HOLDING = """
import asyncio, sys
from headgate.store.database import Database

async def hold():
    async with Database(sys.argv[1]) as database, database.transaction() as connection:
        await connection.execute("select from meter_windows for update")
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


@pytest.fixture(scope="module")
def house() -> Iterator[Cluster]:
    with cluster(more=MORE, max_stale=f"{MAX_STALE_S:.0f}s") as running:
        yield running


def answers(
    gateway: GatewayHost,
    key: str,
    status: int,
    what: str,
    *,
    model: str = "open-quick",
) -> None:
    """Wait until calls with that key end so."""
    until(lambda: ask(gateway, key, model).status_code == status, PATIENCE_S, what)


@contextlib.asynccontextmanager
async def load(
    house: Cluster, gateways: Sequence[GatewayHost], key: str, model: str, **manner: object
) -> AsyncGenerator[list[Visitors]]:
    """Visitors at each of the hosts for the length of a block."""
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(house.visitors(gateway, key, model, **manner))
            for gateway in gateways
        ]


def test_every_host_counts_every_other(house: Cluster) -> None:
    """All three have one name; they must not be taken for one."""
    gateways = house.first.get("/status")["gateways"]
    assert len(gateways) == 3 and all(gateway["live"] for gateway in gateways), gateways


def test_a_revoked_key_is_refused_everywhere_within_a_second(house: Cluster) -> None:
    for revoking in house.gateways:
        key = house.first.key(f"short-lived at {revoking.host.name}")
        for gateway in house.gateways:
            answers(gateway, key["key"], 200, "a new key is known")
        began_s = time.monotonic()
        answer = revoking.api.delete(f"/keys/{key['id']}")
        assert answer.status_code == 200, answer.text
        assert time.monotonic() - began_s < REVOKED_S_MAX
        for gateway in house.gateways:
            assert ask(gateway, key["key"]).status_code == 401
        assert time.monotonic() - began_s < REVOKED_S_MAX + 0.5


def test_what_is_applied_at_one_host_is_in_force_at_all(house: Cluster) -> None:
    key = house.first.key("of the change")["key"]
    for gateway in house.gateways:
        assert ask(gateway, key, "another").status_code == 404
    renamed = configuration(house.shop, more=MORE, max_stale=f"{MAX_STALE_S:.0f}s")
    house.config.write_text(renamed + '\n[models.another]\ntargets = ["open/quick"]\n')
    command = [sys.executable, "-m", "headgate.cli.app", "apply", "--yes", str(house.config)]
    done = subprocess.run(
        command,
        env={**os.environ, "HEADGATE_URL": house.gateways[1].url, "HEADGATE_KEY": ADMIN_KEY},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    for gateway in house.gateways:
        answers(gateway, key, 200, "the new alias is known", model="another")
    snapshots = {gateway["snapshot"] for gateway in house.first.get("/status")["gateways"]}
    assert len(snapshots) == 1


@pytest.mark.timeout(180)
async def test_a_budget_of_one_usd_under_load_at_three_hosts(house: Cluster) -> None:
    """Calls cost 0.0005 to 0.0021 USD; all but the last few cents can be spent, and not a cent more."""
    key = house.first.key("spenders", may_assert=True)
    seen: list[Seen] = []
    async with load(house, house.gateways, key["key"], "shop-quick", clients=6, pause_s=0.0) as visitors:
        await _all_spent(visitors, 60)
    for one in visitors:
        assert _is_spent(one.seen), "every host refuses once it is spent"
        assert one.answered > 20, "every host spends"
        seen += one.seen
    assert not house.broken(seen, "one-usd", key["id"])
    left = parse_usd("1") - parse_usd(house.budget("one-usd").spent_usd)
    assert left < 2 * bound_of(house.first), "what is left pays for no further call"


async def _all_spent(visitors: Sequence[Visitors], timeout_s: float) -> None:
    ends_s = time.monotonic() + timeout_s
    while not all(_is_spent(one.seen) for one in visitors):
        if time.monotonic() > ends_s:
            return
        await asyncio.sleep(0.1)


def _is_spent(seen: Sequence[Seen]) -> bool:
    return sum(1 for one in seen[-12:] if one.status == 402) >= 6


@pytest.mark.timeout(120)
async def test_an_exact_budget_lets_through_what_fits_and_nothing_more(house: Cluster) -> None:
    """Its limit is a handful of bounds: each is granted by itself."""
    limit = f"{format_usd(8 * bound_of(house.first))} USD"
    key = house.first.key(
        "careful", may_assert=True, budgets=[{"name": "careful", "limit": limit, "window": "total"}]
    )
    async with load(house, house.gateways, key["key"], "open-slow-100", clients=4, pause_s=0.0) as visitors:
        await _all_spent(visitors, 30)
    seen = [call for one in visitors for call in one.seen]
    assert not house.broken(seen, "careful", key["id"])
    assert sum(one.is_answered for one in seen) >= 5


@pytest.mark.timeout(120)
async def test_a_rate_limit_holds_over_all_hosts_and_is_used(house: Cluster) -> None:
    """A burst of 20, then 20 a second, wherever the load is, and 90 % of it two seconds later."""
    key = house.first.key("limited", may_assert=True, tags=["limited"])["key"]
    began_s = time.monotonic()
    async with load(house, house.gateways[:1], key, "open-quick", clients=3, pause_s=0.01):
        await asyncio.sleep(6)
    moved_s = time.monotonic()
    async with load(house, house.gateways[1:], key, "open-quick", clients=3, pause_s=0.01):
        await asyncio.sleep(8)
    times = sorted(at for at, _, name in house.shop.arrived if at > began_s and name.startswith("drill-"))
    for index, first in enumerate(times):
        for count, last in enumerate(times[index:], 1):
            # What GCRA lets through in any stretch of time: a burst, and what has come free meanwhile.
            assert count <= RATE + RATE * (last - first + 0.1) + 1, (first - began_s, last - first, count)
    for start_s, end_s in ((began_s + 2, moved_s), (moved_s + 2, moved_s + 8)):
        admitted = sum(1 for at in times if start_s <= at < end_s)
        assert admitted >= 0.9 * RATE * (end_s - start_s), (admitted, end_s - start_s)


async def _only(status: int, visitors: Visitors, count: int, timeout_s: float) -> bool:
    """Wait until the last `count` calls all ended so."""
    ends_s = time.monotonic() + timeout_s
    at = len(visitors.seen)
    while time.monotonic() < ends_s:
        last = visitors.seen[max(at, len(visitors.seen) - count) :]
        if len(last) == count and {one.status for one in last} == {status}:
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.timeout(180)
async def test_a_host_that_is_cut_off_from_the_database(house: Cluster) -> None:
    """It denies once its leases are used, goes on where an outage allows it, and after healing all agree."""
    key = house.first.key("cut off", may_assert=True)
    cut, whole = house.gateways[2], house.gateways[0]
    before = parse_usd(house.budget("denied").spent_usd)
    async with (
        house.visitors(cut, key["key"], "shop-slow-100", clients=4) as denied,
        house.visitors(whole, key["key"], "shop-slow-100", clients=4) as elsewhere,
    ):
        await asyncio.sleep(2)
        with silence(cut.host):
            leased = house.leased(cut)
            at = len(denied.seen)
            assert await _only(503, denied, 20, LEASE_USED_S_MAX), "denied once what was leased is used"
            answered = [one for one in denied.seen[at:] if one.is_answered]
            assert sum(house.shop.billed[one.name] for one in answered) <= leased
            assert max(one.took_s for one in denied.seen[-20:]) < 2.0, "and at once"
            allowed = ask(cut, key["key"], "shop-slow-1500", name="cut-1")
            assert allowed.status_code == 200, allowed.text
            assert await elsewhere.see(10, 10), "the others don't notice"
        healed_s = time.monotonic()
        assert await denied.see(10, 15), "calls are answered again"
        assert time.monotonic() - healed_s < 10
    seen = denied.seen + elsewhere.seen
    assert sum(one.is_answered for one in denied.seen) > 20
    names = {one.name for one in seen}
    lines = house.settled(seen, "denied", key["id"])
    assert {one.call for one in seen if one.is_answered} <= {line.id for line in lines}
    assert len({line.id for line in lines}) == len(lines)
    spent = parse_usd(house.budget("denied").spent_usd) - before
    assert spent == sum(cost for name, cost in house.shop.billed.items() if name in names)
    assert parse_usd(house.budget("denied").reserved_usd) == 0


def test_a_key_revoked_meanwhile_is_refused_at_a_host_that_is_cut_off(house: Cluster) -> None:
    """There the last state serves for max_stale and no longer; then every key is refused."""
    key, other = house.first.key("revoked meanwhile"), house.first.key("kept")
    cut = house.gateways[1]
    until(lambda: ask(cut, other["key"]).status_code == 200, PATIENCE_S, "the key is known")
    assert ask(cut, key["key"]).status_code == 200
    with silence(cut.host):
        began_s = time.monotonic()
        answer = house.first.api.delete(f"/keys/{key['id']}")
        assert answer.status_code == 200, answer.text
        for gateway in (house.gateways[0], house.gateways[2]):
            assert ask(gateway, key["key"]).status_code == 401
        assert ask(cut, key["key"]).status_code == 200, "it can't know"
        took_s = until(lambda: ask(cut, key["key"]).status_code == 503, MAX_STALE_S + 2, "stale")
        assert time.monotonic() - began_s > MAX_STALE_S - 2, took_s
        assert ask(cut, other["key"]).status_code == 503
    until(lambda: ask(cut, other["key"]).status_code == 200, 10, "keys are known again")
    assert ask(cut, key["key"]).status_code == 401


def test_a_database_that_refuses_is_noticed_at_once(house: Cluster) -> None:
    """Loud, where the other partitions are silent: every attempt fails."""
    cut, database = house.gateways[1], house.databases[0]
    key = house.first.key("loud", may_assert=True)["key"]
    until(lambda: ask(cut, key).status_code == 200, PATIENCE_S, "the key is known")
    cut.host.refuse(database.host)
    try:
        until(lambda: not _is_ready(cut), 12, "readyz says so")
        assert ask(cut, key).status_code == 200, "what no budget counts goes on"
        answer = ask(cut, key, "shop-slow-100", "loud-1")
        assert answer.status_code == 503 and answer.json()["error"]["code"] == "unavailable"
    finally:
        cut.host.accept(database.host)
    until(lambda: _is_ready(cut), 10, "ready again")
    until(lambda: ask(cut, key, "shop-slow-100", "loud-2").status_code == 200, 5, "granted again")


def test_a_host_that_vanishes_in_a_transaction_holds_nobody_back(house: Cluster) -> None:
    """The database's own patience with lines that are gone would be two hours."""
    key = house.first.key("held back", may_assert=True)["key"]
    ask(house.first, key, "shop-slow-100", "before")
    gone = house.network.hosts[-1]
    held = subprocess.Popen(
        gone.command(sys.executable, "-c", HOLDING, house.database_url), stdout=subprocess.PIPE, text=True
    )
    try:
        assert held.stdout is not None and held.stdout.readline() == "held\n"
        with silence(gone):
            took_s = until(
                lambda: ask(house.first, key, "shop-slow-100", "after").status_code == 200,
                VANISHED_S_MAX,
                "the rows that it had locked are free",
            )
        assert took_s > 1, "they had been locked"
    finally:
        held.kill()
        held.wait()
        if held.stdout is not None:
            held.stdout.close()


def _is_ready(gateway: GatewayHost) -> bool:
    answer = httpx.get(f"{gateway.url}/readyz", timeout=10, trust_env=False)
    return answer.status_code == 200


@pytest.mark.timeout(180)
async def test_a_host_that_crashes_and_comes_back(house: Cluster) -> None:
    """What it had begun is charged in full, what it answered is on record, once it is back."""
    key = house.first.key("crashing", may_assert=True)
    host = house.gateways[2]
    async with (
        house.visitors(host, key["key"], "shop-slow-1500", clients=4) as crashing,
        house.visitors(house.gateways[1], key["key"], "shop-slow-1500", clients=2) as elsewhere,
    ):
        await crashing.see(4, 20)
        await asyncio.sleep(0.7)
        host.crash()
        assert await elsewhere.see(2, 20)
    assert parse_usd(house.budget("allowed").reserved_usd) > 0, "nothing is released by waiting"
    second = GatewayHost(house.network.hosts[-2], house.folder, house.database_url, house.config)
    second.data = host.data
    host.start()
    host.wait()
    second.start()
    assert second.process is not None
    assert second.process.wait(60) != 0
    assert "in use by process" in second.log.read_text()
    second.stop()
    second.api.close()
    assert ask(host, key["key"]).status_code == 200
    seen = crashing.seen + elsewhere.seen
    lines = house.settled(seen, "allowed", key["id"])
    assert {one.call for one in seen if one.is_answered} <= {line.id for line in lines}
    assert len({line.id for line in lines}) == len(lines)
    line = house.budget("allowed")
    assert parse_usd(line.reserved_usd) == 0
    names = {one.name for one in seen} | {"cut-1"}
    bill = sum(cost for name, cost in house.shop.billed.items() if name in names)
    assert bill <= parse_usd(line.spent_usd) <= parse_usd(line.limit_usd)
    estimated = [one for one in lines if one.estimated]
    assert estimated and all(parse_usd(one.cost_usd or "0") > COST_MAX for one in estimated)
