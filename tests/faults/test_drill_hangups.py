"""Whole system: clients that hang up at every byte, and a provider that goes on and bills on after it."""

import asyncio
import json
import socket
import struct
from collections.abc import Iterator, Sequence

import psutil
import pytest
from tests.faults.drilled_house import Drilled, broken, drilled, settled, until

ABORT = struct.pack("ii", 1, 0)
AT_ONCE = 12
HANDLES_SLACK = 24
"""Connections to the provider and to control that stay open for the next call."""


@pytest.fixture(scope="module")
def place() -> Iterator[Drilled]:
    with drilled(workers=1, models=("dribble", "steady-150")) as running:
        yield running


def raw_call(place: Drilled, name: str, *, stream: bool, model: str = "dribble") -> bytes:
    message = {"role": "user", "content": "hang up"}
    fields = {"model": model, "messages": [message], "user": name, "max_tokens": 40, "stream": stream}
    body = json.dumps(fields).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1",
        f"host: 127.0.0.1:{port_of(place)}",
        f"authorization: Bearer {place.key}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        "connection: close",
    )
    return "\r\n".join((*head, "", "")).encode() + body


def port_of(place: Drilled) -> int:
    return int(place.house.url.rpartition(":")[2])


async def visit(place: Drilled, request: bytes, read_bytes: int | None, *, abort: bool) -> int:
    """Send bytes, read so many of the answer (None: none of it), and hang up; return how many came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(place))
    received = 0
    try:
        writer.write(request)
        await writer.drain()
        while read_bytes is not None and received < read_bytes:
            data = await reader.read(read_bytes - received)
            if not data:
                break
            received += len(data)
    finally:
        if abort:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            writer.transport.abort()
        else:
            writer.close()
    return received


async def visit_all(place: Drilled, visits: Sequence[tuple[bytes, int | None]]) -> None:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, request: bytes, read_bytes: int | None) -> None:
        async with slots, asyncio.timeout(30):
            await visit(place, request, read_bytes, abort=bool(number % 2))

    await asyncio.gather(*(one(number, *what) for number, what in enumerate(visits)))


def gauge(place: Drilled, name: str) -> float:
    text = place.house.api.get(place.house.url + "/metrics").text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))


async def nothing_is_held(place: Drilled, handles: int) -> None:
    """Assert that calls, slots and handles are all given back, by the very process that began."""
    [gateway] = place.household.workers("gateway")
    process = psutil.Process(gateway.pid)
    for name in ("headgate_calls_open", "headgate_target_calls_in_flight", "headgate_reserved_usd"):
        assert await until(lambda name=name: gauge(place, name) == 0, 20), name
    assert await until(lambda: process.num_fds() <= handles + HANDLES_SLACK, 20), process.num_fds()


@pytest.mark.timeout(240)
async def test_who_hangs_up_at_any_byte_leaves_nothing_behind(place: Drilled) -> None:
    await visit(place, raw_call(place, "first", stream=True), 100_000, abort=False)
    [gateway] = place.household.workers("gateway")
    handles = psutil.Process(gateway.pid).num_fds()
    visits: list[tuple[bytes, int | None]] = []
    for stream in (False, True):
        whole = raw_call(place, f"cut-{stream}-0000", stream=stream)
        for length in range(len(whole) + 1):
            request = raw_call(place, f"cut-{stream}-{length:04}", stream=stream)[:length]
            visits.append((request, None))
        full = await visit(place, raw_call(place, f"full-{stream}", stream=stream), 100_000, abort=False)
        assert full > 500
        for length in range(1, full + 1):
            visits.append((raw_call(place, f"left-{stream}-{length:04}", stream=stream), length))
    assert len(visits) > 1500
    await visit_all(place, visits)
    await nothing_is_held(place, handles)
    [still] = place.household.workers("gateway")
    assert still == gateway, "the same process all along"
    assert not broken(place, [])
    lines = place.lines()
    assert {line.code for line in lines} <= {None, "client_closed"}, {line.code for line in lines}
    names = [line.user for line in lines if line.user]
    assert len(names) == len(set(names)), "each call is on record once"
    assert {f"left-False-{length:04}" for length in range(1, 500)} <= set(names)


async def leave_streams(place: Drilled, tag: str) -> list[str]:
    """Leave paced streams at many moments, from before the first token to shortly before the end."""
    names = [f"{tag}-{number}" for number in range(24)]

    async def one(number: int, name: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(place))
        writer.write(raw_call(place, name, stream=True, model="steady-150"))
        await writer.drain()
        await asyncio.sleep(0.02 + number * 0.06)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        writer.transport.abort()
        del reader

    await asyncio.gather(*(one(number, name) for number, name in enumerate(names)))
    return names


@pytest.mark.timeout(120)
async def test_a_provider_that_bills_on_after_a_hang_up_is_covered(place: Drilled) -> None:
    names = await leave_streams(place, "closed")
    assert await until(lambda: set(names) <= {line.user for line in place.lines()}, 10)
    await asyncio.sleep(1.0)  # the provider notices, half a second late, and bills on till then
    assert not broken(place, [])
    lines = [line for line in place.lines() if line.user in names]
    assert {line.status for line in lines} == {499}
    billed = [line for line in lines if line.user in place.shop.billed]
    assert len(billed) >= len(names) // 2, "most were left in the middle of their answer"
    assert all(line.estimated for line in billed)


@pytest.mark.timeout(120)
async def test_with_drain_a_call_that_was_left_costs_what_it_cost() -> None:
    with drilled(workers=1, models=("steady-150",), on_hangup="drain") as place:
        names = await leave_streams(place, "drained")
        await asyncio.sleep(2.5)  # the streams' length
        lines = settled(place, [])
        assert not broken(place, [])
        lines = [line for line in lines if line.user in names]
        assert len(lines) == len(names)
        billed = [line for line in lines if line.user in place.shop.billed]
        assert len(billed) >= len(names) // 2
        assert not any(line.estimated for line in billed), "the true usage was read on to"
