"""The client pool against real sockets: reuse, framing, stale connections, limits, cancelling."""

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.flow.http1_scripted import (
    always,
    on_both_loops,
    once,
    post,
    read_head,
    read_request,
    scripted,
    whole,
)

from headgate.core.faults import InvalidRequest, UpstreamError, UpstreamTimeout
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
async def test_a_thousand_calls_use_one_connection() -> None:
    async with scripted(always(whole(b'{"ok":true}'))) as server:
        transport = HttpTransport()
        for _ in range(1000):
            answer = await transport.send(post(server.origin))
            assert await answer.read(100) == b'{"ok":true}'
            answer.close()
        assert (server.connections, transport.connections_opened) == (1, 1)
        assert (transport.connections_open, transport.idle) == (1, 1)
        await transport.close()
        await server.until_closed(1)
        assert transport.connections_open == 0


@on_both_loops
async def test_every_framing_that_ends_by_itself_keeps_the_connection() -> None:
    answers = [
        whole(b"abc"),
        CHUNKED + b"3\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"1\r\na\r\n2;x=y\r\nbc\r\n0\r\nx-trailer: 1\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + whole(b"abc"),
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    ]

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        for answer in answers:
            await read_request(reader)
            writer.write(answer)
        await reader.read()

    async with scripted(script) as server:
        transport = HttpTransport()
        bodies: list[bytes] = []
        for _ in answers:
            answer = await transport.send(post(server.origin))
            assert answer.header(b"link") is None
            assert answer.header(b"x-trailer") is None
            bodies.append(await answer.read(100))
        assert bodies == [b"abc", b"abc", b"abc", b"abc", b"", b""]
        assert server.connections == 1
        await transport.close()


@on_both_loops
async def test_head_has_no_body_and_keeps_the_connection() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            head = await read_head(reader)
            length = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"
            writer.write(length if head.startswith(b"HEAD") else length + b"the get")

    async with scripted(script) as server:
        transport = HttpTransport()
        for method, body in (("HEAD", b""), ("GET", b"the get"), ("HEAD", b""), ("GET", b"the get")):
            answer = await transport.send(post(server.origin, b"", method=method))
            assert answer.header(b"content-length") == b"7"
            assert await answer.read(100) == body
        assert server.connections == 1
        await transport.close()


@on_both_loops
async def test_request_bodies_go_whole_or_in_chunks() -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            seen.append(await read_request(reader))
            writer.write(whole(b""))

    large = bytes(range(256)) * 4096
    async with scripted(script) as server:
        transport = HttpTransport()
        for outgoing in (
            post(server.origin, b"small"),
            post(server.origin, large),
            post(server.origin, pieces(b"a", b"", b"bc" * 50_000)),
            post(server.origin, pieces(b"ab", b"cd"), content_length=4),
            post(server.origin, b"", method="GET"),
            post(server.origin, pieces()),
        ):
            answer = await transport.send(outgoing)
            assert await answer.read(10) == b""
        assert [body for _, body in seen] == [b"small", large, b"a" + b"bc" * 50_000, b"abcd", b"", b""]
        assert server.connections == 1
        head = seen[0][0]
        assert head.startswith(b"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n" % server.origin.port)
        assert b"content-length: 5\r\n" in head
        assert b"transfer-encoding: chunked\r\n" in seen[2][0] and b"content-length" not in seen[2][0]
        assert b"content-length: 4\r\n" in seen[3][0] and b"chunked" not in seen[3][0]
        assert b"content-length" not in seen[4][0] and b"chunked" not in seen[4][0]
        await transport.close()


@on_both_loops
async def test_a_body_that_breaks_its_announced_length_is_refused_and_cut() -> None:
    async with scripted(always(whole(b""))) as server:
        transport = HttpTransport()
        for parts in ((b"abc",), (b"abcd", b"e")):
            with pytest.raises(InvalidRequest, match="4 bytes"):
                await transport.send(post(server.origin, pieces(*parts), content_length=4))
        await server.until_closed(2)
        assert transport.connections_open == 0


@on_both_loops
async def test_an_answer_of_one_byte_at_a_time_arrives() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await read_request(reader)
        for byte in CHUNKED + b"5\r\nhello\r\n0\r\n\r\n":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()

    async with scripted(script) as server:
        transport = HttpTransport()
        answer = await transport.send(post(server.origin))
        assert await answer.read(100) == b"hello"
        assert transport.idle == 1
        await transport.close()


@on_both_loops
async def test_an_answer_that_ends_with_the_connection_is_whole_and_not_kept() -> None:
    async with scripted(once(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")) as server:
        transport = HttpTransport()
        for count in (1, 2):
            answer = await transport.send(post(server.origin))
            assert await answer.read(100) == b"until the end"
            assert transport.connections_opened == count


@on_both_loops
async def test_answers_cut_short_are_errors_after_what_arrived() -> None:
    for cut in (
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        CHUNKED + b"4\r\nhalf\r\n",
        CHUNKED + b"9\r\nhalf",
    ):
        async with scripted(once(cut)) as server:
            transport = HttpTransport()
            answer = await transport.send(post(server.origin))
            assert await answer.chunk() == b"half"
            with pytest.raises(UpstreamError, match="before the answer was complete") as caught:
                await answer.chunk()
            assert caught.value.sent
            assert server.connections == 1
            assert transport.connections_open == 0


@on_both_loops
async def test_what_is_not_http_is_an_error() -> None:
    bad = [
        b"SSH-2.0-hello\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 400_000,
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 300 + b"content-length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000,
    ]
    for answer_bytes in bad:
        async with scripted(once(answer_bytes)) as server:
            transport = HttpTransport()
            with pytest.raises(UpstreamError) as caught:
                await transport.send(post(server.origin))
            assert caught.value.sent, answer_bytes[:60]
            assert server.connections == 1
            assert transport.connections_open in (0, 1)
            await server.until_closed(1)


@on_both_loops
async def test_connection_close_and_bytes_after_the_answer_end_the_connection() -> None:
    for answer_bytes in (
        whole(b"ok", b"connection: close"),
        whole(b"ok") + whole(b"smuggled"),
        whole(b"ok") + b"?",
    ):
        async with scripted(always(answer_bytes)) as server:
            transport = HttpTransport()
            for count in (1, 2):
                answer = await transport.send(post(server.origin))
                assert await answer.read(100) == b"ok"
                assert server.connections == count
                assert transport.idle == 0


@on_both_loops
async def test_bytes_on_an_idle_connection_drop_it() -> None:
    late = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await read_request(reader)
        writer.write(whole(b"right"))
        if number == 1:
            await late.wait()
            writer.write(whole(b"nobody asked"))
        await reader.read()

    async with scripted(script) as server:
        transport = HttpTransport()
        assert await (await transport.send(post(server.origin))).read(100) == b"right"
        assert transport.idle == 1
        late.set()
        await server.until_closed(1)
        assert transport.idle == 0
        assert await (await transport.send(post(server.origin))).read(100) == b"right"
        await transport.close()


@on_both_loops
async def test_a_stale_connection_is_replaced_once() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        server.requests.append((await read_request(reader))[1])
        writer.write(whole(b"first"))
        if number == 1:
            await read_head(reader)  # takes the second request, then goes away without a byte
            return
        await reader.read()

    async with scripted(script) as server:
        transport = HttpTransport()
        assert await (await transport.send(post(server.origin, b"one"))).read(100) == b"first"
        assert await (await transport.send(post(server.origin, b"two"))).read(100) == b"first"
        assert server.requests == [b"one", b"two"]
        assert (server.connections, transport.connections_opened) == (2, 2)
        await transport.close()


@on_both_loops
async def test_a_second_failure_is_not_tried_again() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        if number == 1:
            await read_request(reader)
            writer.write(whole(b"first"))
        await read_request(reader)

    async with scripted(script) as server:
        transport = HttpTransport()
        await (await transport.send(post(server.origin))).read(100)
        with pytest.raises(UpstreamError) as caught:
            await transport.send(post(server.origin))
        assert caught.value.sent
        assert server.connections == 2


@on_both_loops
async def test_no_second_try_after_a_byte_on_a_fresh_connection_or_for_an_iterated_body() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await read_request(reader)
        if number in (1, 3):
            writer.write(whole(b"first"))
            await read_request(reader)
            if number == 1:
                writer.write(b"H")
                await writer.drain()

    async with scripted(script) as server:
        transport = HttpTransport()
        await (await transport.send(post(server.origin))).read(100)
        with pytest.raises(UpstreamError):  # one byte of the answer had come
            await transport.send(post(server.origin))
        assert server.connections == 1
        with pytest.raises(UpstreamError):  # a fresh connection
            await transport.send(post(server.origin))
        assert server.connections == 2
        await (await transport.send(post(server.origin))).read(100)
        with pytest.raises(UpstreamError):  # a body that can't be sent again
            await transport.send(post(server.origin, pieces(b"once")))
        assert server.connections == 3


@on_both_loops
async def test_a_request_that_was_worked_on_is_not_sent_again() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        await read_request(reader)
        writer.write(whole(b"first"))
        await read_request(reader)
        await asyncio.sleep(0.2)

    async with scripted(script) as server:
        transport = HttpTransport(limits=ClientLimits(stale_retry_s=0.05))
        await (await transport.send(post(server.origin))).read(100)
        with pytest.raises(UpstreamError):
            await transport.send(post(server.origin))
        assert server.connections == 1


@on_both_loops
async def test_where_nobody_listens_nothing_was_sent() -> None:
    transport = HttpTransport()
    with pytest.raises(UpstreamError, match=r"no connection to http://127\.0\.0\.1") as caught:
        await transport.send(post(Origin("http", "127.0.0.1", closed_port())))
    assert caught.value.sent is False
    with pytest.raises(UpstreamError) as caught:
        await transport.send(post(Origin("unix", "/nonexistent/socket", 0)))
    assert caught.value.sent is False
    assert transport.connections_open == 0
    await transport.close()
    with pytest.raises(UpstreamError, match="closed"):
        await transport.send(post(Origin("http", "127.0.0.1", 1)))


@on_both_loops
async def test_a_unix_socket_is_an_origin() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with scripted(always(whole(b"control")), path=str(Path(folder, "s"))) as server:
            transport = HttpTransport()
            for _ in range(3):
                assert await (await transport.send(post(server.origin))).read(100) == b"control"
            assert server.connections == 1
            await transport.close()


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
