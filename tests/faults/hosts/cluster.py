"""Several hosts with Headgate, one database (or two) and one provider, each on a host of its own."""

import contextlib
import re
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
from demo.running import chat
from tests.faults.hosts.gateway_host import GatewayHost
from tests.faults.hosts.network import Network
from tests.faults.hosts.postgres_host import PostgresHost
from tests.faults.hosts.shop import PRICE, Shop
from tests.faults.provider_books import judge_provider

from headgate.core.money import parse_usd
from headgate.drills.books import judge_budget, judge_calls
from headgate.drills.model import BudgetLine, Line, Seen, Verdict
from headgate.drills.visitors import Manner, Visitors

MODELS = ("quick", "slow-100", "slow-1500")
CONFIG = """
[server]
max_stale = "{max_stale}"

[providers.shop]
kind = "openai-compatible"
base_url = "{base_url}"

[providers.open]
kind = "openai-compatible"
base_url = "{base_url}"
{models}{more}"""
MODEL = """
[models.{provider}-{model}]
targets = ["{provider}/{model}"]
retry = {{ attempts = 1 }}
"""
BOUND_TOKENS = 40
FIELDS = {"max_tokens": BOUND_TOKENS}
NAMED_LIKE = "drill-12345678-1234"
SETTLED_S_MAX = 60.0
ANSWERED_S_MAX = 5.0


class Cluster:
    """The hosts, by their names `a`, `b` and `c`."""

    def __init__(
        self, network: Network, folder: Path, shop: Shop, databases: list[PostgresHost], config: Path
    ) -> None:
        self.network = network
        self.folder = folder
        self.shop = shop
        self.databases = databases
        self.config = config
        self.gateways: list[GatewayHost] = []

    @property
    def database_url(self) -> str:
        """The URL that gateways are given: of whichever database takes writes."""
        places = ",".join(f"{each.host.store_address}:5432" for each in self.databases)
        return f"postgresql://postgres@{places}/headgate?target_session_attrs=read-write"

    @property
    def first(self) -> GatewayHost:
        return self.gateways[0]

    def visitors(self, gateway: GatewayHost, key: str, model: str, **manner: Any) -> Visitors:
        """Clients of one host. Their calls carry their names, and the provider bills those."""
        chosen = {"model": model, "fields": FIELDS, "stream_every": 0, **manner}
        return Visitors(gateway.url, key, msgspec.convert(chosen, Manner))

    def budget(self, name: str) -> BudgetLine:
        [found] = [item for item in self.first.items("/budgets") if item["name"] == name]
        return msgspec.convert(found, BudgetLine)

    def leased(self, gateway: GatewayHost) -> int:
        """What the database has granted to a host's gateways and not heard of again, in pico-USD."""
        host_id = (gateway.data / "state" / "host.id").read_text()
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            row = connection.execute(
                "select coalesce(sum(lease_held(granted, returned, settled)), 0) from leases "
                "join gateways using (boot) where host_id = %s",
                (host_id,),
            ).fetchone()
        assert row is not None
        return int(row[0])

    def lines(self, key: str | None = None, **parameters: Any) -> list[Line]:
        """All records, or those of one key's id."""
        wanted = {"key": key} if key else {}
        return msgspec.convert(self.first.items("/requests", **wanted, **parameters), list[Line])

    def settled(self, seen: list[Seen], budget: str, key: str) -> list[Line]:
        """Wait until all is on record and nothing is reserved; return that key's records."""
        wanted = {one.call for one in seen if one.is_answered}
        deadline_s = time.monotonic() + SETTLED_S_MAX
        while True:
            lines = self.lines(key)
            is_there = wanted <= {line.id for line in lines}
            if is_there and parse_usd(self.budget(budget).reserved_usd) == 0:
                return self.lines(key)
            if time.monotonic() > deadline_s:
                print(f"not settled: {self.budget(budget)}")
                for gateway in self.gateways:
                    print(gateway.host.name, gateway.log.read_text()[-4000:])
                return lines
            time.sleep(0.3)

    def broken(self, seen: list[Seen], budget: str, key: str) -> list[Verdict]:
        """Judge all promises of the calls of one key, which is all that one budget counts."""
        lines = self.settled(seen, budget, key)
        line = self.budget(budget)
        names = {one.name for one in seen}
        billed = {name: cost for name, cost in self.shop.billed.items() if name in names}
        verdicts = [
            *judge_calls(seen, lines),
            *judge_provider(billed, lines),
            *judge_budget(line, lines),
            Verdict(
                promise="nothing stays reserved",
                seen=f"{line.reserved_usd} USD",
                kept=parse_usd(line.reserved_usd) == 0,
            ),
            Verdict(
                promise="the provider's bill is within the limit",
                seen=f"{sum(billed.values())} of {parse_usd(line.limit_usd)}",
                kept=sum(billed.values()) <= parse_usd(line.limit_usd),
            ),
        ]
        return [verdict for verdict in verdicts if not verdict.kept]


def ask(gateway: GatewayHost, key: str, model: str = "open-quick", name: str = "one") -> httpx.Response:
    """Make one call at a host."""
    return chat(gateway.url, key, model, user=name, max_tokens=BOUND_TOKENS)


def bound_of(gateway: GatewayHost) -> int:
    """What a visitor's call may cost at most, as a budget says that can't pay for it; in pico-USD."""
    key = gateway.key("poor", budgets=[{"name": "poor", "limit": "0.000001 USD", "window": "total"}])
    try:
        message = ask(gateway, key["key"], name=NAMED_LIKE).json()["error"]["message"]
        found = re.search(r"may cost up to ([\d.]+) USD", message)
        assert found is not None, message
        return parse_usd(found[1])
    finally:
        gateway.api.delete(f"/keys/{key['id']}")


def until(condition: Callable[[], bool], timeout_s: float, what: str) -> float:
    """Wait until it holds; return how long that took."""
    began_s = time.monotonic()
    while not condition():
        took_s = time.monotonic() - began_s
        assert took_s < timeout_s, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - began_s


@contextlib.contextmanager
def cluster(
    *, gateways: int = 3, workers: int = 1, more: str = "", max_stale: str = "5m", standby: bool = False
) -> Generator[Cluster]:
    """Run them all for the length of a block. `more`: what else stands in headgate.toml."""
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="hgh-", ignore_cleanup_errors=True))
        )
        network = stack.enter_context(Network())
        shop = stack.enter_context(Shop(network.gateway))
        databases = [PostgresHost(network.host("da"), folder)]
        databases[0].make_primary()
        if standby:
            databases.append(PostgresHost(network.host("db"), folder))
            databases[1].make_standby_of(databases[0])
        config = folder / "headgate.toml"
        config.write_text(configuration(shop, more=more, max_stale=max_stale))
        running = Cluster(network, folder, shop, databases, config)
        for name in "abcdef"[:gateways]:
            host = network.host(name)
            running.gateways.append(GatewayHost(host, folder, running.database_url, config, workers=workers))
        stack.callback(_stop, running)
        for gateway in running.gateways:
            gateway.start()
        for gateway in running.gateways:
            gateway.wait()
        yield running


def configuration(shop: Shop, *, more: str = "", max_stale: str = "5m") -> str:
    """Write a headgate.toml: `more` names the budgets and limits of the provider `shop`."""
    pairs = [(provider, model) for provider in ("shop", "open") for model in MODELS]
    models = "".join(MODEL.format(provider=provider, model=model) for provider, model in pairs)
    models += "".join(PRICE.format(target=f"{provider}/{model}") for provider, model in pairs)
    return CONFIG.format(base_url=shop.base_url, models=models, more=more, max_stale=max_stale)


def _stop(running: Cluster) -> None:
    # All at once: each drains for itself. Whatever stays goes with its host.
    for gateway in running.gateways:
        gateway.api.close()
        if gateway.process is not None:
            gateway.process.terminate()
    for gateway in running.gateways:
        gateway.stop()
