"""Whole system: providers that stall, reset, dribble, lie about lengths and send garbage, all at once.

Each client is told clearly, each call is on record once, nothing stays held, and who calls a healthy provider
beside them does not notice.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping

import httpx
import msgspec
import pytest
from demo.running import Running, headgate
from tests.flow.scripted_provider import (
    DONE,
    FINISH,
    Reply,
    ScriptedProvider,
    chunked,
    completion,
    delta,
    head,
    stream,
    usage_chunk,
    whole,
)

from headgate.core.money import parse_usd
from headgate.drills.model import Line

ANSWER = json.dumps(completion()).encode()
CHUNKED = "transfer-encoding: chunked"
GARBAGE = bytes(range(1, 256)) * 4
EVENTS = head(200, CHUNKED, kind="text/event-stream")
ROUNDS = 3

WHOLE: Mapping[str, Reply] = {
    "silent": ("wait",),
    "reset": ("cut",),
    "half-a-head": (b"HTTP/1.1 200 OK\r\ncontent-ty", "cut"),
    "stalled-head": (b"HTTP/1.1 200 OK\r\ncontent-ty", "wait"),
    "half-a-body": (head(200, f"content-length: {len(ANSWER)}"), ANSWER[:40], "cut"),
    "stalled-body": (head(200, f"content-length: {len(ANSWER)}"), ANSWER[:40], "wait"),
    "length-too-long": (head(200, f"content-length: {len(ANSWER) + 10}"), ANSWER, "cut"),
    "length-too-short": (head(200, f"content-length: {len(ANSWER) - 10}"), ANSWER, "cut"),
    "length-no-number": (head(200, "content-length: many"), ANSWER, "cut"),
    "two-lengths": (head(200, "content-length: 5", "content-length: 7"), ANSWER, "cut"),
    "both-framings": (head(200, "content-length: 5", CHUNKED), chunked(ANSWER), b"0\r\n\r\n"),
    "garbage": (GARBAGE, "cut"),
    "garbage-body": (whole(GARBAGE), "cut"),
    "empty-body": (whole(b""), "cut"),
    "no-json": (whole(b"<html>busy</html>", kind="text/html"), "cut"),
    "bad-chunk-size": (head(200, CHUNKED), b"zz\r\n" + ANSWER, "cut"),
    "half-a-chunk": (head(200, CHUNKED), b"ffff\r\n" + ANSWER, "cut"),
    "no-last-chunk": (head(200, CHUNKED), chunked(ANSWER), "cut"),
    "status-500": (whole(b'{"error":{"message":"no"}}', 500), "cut"),
    "status-no-body": (whole(b"", 503), "cut"),
    "status-999": (whole(b"", 999), "cut"),
    "redirect": (whole(b"", 302, "location: http://127.0.0.1:1/"), "cut"),
    "endless-head": (b"HTTP/1.1 200 OK\r\n" + b"x-more: yes\r\n" * 20_000, "cut"),
}
STREAMS: Mapping[str, Reply] = {
    "stream-silent": (EVENTS, "wait"),
    "stream-cut-before-a-token": (EVENTS, "cut"),
    "stream-cut": stream(delta("a"), delta("b"), "cut", end=False),
    "stream-stalls": stream(delta("a"), delta("b"), "wait", end=False),
    "stream-half-an-event": stream(delta("a"), delta("b")[:20], "cut", end=False),
    "stream-half-a-chunk": (EVENTS, chunked(delta("a")), b"40\r\ndata: {", "cut"),
    "stream-bad-chunk": (EVENTS, chunked(delta("a")), b"zz\r\n", "cut"),
    "stream-garbage-event": stream(delta("a"), b"data: " + GARBAGE + b"\n\n", "cut", end=False),
    "stream-no-terminator": stream(delta("a"), FINISH),
    "stream-endless-line": stream(delta("a"), b"data: " + b"x" * 400_000, "cut", end=False),
    "stream-error-event": stream(delta("a"), b'data: {"error":{"message":"overloaded"}}\n\n'),
}
SLOW: Mapping[str, Reply] = {
    "slow-head": (*(bytes([byte]) for byte in whole(ANSWER)[:60]), whole(ANSWER)[60:]),
    "slow-stream": stream(*([delta("a"), 0.15] * 6), FINISH, usage_chunk(10, 6), DONE),
}
TOLD = {"upstream_error", "upstream_timeout"}
UNREADABLE = {"garbage-body", "empty-body", "no-json", "length-too-short"}
"""Whole answers with a good status: passed on as they are, and charged in full."""

CONFIG = """
[providers.bad]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/bad/v1"

[providers.good]
kind = "openai-compatible"
base_url = "http://127.0.0.1:{port}/good/v1"

[models.healthy]
targets = ["good/model"]

[prices."good/model"]
input = "10"
output = "40"

[[budgets]]
name = "bad"
scope = {{ provider = "bad" }}
limit = "1000 USD"
window = "total"
"""
ALIAS = """
[models."{name}"]
targets = ["bad/{name}"]
retry = {{ attempts = 1 }}
timeout = {{ connect = "1s", first_token = "2s", idle = "1s", total = "4s" }}

[prices."bad/{name}"]
input = "10"
output = "40"
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as running:
        for name, reply in {**WHOLE, **STREAMS, **SLOW}.items():
            running.on("bad", name, reply)
        yield running


@pytest.fixture(scope="module")
def house(provider: ScriptedProvider) -> Iterator[Running]:
    config = CONFIG.format(port=provider.port)
    config += "".join(ALIAS.format(name=name) for name in (*WHOLE, *STREAMS, *SLOW))
    with headgate(config, workers=1) as running:
        yield running


async def call(http: httpx.AsyncClient, name: str, model: str, *, streams: bool) -> tuple[int, str]:
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 100,
        "stream": streams,
        "user": name,
    }
    answer = await http.post("/v1/chat/completions", json=body)
    return answer.status_code, answer.text


def client_of(house: Running, key: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=house.url, headers=headers, timeout=30, trust_env=False)


@pytest.mark.timeout(180)
async def test_every_way_to_answer_badly(house: Running, provider: ScriptedProvider) -> None:
    key = house.make_key("unlucky", may_assert=True)
    before = house.worker_pids("gateway")
    stop = asyncio.Event()
    slowest_s = 0.0
    async with client_of(house, key) as http, client_of(house, key) as lucky:

        async def go_on_well() -> int:
            nonlocal slowest_s
            calls = 0
            while not stop.is_set():
                began_s = time.monotonic()
                status, _ = await call(lucky, "lucky", "healthy", streams=False)
                assert status == 200
                slowest_s = max(slowest_s, time.monotonic() - began_s)
                calls += 1
                await asyncio.sleep(0.02)
            return calls

        well = asyncio.create_task(go_on_well())
        names = [(f"{name}-{number}", name) for name in (*WHOLE, *STREAMS, *SLOW) for number in range(ROUNDS)]
        answers = await asyncio.gather(
            *(call(http, name, model, streams="stream" in model) for name, model in names)
        )
        stop.set()
        assert await well > 20
    assert slowest_s < 3.0, "a healthy provider's calls don't wait for the others"
    for (name, model), (status, text) in zip(names, answers, strict=True):
        check(name, model, status, text)
    assert house.worker_pids("gateway") == before, "the process lives on"
    lines = on_record(house, {name for name, _ in names})
    assert len(lines) == len(names), "each on record, once"
    spent = sum(parse_usd(line.cost_usd) for line in lines if line.cost_usd is not None)
    budget = house.get("/budgets")["items"][0]
    assert parse_usd(budget["spent_usd"]) == spent
    for line in lines:
        assert line.user is not None
        charged_for(line, line.user.rpartition("-")[0])


def check(name: str, model: str, status: int, text: str) -> None:
    """What the client of one call must have been told."""
    if model in SLOW:
        assert status == 200, (name, status, text)
        assert model == "slow-head" or text.rstrip().endswith("data: [DONE]"), (name, text)
    elif model in UNREADABLE:
        assert status == 200, (name, status, text)
    elif status == 200:
        assert model in STREAMS, (name, text)
        assert "[DONE]" not in text, (name, "a stream that broke has no terminator")
        last = text.strip().rpartition("data: ")[2]
        assert "error" in json.loads(last), (name, text[-300:])
    else:
        assert status in (502, 504), (name, status, text)
        assert json.loads(text)["error"]["code"] in TOLD, (name, text)


def charged_for(line: Line, model: str) -> None:
    """What was sent and came to no clear end is charged in full; a provider's own refusal is free."""
    cost = parse_usd(line.cost_usd or "0")
    if model in ("status-500", "status-no-body", "redirect", "status-999"):
        assert cost == 0, (model, line)
    elif model in SLOW or model == "both-framings":
        assert cost >= 0
    else:
        assert cost > 0, (model, line)
        assert line.estimated, (model, line)


def on_record(house: Running, names: set[str]) -> list[Line]:
    deadline_s = time.monotonic() + 20
    while True:
        lines = [line for line in msgspec.convert(house.requests(), list[Line]) if line.user in names]
        budget = house.get("/budgets")["items"][0]
        if {line.user for line in lines} == names and parse_usd(budget["reserved_usd"]) == 0:
            return lines
        assert time.monotonic() < deadline_s, (len(lines), len(names), budget)
        time.sleep(0.2)
