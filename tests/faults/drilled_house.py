"""A whole `headgate up` on a provider that keeps books, and the three accounts held against each other."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from demo.running import Running, headgate
from tests.faults.bookkeeper import PRICES, Bookkeeper
from tests.faults.provider_books import judge_provider

from headgate.core.money import parse_usd
from headgate.drills.books import judge_budget, judge_calls
from headgate.drills.household import Household
from headgate.drills.model import BudgetLine, Line, Seen, Verdict
from headgate.drills.visitors import Manner, Visitors

CONFIG = """
[server]
on_hangup = "{on_hangup}"

[providers.shop]
kind = "openai-compatible"
base_url = "{base_url}"

[providers.free]
kind = "openai-compatible"
base_url = "{base_url}"

[[budgets]]
name = "house"
scope = {{ provider = "shop" }}
limit = "{limit} USD"
window = "total"
"""

ALIAS = """
[models."{name}"]
targets = ["{target}"]
retry = {{ attempts = 1 }}
"""

FIELDS = {"max_tokens": 40}
SHIPPED_S_MAX = 45.0


class Drilled:
    """A running house, its provider and a key that may say whose a call is."""

    def __init__(self, house: Running, shop: Bookkeeper, config: str) -> None:
        self.house = house
        self.config = config
        self.shop = shop
        self.household = Household(house.folder / "data")
        self.key = house.make_key(f"visitors-{uuid.uuid4().hex[:8]}", may_assert=True)

    def visitors(self, model: str = "assistant", *, key: str | None = None, **manner: object) -> Visitors:
        chosen = msgspec.convert({"model": model, "fields": FIELDS, **manner}, Manner)
        return Visitors(self.house.url, key or self.key, chosen)

    def budget(self, name: str = "house") -> BudgetLine:
        [found] = [item for item in self.house.get("/budgets")["items"] if item["name"] == name]
        return msgspec.convert(found, BudgetLine)

    def lines(self) -> list[Line]:
        return msgspec.convert(self.house.requests(), list[Line])


@contextlib.contextmanager
def drilled(
    *,
    workers: int = 2,
    limit: str = "1000",
    on_hangup: str = "close",
    models: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    database_url: str | None = None,
) -> Generator[Drilled]:
    with Bookkeeper() as shop:
        config = CONFIG.format(base_url=shop.base_url, limit=limit, on_hangup=on_hangup)
        for name, provider in (("assistant", "shop"), ("unmetered", "free")):
            config += ALIAS.format(name=name, target=f"{provider}/model")
        for model in models:
            config += ALIAS.format(name=model, target=f"shop/{model}")
        for model in ("model", *models):
            config += "".join(PRICES.format(provider=name, model=model) for name in ("shop", "free"))
        with headgate(
            config, workers=workers, environment=environment, folder=folder, database_url=database_url
        ) as house:
            yield Drilled(house, shop, config)


@contextlib.contextmanager
def again(place: Drilled) -> Generator[Drilled]:
    """Start a house again whose processes are gone, on what they left behind."""
    with headgate(place.config, workers=2, folder=place.house.folder) as house:
        yield Drilled(house, place.shop, place.config)


def settled(place: Drilled, seen: Sequence[Seen], *, timeout_s: float = SHIPPED_S_MAX) -> list[Line]:
    """Wait until all that was answered or billed is on record and nothing is reserved; return the records."""
    wanted = {one.call for one in seen if one.is_answered}
    deadline_s = time.monotonic() + timeout_s
    while True:
        lines = place.lines()
        is_there = wanted <= {line.id for line in lines} and set(place.shop.billed) <= {
            line.user for line in lines
        }
        if is_there and parse_usd(place.budget().reserved_usd) == 0:
            # Once more: what was settled between the two looks is in both now.
            return place.lines()
        if time.monotonic() > deadline_s:
            return lines
        time.sleep(0.2)


def broken(place: Drilled, seen: Sequence[Seen]) -> list[Verdict]:
    """Judge all promises of calls and money; return the verdicts that did not hold."""
    lines = settled(place, seen)
    budget = place.budget()
    metered = [line for line in lines if line.target is None or line.target.startswith("shop/")]
    verdicts = [
        *judge_calls(seen, lines),
        *judge_provider(place.shop.billed, lines),
        *judge_budget(budget, metered),
        Verdict(
            promise="nothing stays reserved",
            seen=f"{budget.reserved_usd} USD",
            kept=parse_usd(budget.reserved_usd) == 0,
        ),
    ]
    return [verdict for verdict in verdicts if not verdict.kept]


async def until(condition: object, timeout_s: float) -> bool:
    """Wait until a callable says yes; say whether it did in time."""
    assert callable(condition)
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        await asyncio.sleep(0.05)
    return True
