"""A gateway that is killed takes no call out of its arm: what began there counts as an error of it."""

import os
import signal
import threading
import time
from collections.abc import Generator
from typing import Any

import httpx
import psycopg
import pytest
from demo.running import Running, headgate
from tests.flow.scripted_provider import PROVIDERS, ScriptedProvider

CONFIG = (
    PROVIDERS
    + """
[models.assistant]
targets = ["a/assistant"]

[[experiments]]
name = "risky"
alias = "assistant"
arms = [{{ name = "now", share = 1 }}, {{ name = "new", share = 1, targets = ["b/assistant"] }}]
metrics = [{{ name = "solved", kind = "event" }}]
"""
)


@pytest.fixture
def provider() -> Generator[ScriptedProvider]:
    with ScriptedProvider() as scripted:
        yield scripted


def ask(house: Running, key: str, user: str) -> httpx.Response | None:
    """Ask for one answer; None where the connection broke off."""
    try:
        return httpx.post(
            f"{house.url}/v1/chat/completions",
            json={"model": "assistant", "user": user, "messages": [{"role": "user", "content": "hi"}]},
            headers={"authorization": f"Bearer {key}"},
            timeout=30,
            trust_env=False,
        )
    except httpx.TransportError:
        return None


def rows(house: Running, asked: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(house.database_url(), autocommit=True) as connection:
        return connection.execute(asked.encode()).fetchall()


def wait_for(house: Running, asked: str, expected: list[tuple[Any, ...]]) -> None:
    deadline = time.monotonic() + 30
    while (found := rows(house, asked)) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_a_call_whose_gateway_is_killed_counts_for_its_arm(provider: ScriptedProvider) -> None:
    with headgate(CONFIG.format(port=provider.port), workers=1) as house:
        key = house.make_key("risky", may_assert=True)
        users = {
            given.headers["x-headgate-target"]: f"u{number}"
            for number in range(32)
            if (given := ask(house, key, f"u{number}")) is not None
        }
        assert set(users) == {"a/assistant", "b/assistant"}
        user = users["b/assistant"]
        provider.on("b", "assistant", ("wait",))
        known = len(provider.received("b", "assistant"))
        asking = threading.Thread(target=ask, args=(house, key, user))
        asking.start()
        deadline = time.monotonic() + 15
        while len(provider.received("b", "assistant")) == known:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(house.worker_pids("gateway")[0], signal.SIGKILL)
        asking.join()
        wait_for(
            house,
            f"select arm, calls, errors, crossed from experiment_units where unit = '{user}'",
            [("new", 2, 1, 0)],
        )
        wait_for(
            house,
            "select exposures->0->>'arm', exposures->0->>'unit' from requests where code = 'interrupted'",
            [("new", user)],
        )
