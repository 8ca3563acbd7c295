"""A whole `headgate up` with four gateways, a provider that keeps books, and 200 clients who spend."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import time
from collections.abc import Generator, Iterator, Mapping
from typing import Any, NamedTuple

import psycopg
from bench.overspend_clients import Call, Crowd, Place
from bench.overspend_provider import PRICES_USD, Bill, content, provider
from bench.overspend_provider import Running as Shop
from demo.running import Running, headgate

from headgate.core.money import format_usd, parse_usd

PROCESSES = 4
CLIENTS = 200
SHIPPED_S_MAX = 45.0

PROVIDER = """
[providers.shop]
kind = "openai-compatible"
base_url = "{base_url}"
max_concurrent = 1000
max_queued = 1000
"""

MODEL = """
[models.{name}]
targets = ["shop/{name}"]

[prices."shop/{name}"]
input = "{input}"
output = "{output}"
"""


class Window(NamedTuple):
    """What the database says of a meter's window, in pico-USD."""

    name: str
    subject: str
    spent: int
    leased: int
    overrun: int
    limit: int


class Siege:
    """What is attacked, and those who attack."""

    def __init__(self, house: Running, shop: Shop, keys: Mapping[str, str]) -> None:
        self.house = house
        self.shop = shop
        self.keys = keys
        self._kills = random.Random(shop.seed)

    def crowd(self, calls: Iterator[Call], *, clients: int = CLIENTS) -> Crowd:
        port = int(self.house.url.rpartition(":")[2])
        return Crowd(Place([port], "/v1/chat/completions"), calls, clients=clients, seed=self.shop.seed)

    def calls(
        self,
        *,
        models: tuple[str, ...] = ("large",),
        users: int = 1,
        skew: int = 1,
        output_max: int = 40,
        least_part: float = 0.0,
        hangups: float = 0.0,
        prefix: str = "c",
        only: str | None = None,
    ) -> Iterator[Call]:
        """Calls without end, each different; the same ones for the same seed.

        The first key, and the first half of the users, make `skew` times as many as each of the others.
        """
        keys = sorted(self.keys) if only is None else [only]
        key_weights = [skew, *(1 for _ in keys[1:])]
        user_weights = [skew if number < users // 2 else 1 for number in range(users)]
        chance = random.Random(f"{self.shop.seed}/{prefix}")
        for number in itertools.count():
            key = chance.choices(keys, key_weights)[0]
            user = f"user-{chance.choices(range(users), user_weights)[0]}"
            text = content(f"{prefix}{number}", key, user, output_max, least_part)
            body: dict[str, Any] = {
                "model": chance.choice(models),
                "messages": [{"role": "user", "content": text}],
                "max_tokens": output_max,
                "stream": chance.random() < 0.5,
            }
            hangup_s = chance.uniform(0.001, 0.1) if chance.random() < hangups else None
            headers = {"authorization": f"Bearer {self.keys[key]}", "x-headgate-user": user}
            yield Call(f"{prefix}{number}", json.dumps(body).encode(), headers, hangup_s)

    async def bound(self, model: str = "large", **fields: Any) -> int:
        """The most that one such call can cost, as the gateway says, in pico-USD."""
        crowd = self.crowd(
            itertools.islice(self.calls(models=(model,), prefix="bound", **fields), 1), clients=1
        )
        await crowd.run()
        [seen] = crowd.seen
        assert seen.is_answered, seen
        [line] = await asyncio.to_thread(self.house.wait_for_requests, 1)
        attempts = (await asyncio.to_thread(self.house.get, f"/requests/{line['id']}"))["attempts"]
        return max(parse_usd(attempt["reserved_usd"]) for attempt in attempts)

    async def kill_now_and_then(self, every_s: float, killed: list[int]) -> None:
        """End one gateway after the other without a word."""
        while True:
            await asyncio.sleep(every_s)
            pids = await asyncio.to_thread(self.house.worker_pids, "gateway")
            if pids:
                victim = self._kills.choice(pids)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
                killed.append(victim)

    def settled_windows(self) -> list[Window]:
        """Wait until no gateway holds anything of any budget, and return what the database says of each."""
        deadline_s = time.monotonic() + SHIPPED_S_MAX
        while True:
            found = windows(self.house)
            if all(window.leased == 0 for window in found) or time.monotonic() > deadline_s:
                return found
            time.sleep(0.1)

    def bill(self) -> Bill:
        return self.shop.bill()


def windows(house: Running) -> list[Window]:
    """Each window of each meter with what was spent, what is leased, and its limit, in pico-USD."""
    query = """
        select b.name, m.subject, w.spent, w.leased, w.overrun, b.limit_pico
        from meter_windows w join meters m on m.id = w.meter join budgets b on b.id = m.budget
        order by b.name, m.subject, w.starts_at
    """
    with psycopg.connect(house.database_url()) as connection:
        rows = connection.execute(query).fetchall()
    return [
        Window(
            name=name,
            subject=subject,
            spent=int(spent),
            leased=int(leased),
            overrun=int(over),
            limit=int(most),
        )
        for name, subject, spent, leased, over, most in rows
    ]


def usd(pico_usd: int) -> str:
    return f'"{format_usd(pico_usd)} USD"'


def budget(name: str, scope: str, limit_pico_usd: int, window: str) -> str:
    return (
        f'\n[[budgets]]\nname = "{name}"\nscope = {scope}\n'
        f'limit = {usd(limit_pico_usd)}\nwindow = "{window}"\n'
    )


@contextlib.contextmanager
def besieged(
    budgets: str, *, keys: int = 1, seed: int = 7, latency_s: float = 0.06, error_rate: float = 0.0
) -> Generator[Siege]:
    models = "".join(
        MODEL.format(name=name, input=price[0], output=price[1]) for name, price in PRICES_USD.items()
    )
    with provider(seed, latency_s=latency_s, error_rate=error_rate) as shop:
        config = PROVIDER.format(base_url=shop.base_url) + models + budgets
        with headgate(config, workers=PROCESSES) as house:
            made = {
                f"key-{number}": house.make_key(f"key-{number}", may_assert=True) for number in range(keys)
            }
            yield Siege(house, shop, made)
