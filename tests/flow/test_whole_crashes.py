"""The whole system: killing a gateway loses no answered call, and configuration reloads live."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator

import httpx
import pytest
from demo.running import Running, chat, headgate

CONFIG = """
[providers.mock]
kind = "mock"
output_tokens = 20
latency = "20ms"

[models.assistant]
targets = ["mock/model"]
"""


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    with headgate(CONFIG, workers=2) as running:
        yield running


def test_a_first_call_is_listed_and_a_revoked_key_is_refused_within_a_second(house: Running) -> None:
    created = house.api.post("/keys", json={"name": "short-lived"}).json()
    key = created["key"]
    assert chat(house.url, key, "assistant").status_code == 200
    began = time.monotonic()
    assert len(house.wait_for_requests(1, timeout_s=5)) == 1
    assert time.monotonic() - began < 1.0
    assert house.api.delete(f"/keys/{created['id']}").status_code in (200, 204)
    began = time.monotonic()
    while chat(house.url, key, "assistant").status_code != 401:
        assert time.monotonic() - began < 1.0
    error = chat(house.url, key, "assistant").json()["error"]
    assert error["code"] == "invalid_key"
    assert key not in str(error)


async def test_kill_9_of_a_gateway_loses_no_answered_call(house: Running) -> None:
    key = house.make_key()
    answered: list[str] = []
    seen = asyncio.Semaphore(0)
    stop = asyncio.Event()

    async def client() -> None:
        async with httpx.AsyncClient(base_url=house.url, timeout=20, trust_env=False) as http:
            while not stop.is_set():
                try:
                    answer = await http.post(
                        "/v1/chat/completions",
                        json={"model": "assistant", "messages": [{"role": "user", "content": "hi"}]},
                        headers={"authorization": f"Bearer {key}"},
                    )
                except httpx.TransportError:
                    continue
                if answer.status_code == 200:
                    answered.append(answer.headers["x-headgate-request-id"])
                    seen.release()

    async def until_answered(more: int) -> None:
        for _ in range(more):
            await seen.acquire()

    clients = [asyncio.create_task(client()) for _ in range(8)]
    try:
        async with asyncio.timeout(60):
            for _ in range(3):
                await until_answered(20)
                os.kill(house.worker_pids("gateway")[0], signal.SIGKILL)
            await until_answered(20)
    finally:
        stop.set()
        await asyncio.gather(*clients)
    assert len(answered) > 50
    # Calls that broke off are on record too, so that a count alone does not tell when all are there.
    deadline = time.monotonic() + 20
    records = house.requests()
    while not set(answered) <= {record["id"] for record in records} and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
        records = house.requests()
    recorded = [record["id"] for record in records]
    assert len(recorded) == len(set(recorded)), "each call is on record once"
    assert set(answered) <= set(recorded), "every call that a client saw answered is on record"


def test_a_change_of_the_file_takes_effect_and_a_wrong_one_is_refused_whole(house: Running) -> None:
    key = house.make_key("of the change")
    before = house.get("/status")["snapshot"]
    house.config_path.write_text(CONFIG.replace("[models.assistant]", "[models.helper]"))
    deadline = time.monotonic() + 10
    while chat(house.url, key, "helper").status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert chat(house.url, key, "assistant").status_code == 404
    deadline = time.monotonic() + 10
    while (changed := house.get("/status")["snapshot"]) == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    house.config_path.write_text(CONFIG.replace("latency", "latncy"))
    deadline = time.monotonic() + 10
    while "latncy" not in house.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "headgate.toml:5" in house.log.read_text()
    assert house.get("/status")["snapshot"] == changed, "the old one stays in force"
    assert chat(house.url, key, "helper").status_code == 200
