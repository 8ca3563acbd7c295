"""The client pool against real sockets: reuse, framing, stale connections."""

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

from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.ports import Origin
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
