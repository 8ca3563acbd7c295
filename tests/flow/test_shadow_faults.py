"""Shadows whose candidate hangs, refuses, streams for ever or dies with the gateway: nobody notices."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest
from demo.running import headgate
from tests.flow.rollout_house import ROLLOUT, SOON_S, House
from tests.flow.scripted_provider import PROVIDERS, ScriptedProvider, delta, error, stream

CONFIG = (
    PROVIDERS
    + """
[providers.nowhere]
kind = "openai-compatible"
base_url = "http://127.0.0.1:9/v1"

[models.direct]
targets = ["b/failing"]
retry = {{ attempts = 1 }}

[prices."a/killed"]
input = "0"
output = "1000"

[prices."b/killed"]
input = "0"
output = "1000"

[[budgets]]
name = "killed"
scope = {{ model = "killed" }}
limit = "10 USD"
window = "total"
"""
)
NAMES = ("hangs", "refuses", "failing", "gone", "endless", "killed")
AT_ONCE_MAX = 8


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as scripted:
        scripted.on("b", "hangs", ("wait",))
        scripted.on("b", "refuses", error(401, "no such key"))
        scripted.on("b", "failing", error(500, "no"))
        words = [delta("word " * 10_000) for _ in range(200)]
        scripted.on("b", "endless", stream(*words, "wait", end=False))
        scripted.on("b", "killed", ("wait",))
        yield scripted


@pytest.fixture(scope="module")
def house(provider: ScriptedProvider) -> Iterator[House]:
    config = CONFIG.format(port=provider.port)
    for name in NAMES:
        config += ROLLOUT.format(name=name, more="shadow = { share = 1.0 }", units=10_000)
    config = config.replace('targets = ["b/gone"]', 'targets = ["nowhere/gone"]')
    with headgate(config) as running:
        yield House(running, provider)


def ask_all(house: House, name: str, calls: int, **more: Any) -> None:
    """Make calls four at a time: every one is answered, and by the present."""

    def one(_: int) -> str:
        told = house.ask(name, **more)
        assert told.is_success, told.text
        return told.headers["x-headgate-target"]

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(one, range(calls))) == {f"a/{name}"}


def test_a_candidate_that_hangs_keeps_nobody_waiting_and_holds_few_at_once(house: House) -> None:
    house.begun("hangs")
    peak, over = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.is_set():
            waiting = [one for one in house.provider.received("b", "hangs") if not one.hung_up.is_set()]
            peak = max(peak, len(waiting))
            time.sleep(0.01)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        ask_all(house, "hangs", 60)
    finally:
        over.set()
        watching.join()
    gateways = len(house.running.worker_pids("gateway"))
    assert 1 <= peak <= AT_ONCE_MAX * gateways
    house.wait_for_note("hangs", f"{AT_ONCE_MAX} were on their way already")


@pytest.mark.parametrize("name", ["refuses", "failing", "gone"])
def test_a_candidate_that_refuses_every_call_falls_back_unnoticed(house: House, name: str) -> None:
    shown, served = house.ask_until(name, "back")
    assert served == {"a"}
    assert "errors is worse by at least" in shown["moves"][0]["why"]


def test_what_fails_in_the_shadow_is_no_reason_to_rest_for_callers(house: House) -> None:
    failed = len(house.provider.received("b", "failing"))
    assert failed >= 10, "the shadows have failed more often than opens a breaker"
    told = house.ask("direct")
    assert told.status_code == 502 and "given a rest" not in told.text
    assert len(house.provider.received("b", "failing")) == failed + 1
    assert house.running.get("/alerts", kind="breaker_open")["items"] == []


def test_a_candidate_that_streams_for_ever_is_cut_and_counts_as_one_that_fails(house: House) -> None:
    house.provider.on("a", "endless", stream(delta("hello"), b"data: [DONE]\n\n"))
    deadline = time.monotonic() + SOON_S
    while house.shown("endless")["rollout"]["stage"] != "back":
        ask_all(house, "endless", 8, stream=True)
        assert time.monotonic() < deadline, house.shown("endless")
    received = house.provider.received("b", "endless")
    house.until(lambda: all(one.hung_up.is_set() for one in received), lambda: "a stream is still read")
    (record, *_) = house.running.requests(target="b/endless")
    assert (record["code"], record["truncated"]) == ("client_closed", True)


def test_a_gateway_killed_while_shadows_run_loses_nothing_of_its_callers(house: House) -> None:
    house.begun("killed")
    served = len(house.provider.received("a", "killed"))
    house.running.wait_for_requests(served, model="killed", target="a/killed")
    before = house.running.worker_pids("gateway")
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    def answers() -> bool:
        try:
            return house.ask("killed").is_success
        except httpx.TransportError:
            return False

    house.until(answers, lambda: "no gateway is back")
    shadows = house.until(
        lambda: house.running.requests(model="killed", code="interrupted"),
        lambda: "the shadow is not on record",
    )
    detail = house.running.get(f"/requests/{shadows[0]['id']}")
    assert detail["exposures"][0]["by"] == "shadow", "it is no call of a caller's"
    answered = house.running.requests(model="killed", status="2xx")
    assert len(answered) >= served
    (budget,) = [each for each in house.running.get("/budgets")["items"] if each["name"] == "killed"]
    assert Decimal(budget["spent_usd"]) <= 10
