"""The client pool against real sockets: timeouts, back-pressure, cancelling, bounds."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from tests.flow.http1_scripted import (
    always,
    on_both_loops,
    post,
    read_head,
    read_request,
    scripted,
    whole,
)

from headgate.core.faults import UpstreamError, UpstreamTimeout
from headgate.core.ports import Origin, Timeouts
from headgate.http1.limits import ClientLimits
from headgate.http1.pool import HttpTransport

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@on_both_loops
async def test_each_timeout_has_its_own_words() -> None:
    def slow(before: bytes) -> Timeouts:
        match before:
            case b"first":
                return Timeouts(first_byte_s=0.1, idle_s=9, total_s=9)
            case b"idle":
                return Timeouts(first_byte_s=9, idle_s=0.1, total_s=9)
            case _:
                return Timeouts(first_byte_s=9, idle_s=9, total_s=0.15)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        _, body = await read_request(reader)
        if body == b"idle":
            writer.write(CHUNKED + b"1\r\na\r\n")
        elif body == b"total":
            writer.write(CHUNKED)
            while True:
                writer.write(b"1\r\na\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        await reader.read()

    async with scripted(script) as server:
        transport = HttpTransport()
        for body, words in (
            (b"first", "begin to answer"),
            (b"idle", "sent nothing"),
            (b"total", "total time"),
        ):
            with pytest.raises(UpstreamTimeout, match=words) as caught:
                answer = await transport.send(post(server.origin, body, timeouts=slow(body)))
                assert body != b"first"
                while await answer.chunk():
                    pass
            assert caught.value.sent
        await server.until_closed(3)
        assert transport.connections_open == 0


@on_both_loops
async def test_many_quick_calls_then_a_slow_one_still_time_out_in_time() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        for _ in range(50):
            await read_request(reader)
            writer.write(whole(b"quick"))
        await reader.read()

    loop = asyncio.get_running_loop()
    async with scripted(script) as server:
        transport = HttpTransport()
        for _ in range(50):
            await (await transport.send(post(server.origin))).read(100)
        begun = loop.time()
        with pytest.raises(UpstreamTimeout):
            await transport.send(post(server.origin, timeouts=Timeouts(first_byte_s=0.1, total_s=10)))
        assert 0.09 < loop.time() - begun < 3
        assert server.connections == 1


@on_both_loops
async def test_a_silent_handshake_ends_at_the_connect_timeout() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await reader.read()

    async with scripted(script) as server:
        transport = HttpTransport()
        origin = Origin("https", "127.0.0.1", server.origin.port)
        with pytest.raises(UpstreamTimeout, match=r"within 0\.1 s") as caught:
            await transport.send(post(origin, timeouts=Timeouts(connect_s=0.1)))
        assert caught.value.sent is False
        assert transport.connections_open == 0


@on_both_loops
async def test_a_slow_reader_slows_the_provider_and_memory_stays_bounded() -> None:
    total = 16 * 1024 * 1024
    written = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        nonlocal written
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
        while written < total:
            writer.write(bytes(65536))
            written += 65536
            await writer.drain()
        await reader.read()

    async with scripted(script) as server:
        transport = HttpTransport()
        answer = await transport.send(post(server.origin, timeouts=Timeouts(idle_s=0.2, total_s=20)))
        await asyncio.sleep(0.6)  # longer than idle_s: time in which we do not read is not the provider's
        before = written
        assert before < total // 2
        received = len(await answer.chunk())
        assert received < 1024 * 1024
        largest = 0
        while piece := await answer.chunk():
            largest = max(largest, len(piece))
            received += len(piece)
        assert received == total
        assert largest < 1024 * 1024
        assert server.connections == 1
        assert transport.idle == 1
        await transport.close()


@on_both_loops
async def test_a_slow_provider_slows_the_body_that_is_sent() -> None:
    asked = 0
    go_on = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        nonlocal asked
        for _ in range(256):
            asked += 65536
            yield bytes(65536)

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await go_on.wait()
        _, received = await read_request(reader)
        writer.write(whole(b"%d" % len(received)))
        await reader.read()

    async with scripted(script) as server:
        transport = HttpTransport()
        sending = asyncio.create_task(transport.send(post(server.origin, body())))
        await asyncio.sleep(0.3)
        assert asked < 12 * 1024 * 1024
        go_on.set()
        assert await (await sending).read(100) == b"%d" % (256 * 65536)
        await transport.close()


@on_both_loops
async def test_a_provider_that_takes_no_body_times_out() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await asyncio.sleep(20)

    async with scripted(script) as server:
        transport = HttpTransport()
        with pytest.raises(UpstreamTimeout, match="took none of the request's body"):
            await transport.send(post(server.origin, bytes(32 << 20), timeouts=Timeouts(idle_s=0.2)))


@on_both_loops
async def test_an_early_answer_ends_the_upload_and_the_connection() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await read_head(reader)
        writer.write(whole(b"too large", status=b"413 Payload Too Large"))
        await writer.drain()
        await asyncio.sleep(20)

    async with scripted(script) as server:
        transport = HttpTransport()
        answer = await transport.send(post(server.origin, bytes(32 << 20)))
        assert (answer.status, await answer.read(100)) == (413, b"too large")
        assert transport.idle == 0


@on_both_loops
async def test_cancelling_and_closing_cut_the_connection() -> None:
    asked = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await read_request(reader)
        asked.set()
        if number == 2:
            writer.write(CHUNKED + b"1\r\na\r\n")
        await reader.read()  # returns when the client has gone

    async with scripted(script) as server:
        transport = HttpTransport()
        sending = asyncio.create_task(transport.send(post(server.origin)))
        await asked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await server.until_closed(1)
        answer = await transport.send(post(server.origin))
        assert await answer.chunk() == b"a"
        answer.close()
        answer.close()
        with pytest.raises(UpstreamError, match="closed"):
            await answer.chunk()
        await server.until_closed(2)
        assert transport.connections_open == 0


@on_both_loops
async def test_an_answer_beyond_the_readers_limit_is_cut() -> None:
    async with scripted(always(whole(bytes(1000)))) as server:
        transport = HttpTransport()
        assert len(await (await transport.send(post(server.origin))).read(1000)) == 1000
        with pytest.raises(UpstreamError, match="larger than 999 bytes"):
            await (await transport.send(post(server.origin))).read(999)
        await transport.close()


@on_both_loops
async def test_connections_are_bounded_and_handed_on() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await read_request(reader)
            await asyncio.sleep(0.01)
            writer.write(whole(b"ok"))

    async def call(transport: HttpTransport, origin: Origin) -> bytes:
        return await (await transport.send(post(origin))).read(100)

    async with scripted(script) as one, scripted(script) as other:
        transport = HttpTransport(limits=ClientLimits(connections_per_origin_max=3, connections_max=4))
        calls = [call(transport, server.origin) for _ in range(20) for server in (one, other)]
        assert await asyncio.gather(*calls) == [b"ok"] * 40
        assert transport.connections_open <= 4
        assert one.connections - one.closed <= 3
        await transport.close()


@on_both_loops
async def test_a_full_pool_times_out_and_forgets_who_left() -> None:
    release = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await read_request(reader)
            await release.wait()
            writer.write(whole(b"ok"))

    async with scripted(script) as server:
        transport = HttpTransport(limits=ClientLimits(connections_per_origin_max=1))
        first = asyncio.create_task(transport.send(post(server.origin)))
        await asyncio.sleep(0.05)
        with pytest.raises(UpstreamTimeout, match="stayed busy") as caught:
            await transport.send(post(server.origin, timeouts=Timeouts(connect_s=0.05)))
        assert caught.value.sent is False
        leaver = asyncio.create_task(transport.send(post(server.origin)))
        stayer = asyncio.create_task(transport.send(post(server.origin)))
        await asyncio.sleep(0.05)
        leaver.cancel()
        release.set()
        for task in (first, stayer):
            assert await (await task).read(100) == b"ok"
        assert (server.connections, transport.connections_open, transport.idle) == (1, 1, 1)
        await transport.close()


@on_both_loops
async def test_idle_connections_are_swept_and_the_youngest_is_used_first() -> None:
    async with scripted(always(whole(b"ok"))) as server:
        transport = HttpTransport(limits=ClientLimits(idle_s=0.2))
        answers = await asyncio.gather(*(transport.send(post(server.origin)) for _ in range(3)))
        assert [await answer.read(10) for answer in answers] == [b"ok"] * 3
        assert transport.idle == 3
        await server.until_closed(3)
        assert (transport.idle, transport.connections_open) == (0, 0)
        assert await (await transport.send(post(server.origin))).read(10) == b"ok"
        assert server.connections == 4
        await transport.close()
