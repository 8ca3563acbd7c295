"""A stand-in behind a port: what it counts, and how it fails on demand."""

import asyncio
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from headgate.catalog.model import MockSettings
from headgate.standins.exchanges import FIXTURES, RecordedExchange, load_exchanges
from headgate.standins.mock import MockTransport
from headgate.standins.replay import ReplayTransport
from headgate.standins.served import serve_standin

CHAT = "/v1/chat/completions"
BODY: dict[str, Any] = {"model": "mock-small", "messages": [{"role": "user", "content": "About rivers"}]}


async def test_calls_connections_and_tokens_are_counted() -> None:
    async with (
        serve_standin(MockTransport(MockSettings())) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        answers = [await client.post(CHAT, json=BODY, headers={"x-mine": "1"}) for _ in range(3)]
        tokens = sum(answer.json()["usage"]["total_tokens"] for answer in answers)
        assert server.bill.usage.total == tokens
        assert server.bill.calls == server.counts[CHAT] == 3
        assert server.connections == 1
        assert server.requests[0].header(b"x-mine") == b"1"
        assert json.loads(server.requests[0].body) == BODY


async def test_base_urls_fit_their_kind() -> None:
    async with (
        serve_standin(MockTransport(MockSettings())) as server,
        httpx.AsyncClient() as client,
    ):
        for kind, path in (("openai", "/chat/completions"), ("anthropic", "/messages"), ("mock", CHAT)):
            body = {**BODY, "max_tokens": 10}
            assert (await client.post(server.base_url(kind) + path, json=body)).status_code == 200
        google = {"contents": [{"parts": [{"text": "Hi"}]}]}
        path = server.base_url("google") + "/models/m:generateContent"
        assert (await client.post(path, json=google)).status_code == 200


async def test_failures_are_told_to_it_while_it_runs() -> None:
    async with (
        serve_standin(MockTransport(MockSettings())) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        server.fail_with(429)
        refused = await client.post("/v1/messages", json=BODY)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json()["error"]["type"] == "rate_limit_error"
        server.fail_with(None)
        server.stall()
        waiting = asyncio.create_task(client.post(CHAT, json=BODY))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.1)
        server.resume()
        assert (await waiting).status_code == 200


async def test_it_goes_down_and_comes_up_on_the_same_port() -> None:
    async with (
        serve_standin(MockTransport(MockSettings())) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        address = server.url
        assert (await client.post(CHAT, json=BODY)).status_code == 200
        await server.down()
        with pytest.raises(httpx.ConnectError):
            await client.post(CHAT, json=BODY)
        await server.up()
        assert server.url == address
        assert (await client.post(CHAT, json=BODY)).status_code == 200


async def test_going_down_cuts_streams() -> None:
    settings = MockSettings(tokens_per_second=10, output_tokens=500)
    async with (
        serve_standin(MockTransport(settings)) as server,
        httpx.AsyncClient(base_url=server.url) as client,
        client.stream("POST", CHAT, json={**BODY, "stream": True}) as answer,
    ):
        arriving = answer.aiter_raw()
        await anext(arriving)
        await server.down()
        with pytest.raises(httpx.TransportError):
            async for _ in arriving:
                pass


async def test_a_broken_stream_is_seen_as_broken() -> None:
    async with (
        serve_standin(MockTransport(MockSettings(broken_stream_rate=1.0))) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(CHAT, json={**BODY, "stream": True})


async def test_a_client_that_hangs_up_ends_the_answer() -> None:
    settings = MockSettings(tokens_per_second=10, output_tokens=500)
    async with serve_standin(MockTransport(settings)) as server:
        async with (
            httpx.AsyncClient(base_url=server.url) as client,
            client.stream("POST", CHAT, json={**BODY, "stream": True}) as answer,
        ):
            await anext(answer.aiter_raw())
        async with asyncio.timeout(5):
            while server.hung_up == 0:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)
        assert 0 <= server.bill.usage.output < 100


async def test_a_key_is_asked_for_when_there_is_one() -> None:
    async with (
        serve_standin(MockTransport(MockSettings()), key="sk-mine") as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        assert (await client.post(CHAT, json=BODY)).status_code == 401
        for headers in ({"authorization": "Bearer sk-mine"}, {"x-api-key": "sk-mine"}):
            assert (await client.post(CHAT, json=BODY, headers=headers)).status_code == 200


async def test_the_command_serves_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-m", "headgate.standins.served", "--kind", "replay", "--seed", "3"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        url = json.loads(await process.stdout.readline())["url"]
        recorded = load_exchanges(FIXTURES / "openai.jsonl")[0]
        async with httpx.AsyncClient(base_url=url) as client:
            answer = await client.post(recorded.path, json=recorded.request)
        assert answer.text == recorded.response
    finally:
        process.terminate()
        assert await process.wait() == 0


def recorded() -> list[RecordedExchange]:
    beside = Path(__file__).resolve().parents[3] / "shared" / "recorded"
    file = Path(os.environ.get("HEADGATE_RECORDED") or beside) / "exchanges.jsonl.gz"
    if not file.exists():
        pytest.skip(
            "no recorded exchanges: set HEADGATE_RECORDED to the folder that holds exchanges.jsonl.gz"
        )
    return load_exchanges(file)


async def test_real_exchanges_come_back_as_they_were_recorded() -> None:
    exchanges = recorded()
    transport = ReplayTransport(exchanges)
    picked = random.Random(1).sample(exchanges, 60)
    async with (
        serve_standin(transport) as server,
        httpx.AsyncClient(base_url=server.url) as client,
    ):
        for exchange in picked:
            answer = await client.request(exchange.method, exchange.path, json=exchange.request)
            same = [one for one in exchanges if one.request == exchange.request and one.path == exchange.path]
            assert answer.text in {one.response for one in same}
            assert answer.status_code in {one.status for one in same}
    assert transport.matched == 60
