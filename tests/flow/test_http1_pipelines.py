"""Many requests sent ahead of their answers, however they are cut: all are answered, and in order."""

import asyncio
import random
import re

import pytest
from tests.flow.http1_scripted import LOOPS
from tests.flow.test_http1_server import KINDS, TEXT, ServerKind, serving

from headgate.core.ports import Exchange
from headgate.http1.http_server import HttpServer
from headgate.http1.limits import ServerLimits

REQUESTS = 200
WAIT_S_MAX = 20.0
SEGMENTS_BYTES = (1, 100, 5_000, 40_000, 200_000)

Sent = list[tuple[int, int]]
"""The number and the size of each request."""


async def measure(exchange: Exchange) -> None:
    """Answer with the number of the request and the size of its body, however the body is read."""
    number = int(exchange.path[1:])
    if number % 3 == 0:
        await asyncio.sleep(0.001)
    if number % 2:
        size = len(await exchange.body(200_000))
    else:
        size = 0
        async for piece in exchange.chunks():
            size += len(piece)
    await exchange.respond(200, list(TEXT), b"<%d %d>" % (number, size))


async def measure_some(exchange: Exchange) -> None:
    """As `measure`, but each fifth request is answered before its body is read."""
    if int(exchange.path[1:]) % 5 == 0:
        await exchange.respond(200, list(TEXT), b"<%b 0>" % exchange.path[1:].encode())
    else:
        await measure(exchange)


def requests(sizes: list[int]) -> bytes:
    made: list[bytes] = []
    for number, size in enumerate(sizes):
        body = b"x" * size
        if number % 7 == 3:
            chunk = b"%x\r\n%b\r\n" % (size, body) if size else b""
            framing, body = b"transfer-encoding: chunked", chunk + b"0\r\n\r\n"
        else:
            framing = b"content-length: %d" % size
        made.append(b"POST /%d HTTP/1.1\r\nhost: h\r\n%b\r\n\r\n%b" % (number, framing, body))
    return b"".join(made)


async def pipeline(port: int, data: bytes, chance: random.Random, count: int) -> Sent:
    """Send all in segments of drawn sizes, and return what was answered, in order, until nothing comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""

    async def read() -> None:
        nonlocal received
        while received.count(b">") < count and (piece := await reader.read(65536)):
            received += piece

    reading = asyncio.create_task(read())
    try:
        async with asyncio.timeout(WAIT_S_MAX):
            at = 0
            while at < len(data) and not reading.done():
                size = chance.choice(SEGMENTS_BYTES)
                writer.write(data[at : at + size])
                at += size
                await asyncio.sleep(0)
            await reading
    except (TimeoutError, ConnectionError):
        reading.cancel()
    finally:
        writer.transport.abort()
    return [(int(number), int(size)) for number, size in re.findall(rb"<(\d+) (\d+)>", received)]


@pytest.mark.parametrize("loop_name", list(LOOPS))
@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("size_max", [10, 3_000])
@pytest.mark.parametrize("seed", range(3))
def test_all_of_a_deep_pipeline_are_answered_in_order(
    kind: str, loop_name: str, size_max: int, seed: int
) -> None:
    chance = random.Random(seed)
    sizes = [chance.randint(size_max // 6, size_max) for _ in range(REQUESTS)]

    async def scenario(server: ServerKind) -> Sent:
        async with serving(server, measure) as (port, _):
            return await pipeline(port, requests(sizes), chance, REQUESTS)

    with asyncio.Runner(loop_factory=LOOPS[loop_name]) as runner:
        assert runner.run(scenario(KINDS[kind])) == list(enumerate(sizes))


@pytest.mark.parametrize("loop_name", list(LOOPS))
@pytest.mark.parametrize("seed", range(3))
def test_large_bodies_and_early_answers_in_a_pipeline_hold_nothing_up(loop_name: str, seed: int) -> None:
    chance = random.Random(seed)
    sizes = [chance.choice([0, 3_000, 70_000, 150_000]) for _ in range(60)]

    async def scenario() -> Sent:
        async with serving(HttpServer, measure_some, limits=ServerLimits(linger_s=5)) as (port, _):
            return await pipeline(port, requests(sizes), chance, len(sizes))

    with asyncio.Runner(loop_factory=LOOPS[loop_name]) as runner:
        found = runner.run(scenario())
    assert found == [(number, size if number % 5 else 0) for number, size in enumerate(sizes)]


@pytest.mark.parametrize("loop_name", list(LOOPS))
def test_a_large_body_behind_a_full_queue_is_read_to_its_end_though_nobody_takes_it(loop_name: str) -> None:
    sizes = [10] * 35 + [600_000, 10, 10]
    assert (len(sizes) - 3) % 5 == 0, "the large one is answered early"

    async def scenario() -> Sent:
        async with serving(HttpServer, measure_some, limits=ServerLimits(linger_s=1)) as (port, _):
            return await pipeline(port, requests(sizes), random.Random(1), len(sizes))

    with asyncio.Runner(loop_factory=LOOPS[loop_name]) as runner:
        found = runner.run(scenario())
    assert found == [(number, size if number % 5 else 0) for number, size in enumerate(sizes)]


def test_what_was_sent_ahead_in_time_is_no_stall() -> None:
    """Where a slow answer keeps the rest of a request waiting that has come, nobody is cut for it."""

    async def slow(exchange: Exchange) -> None:
        if exchange.path == "/1":
            await asyncio.sleep(1.0)
        await measure(exchange)

    # More than is parsed ahead, less than what reading pauses for.
    sizes = [1_000] * 80

    async def scenario() -> Sent:
        async with serving(HttpServer, slow, limits=ServerLimits(stalled_request_s=0.3)) as (port, _):
            return await pipeline(port, requests(sizes), random.Random(1), len(sizes))

    with asyncio.Runner() as runner:
        assert runner.run(scenario()) == list(enumerate(sizes))
