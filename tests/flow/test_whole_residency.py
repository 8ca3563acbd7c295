"""The whole system: with `regions = ["eu"]` and the European target down, nothing is sent elsewhere.

By no strategy, however the European target fails; and where its region doesn't bind, the call does go on.
"""

import asyncio
import socket
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from demo.running import Running, chat, headgate
from tests.flow.scripted_provider import Reply, ScriptedProvider, error

from headgate.catalog.model import MockSettings
from headgate.standins.mock import MockTransport
from headgate.standins.served import serve_standin

CONFIG = """
[providers.europe]
kind = "openai-compatible"
base_url = "{europe}"
regions = ["eu-west-1"]

[providers.america]
kind = "openai-compatible"
base_url = "{america}"
regions = ["us"]

[providers.unknown]
kind = "openai-compatible"
base_url = "{unknown}"

[models.assistant]
targets = ["europe/model", "america/model", "unknown/model"]
retry = {{ attempts = 2, backoff = "1ms" }}

[projects.support]
regions = ["eu"]
"""


async def test_nothing_leaves_the_region() -> None:
    async with (
        serve_standin(MockTransport(MockSettings())) as europe,
        serve_standin(MockTransport(MockSettings())) as america,
        serve_standin(MockTransport(MockSettings())) as unknown,
    ):
        config = CONFIG.format(
            europe=europe.base_url("openai"),
            america=america.base_url("openai"),
            unknown=unknown.base_url("openai"),
        )
        with headgate(config) as house:
            bound = house.make_key("bound", project="support")
            free = house.make_key("free", may_assert=False)
            answer = await asyncio.to_thread(chat, house.url, bound, "assistant")
            assert answer.headers["x-headgate-target"] == "europe/model"

            europe.fail_with(503)
            answer = await asyncio.to_thread(chat, house.url, bound, "assistant")
            assert answer.status_code == 502
            assert not america.requests and not unknown.requests
            await europe.down()
            answer = await asyncio.to_thread(chat, house.url, bound, "assistant")
            assert answer.status_code == 502
            assert not america.requests and not unknown.requests, "nothing was sent elsewhere"
            assert "america/model" in answer.json()["error"]["message"]

            records = await asyncio.to_thread(house.wait_for_requests, 3)
            detail = house.get(f"/requests/{records[0]['id']}")
            excluded = {item["target"]: item["reason"] for item in detail["excluded"]}
            assert set(excluded) == {"america/model", "unknown/model"}
            assert "us" in excluded["america/model"]
            assert "not known" in excluded["unknown/model"]

            answer = await asyncio.to_thread(chat, house.url, free, "assistant")
            assert answer.headers["x-headgate-target"] == "america/model"
            assert len(america.requests) == 1


STRATEGIES = ("fallback", "weighted", "fastest", "cheapest")
FAILURES: dict[str, Reply | None] = {
    "503": error(503),
    "429": error(429),
    "timeout": ("wait",),
    "reset": ("cut",),
    "refused": None,
}
"""How the European target fails; None: nobody listens there."""
ELSEWHERE = ("america", "nowhere")

PLACES = """
[providers.europe]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/europe/v1"
regions = ["eu-west-1"]

[providers.closed]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{closed}/v1"
regions = ["eu-west-1"]

[providers.america]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/america/v1"
regions = ["us"]

[providers.nowhere]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/nowhere/v1"

[projects.support]
regions = ["eu"]
"""
ALIAS = """
[models.{alias}]
targets = [{targets}]
strategy = "{strategy}"
timeout = {{ connect = "1s", first_token = "300ms", idle = "300ms", total = "2s" }}
retry = {{ attempts = 2, backoff = "1ms" }}
"""
PRICE = """
[prices."{target}"]
input = "{price}"
output = "{price}"
"""


class Place(NamedTuple):
    """A running gateway, the providers behind it, and a key of each kind."""

    house: Running
    provider: ScriptedProvider
    bound: str
    free: str


def configured(port: int, closed: int) -> str:
    """An alias for each strategy and failure, whose European target is the least attractive of all."""
    text = PLACES.format(port=port, closed=closed)
    for strategy in STRATEGIES:
        for failure, reply in FAILURES.items():
            alias = f"{strategy}-{failure}"
            home = "europe" if reply else "closed"
            names = [f"{provider}/{alias}" for provider in (home, *ELSEWHERE)]
            targets = ", ".join(f'"{name}"' for name in names)
            if strategy == "weighted":
                targets = ", ".join(
                    f'{{ target = "{name}", weight = {1 if name == names[0] else 50} }}' for name in names
                )
            text += ALIAS.format(alias=alias, targets=targets, strategy=strategy)
            text += "".join(PRICE.format(target=name, price=9 if name == names[0] else 1) for name in names)
    return text


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with ScriptedProvider() as provider, socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and never listened at
        closed = int(nobody.getsockname()[1])
        with headgate(configured(provider.port, closed)) as house:
            bound, free = house.make_key("bound", project="support"), house.make_key("free")
            yield Place(house, provider, bound, free)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nothing_leaves_the_region_by_no_strategy_and_no_failure(
    place: Place, strategy: str, failure: str
) -> None:
    alias = f"{strategy}-{failure}"
    reply = FAILURES[failure]
    if reply is not None:
        place.provider.on("europe", alias, reply)
    for stream in (False, True, False):
        answer = chat(place.house.url, place.bound, alias, stream=stream)
        assert answer.status_code in (429, 502, 503, 504), answer.text
    assert reply is None or place.provider.received("europe", alias)
    assert not [name for name in ELSEWHERE if place.provider.received(name, alias)], "it was sent elsewhere"
    free = chat(place.house.url, place.free, alias)
    assert free.status_code == 200, "where no region binds, it goes on"
    assert [name for name in ELSEWHERE if place.provider.received(name, alias)]
