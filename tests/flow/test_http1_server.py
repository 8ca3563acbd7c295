"""The server against raw sockets: what it takes, what it refuses, and how it ends."""

import asyncio
import contextlib
import re
import socket
import ssl
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from tests.flow.http1_scripted import LOOPS, post

from headgate.core.faults import ClientClosed, RequestTooLarge
from headgate.core.ports import Exchange, Handler, Origin
from headgate.http1.http_server import HttpServer
from headgate.http1.limits import ServerLimits
from headgate.http1.pool import HttpTransport
from headgate.http1.server import UvicornServer
from headgate.http1.tls import TlsSettings, server_context

TEXT = [(b"content-type", b"text/plain")]

ServerKind = type[UvicornServer] | type[HttpServer]
KINDS: dict[str, ServerKind] = {"own": HttpServer, "uvicorn": UvicornServer}


def on_both_loops(
    scenario: Callable[[ServerKind], Coroutine[None, None, None]],
) -> Callable[[str, str], None]:
    """Make a test of a scenario, run with each server on each event loop, within 30 seconds."""

    @pytest.mark.parametrize("loop_name", list(LOOPS))
    @pytest.mark.parametrize("kind", list(KINDS))
    def test(kind: str, loop_name: str) -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop_name]) as runner:
            runner.run(asyncio.wait_for(scenario(KINDS[kind]), 30))

    test.__name__ = scenario.__name__
    test.__doc__ = scenario.__doc__
    return test


async def echo(exchange: Exchange) -> None:
    """Answer with the method, the path and the body."""
    try:
        body = await exchange.body(1000)
    except RequestTooLarge as fault:
        await exchange.respond(413, TEXT, fault.message.encode())
        return
    await exchange.respond(200, TEXT, b"%b %b %b" % (exchange.method.encode(), exchange.path.encode(), body))


@contextlib.asynccontextmanager
async def serving(
    kind: ServerKind,
    handler: Handler,
    *,
    limits: ServerLimits | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncGenerator[tuple[int, UvicornServer | HttpServer]]:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = kind([listening], limits=limits, tls=tls)
    task = asyncio.create_task(server.serve(handler))
    await asyncio.sleep(0.02)
    try:
        yield port, server
    finally:
        await server.drain(0)
        await asyncio.wait_for(task, 5)
        await asyncio.sleep(0.02)


async def raw(port: int, data: bytes) -> bytes:
    """Send bytes, and return all that comes until the server closes or is silent for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    try:
        writer.write(data)
        while True:
            piece = await asyncio.wait_for(reader.read(65536), 0.3)
            if not piece:
                return received + b"<closed>"
            received += piece
    except TimeoutError:
        return received
    except ConnectionError:
        return received + b"<closed>"
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


GOOD = b"POST /a%20b?c=d HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nhi"
OK_BODY = b"POST /a%20b hi"


def request(*fields: bytes, line: bytes = b"POST / HTTP/1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join([line, *fields]) + b"\r\n\r\n" + body


MALFORMED = {
    "length and chunks": request(
        b"host: h", b"content-length: 3", b"transfer-encoding: chunked", body=b"0\r\n\r\n"
    ),
    "differing lengths": request(b"host: h", b"content-length: 1", b"content-length: 2", body=b"ab"),
    "unknown coding": request(b"host: h", b"transfer-encoding: xchunked", body=b"0\r\n\r\n"),
    "chunked not last": request(b"host: h", b"transfer-encoding: chunked, identity", body=b"0\r\n\r\n"),
    "signed length": request(b"host: h", b"content-length: +2", body=b"hi"),
    "space before colon": request(b"host: h", b"content-length : 2", body=b"hi"),
    "bare line feed": b"POST / HTTP/1.1\nhost: h\ncontent-length: 2\n\nhi",
    "folded field": request(b"host: h", b"x: a\r\n b", b"content-length: 2", body=b"hi"),
    "nul in field": request(b"host: h", b"x: a\0b", b"content-length: 2", body=b"hi"),
    "bad chunk size": request(b"host: h", b"transfer-encoding: chunked", body=b"xyz\r\nhi\r\n0\r\n\r\n"),
    "bad chunk extension": request(
        b"host: h", b"transfer-encoding: chunked", body=b"2;\x00\r\nhi\r\n0\r\n\r\n"
    ),
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "http/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "missing host": request(b"content-length: 2", body=b"hi"),
    "two hosts": request(b"host: a", b"host: b", b"content-length: 2", body=b"hi"),
    "two credentials": request(b"host: h", b"authorization: a", b"Authorization: b", b"content-length: 0"),
    "two content types": request(b"host: h", b"content-type: a", b"content-type: b", b"content-length: 0"),
    "upgrade": request(b"host: h", b"connection: upgrade", b"upgrade: h2c", b"content-length: 2", body=b"hi"),
    "web socket": request(b"host: h", b"connection: upgrade", b"upgrade: websocket", line=b"GET / HTTP/1.1"),
    "chunks in http/1.0": request(
        b"host: h", b"transfer-encoding: chunked", line=b"POST / HTTP/1.0", body=b"0\r\n\r\n"
    ),
}


@on_both_loops
async def test_what_is_malformed_or_ambiguous_gets_400_and_the_process_lives(kind: ServerKind) -> None:
    async with serving(kind, echo) as (port, server):
        for name, data in MALFORMED.items():
            received = await raw(port, data)
            assert received.startswith(b"HTTP/1.1 400 "), (name, received)
            assert received.endswith(b"<closed>"), (name, received)
            assert received.count(b"HTTP/1.1 4") == 1, (name, received)
            head, _, body = received.removesuffix(b"<closed>").partition(b"\r\n\r\n")
            error: Any = msgspec.json.decode(body)["error"]
            assert (error["type"], error["code"], error["param"]) == (
                "invalid_request_error",
                "invalid_request",
                None,
            ), name
            assert b"connection: close" in head.lower(), name
        assert OK_BODY in await raw(port, GOOD)
        await asyncio.sleep(0.05)
        assert (server.exchanges, server.connections) == (0, 0)


@on_both_loops
async def test_large_heads_get_431(kind: ServerKind) -> None:
    async with serving(kind, echo, limits=ServerLimits(header_bytes_max=10_000)) as (port, _):
        cases = [
            request(b"host: h", b"x: " + b"y" * 20_000),
            request(b"host: h", *[b"x-%d: y" % number for number in range(250)]),
        ]
        for data in cases:
            received = await raw(port, data)
            assert received.startswith(b"HTTP/1.1 431 "), received
            assert b'"code":"request_too_large"' in received
            assert received.endswith(b"<closed>")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nhost: h\r\nx: ")
        await asyncio.sleep(0.05)
        writer.write(b"y" * 11_000)  # and no end of the head
        received = await asyncio.wait_for(reader.read(), 5)
        assert received.startswith(b"HTTP/1.1 431 "), received
        writer.transport.abort()


@on_both_loops
async def test_methods_that_are_not_served_get_405(kind: ServerKind) -> None:
    async with serving(kind, echo) as (port, _):
        for method in (b"TRACE", b"PROPFIND"):
            received = await raw(port, request(b"host: h", line=method + b" / HTTP/1.1"))
            assert received.startswith(b"HTTP/1.1 405 "), received
            assert b"allow: DELETE, GET" in received
        for method in (b"GET", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"):
            received = await raw(port, request(b"host: h", line=method + b" /x HTTP/1.1"))
            assert received.endswith(method + b" /x "), received


@on_both_loops
async def test_good_requests_of_every_shape(kind: ServerKind) -> None:
    async with serving(kind, echo) as (port, _):
        received = await raw(port, GOOD)
        assert re.sub(rb"date: [^\r]+ GMT\r\n", b"", received) == (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 14\r\n\r\n" + OK_BODY
        )
        chunked = request(b"host: h", b"transfer-encoding: chunked", body=b"1\r\nh\r\n1;x\r\ni\r\n0\r\n\r\n")
        assert (await raw(port, chunked)).endswith(b"POST / hi")
        old = await raw(port, b"POST /old HTTP/1.0\r\ncontent-length: 2\r\n\r\nhi")
        assert old.endswith(b"POST /old hi<closed>")
        head = await raw(port, request(b"host: h", line=b"HEAD /x HTTP/1.1"))
        assert head.endswith(b"content-length: 8\r\n\r\n")
        close = await raw(port, request(b"host: h", b"connection: close", b"content-length: 0"))
        assert close.endswith(b"POST / <closed>")


@on_both_loops
async def test_pipelined_requests_are_answered_in_order(kind: ServerKind) -> None:
    async def slow_first(exchange: Exchange) -> None:
        if exchange.path == "/1":
            await asyncio.sleep(0.05)
        await echo(exchange)

    async with serving(kind, slow_first) as (port, _):
        data = b"".join(
            b"POST /%d HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\n%d" % (n, n) for n in range(1, 8)
        )
        received = await raw(port, data)
        places = [received.index(b"POST /%d %d" % (n, n)) for n in range(1, 8)]
        assert places == sorted(places)
        assert received.count(b"HTTP/1.1 200 OK") == 7
        # What follows a good request can't change its answer.
        received = await raw(port, GOOD + b"\0\0\0 garbage\r\n\r\n")
        assert received.count(b"HTTP/1.1 ") == 1
        assert received.startswith(b"HTTP/1.1 200 OK")
        assert received.endswith(OK_BODY + b"<closed>")


@on_both_loops
async def test_expect_100_continue(kind: ServerKind) -> None:
    async with serving(kind, echo) as (port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(b"host: h", b"expect: 100-continue", b"content-length: 2"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hi")
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        writer.transport.abort()
        refused = await raw(port, request(b"host: h", b"expect: 100-continue", b"content-length: 2000"))
        assert refused.startswith(b"HTTP/1.1 413 ")
        assert refused.endswith(b"<closed>")


@on_both_loops
async def test_bodies_beyond_the_limit_get_413_and_the_client_sees_it(kind: ServerKind) -> None:
    async with serving(kind, echo) as (port, _):
        announced = request(b"host: h", b"content-length: 300000", body=bytes(300_000))
        counted = request(
            b"host: h", b"transfer-encoding: chunked", body=b"800\r\n" + bytes(0x800) + b"\r\n0\r\n\r\n"
        )
        for data in (announced, counted):
            received = await raw(port, data)
            assert received.startswith(b"HTTP/1.1 413 "), received
            assert b"exceeds 1000 bytes" in received
        # A connection whose refused body was read to its end serves on.
        received = await raw(port, announced + GOOD)
        assert received.count(b"HTTP/1.1 ") == 2
        assert received.endswith(OK_BODY)


@on_both_loops
async def test_a_refused_body_without_end_is_cut(kind: ServerKind) -> None:
    async with serving(kind, echo, limits=ServerLimits(discarded_body_bytes_max=100_000)) as (port, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(b"host: h", b"content-length: 100000000"))
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(5):
                while not reader.at_eof():
                    writer.write(bytes(65536))
                    await writer.drain()
                    await asyncio.sleep(0)
        writer.transport.abort()
        await asyncio.sleep(0.05)
        assert server.connections == 0


@on_both_loops
async def test_bodies_and_answers_stream(kind: ServerKind) -> None:
    async def relay(exchange: Exchange) -> None:
        await exchange.start(200, list(TEXT))
        async for chunk in exchange.chunks():
            await exchange.send(chunk)
        await exchange.finish()

    async with serving(kind, relay) as (port, _):
        transport = HttpTransport()

        async def body() -> AsyncIterator[bytes]:
            for number in range(200):
                yield b"%04d" % number * 1000

        origin = Origin("http", "127.0.0.1", port)
        for length in (None, 800_000):
            answer = await transport.send(post(origin, body(), content_length=length))
            assert answer.header(b"transfer-encoding") == b"chunked"
            received = await answer.read(1_000_000)
            assert received == b"".join([b"%04d" % number * 1000 for number in range(200)])
        assert transport.connections_opened == 1
        await transport.close()


@on_both_loops
async def test_a_client_that_does_not_read_has_hung_up(kind: ServerKind) -> None:
    ended: list[tuple[str, int]] = []
    done = asyncio.Event()

    async def pour(exchange: Exchange) -> None:
        sent = 0
        try:
            await exchange.start(200, list(TEXT))
            while sent < 1 << 30:
                await exchange.send(bytes(65536))
                sent += 65536
        except ClientClosed as fault:
            ended.append((fault.message, sent))
            raise
        finally:
            done.set()

    async with serving(kind, pour, limits=ServerLimits(unread_answer_s=0.2)) as (port, server):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(request(b"host: h", b"content-length: 0"))
        await asyncio.wait_for(done.wait(), 10)
        assert "read nothing" in ended[0][0]
        assert ended[0][1] < 64 << 20
        await asyncio.sleep(0.05)
        assert (server.connections, server.exchanges) == (0, 0)
        writer.transport.abort()


@on_both_loops
async def test_a_callback_tells_when_the_client_hangs_up(kind: ServerKind) -> None:
    seen: list[str] = []
    begun = asyncio.Event()
    done = asyncio.Event()

    async def wait(exchange: Exchange) -> None:
        await exchange.body(100)
        begun.set()
        gone = asyncio.Event()
        exchange.on_gone(gone.set)
        await gone.wait()
        seen.append("gone")
        try:
            await exchange.respond(200, list(TEXT), b"too late")
        except ClientClosed:
            seen.append("closed")
        done.set()

    async with serving(kind, wait) as (port, server):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GOOD)
        await asyncio.wait_for(begun.wait(), 5)
        await asyncio.sleep(0.05)
        assert seen == []
        writer.transport.abort()
        await asyncio.wait_for(done.wait(), 5)
        assert seen == ["gone", "closed"]
        await asyncio.sleep(0.02)
        assert server.exchanges == 0


@on_both_loops
async def test_a_request_that_stops_halfway_ends(kind: ServerKind) -> None:
    ended: list[str] = []

    async def read(exchange: Exchange) -> None:
        try:
            await exchange.body(100)
        except ClientClosed:
            ended.append("body")
            raise

    async with serving(kind, read, limits=ServerLimits(stalled_request_s=0.15)) as (port, server):
        for data in (b"", b"POST / HT", request(b"host: h", b"content-length: 9", body=b"half")):
            assert (await raw(port, data)).endswith(b"<closed>"), data
        assert ended == ["body"]
        assert server.connections == 0


@on_both_loops
async def test_abort_and_an_unfinished_answer_look_broken(kind: ServerKind) -> None:
    async def cut(exchange: Exchange) -> None:
        await exchange.start(200, list(TEXT))
        await exchange.send(b"half")
        await asyncio.sleep(0.02)
        if exchange.path == "/abort":
            exchange.abort()

    async with serving(kind, cut) as (port, _):
        for path in (b"/abort", b"/return"):
            received = await raw(port, request(b"host: h", line=b"GET " + path + b" HTTP/1.1"))
            assert received.endswith(b"4\r\nhalf\r\n<closed>"), received


@on_both_loops
async def test_drain_finishes_calls_and_closes_the_rest(kind: ServerKind) -> None:
    go_on = asyncio.Event()

    async def wait(exchange: Exchange) -> None:
        if exchange.path == "/slow":
            await go_on.wait()
        await echo(exchange)

    async with serving(kind, wait) as (port, server):
        idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", port)
        idle_writer.write(GOOD)
        await idle_reader.readuntil(OK_BODY)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(b"host: h", b"content-length: 0", line=b"POST /slow HTTP/1.1"))
        await asyncio.sleep(0.05)
        draining = asyncio.create_task(server.drain(5))
        assert await asyncio.wait_for(idle_reader.read(), 5) == b""
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port)
        assert not draining.done()
        go_on.set()
        received = await asyncio.wait_for(reader.read(), 5)
        assert received.endswith(b"POST /slow ")
        assert b"connection: close" in received
        await asyncio.wait_for(draining, 5)
        for one in (idle_writer, writer):
            one.transport.abort()


@on_both_loops
async def test_drain_cuts_what_does_not_end(kind: ServerKind) -> None:
    ended: list[str] = []

    async def forever(exchange: Exchange) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    async with serving(kind, forever) as (port, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GOOD)
        await asyncio.sleep(0.05)
        await asyncio.wait_for(server.drain(0.1), 5)
        assert ended == ["cancelled"]
        with contextlib.suppress(ConnectionError):
            assert not (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 200")
        writer.transport.abort()


@on_both_loops
async def test_tls_towards_clients_and_a_unix_socket(kind: ServerKind) -> None:
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as folder, authority.cert_pem.tempfile() as trusted:
        certificate = Path(folder, "both.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        async with serving(kind, echo, tls=server_context(certificate)) as (port, _):
            transport = HttpTransport(tls=TlsSettings(ca_file=trusted))
            answer = await transport.send(post(Origin("https", "127.0.0.1", port), b"hi"))
            assert await answer.read(100) == b"POST /v1/x hi"
            await transport.close()
        path = str(Path(folder, "s"))
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(path)
        server = kind([listening])
        task = asyncio.create_task(server.serve(echo))
        await asyncio.sleep(0.02)
        transport = HttpTransport()
        answer = await transport.send(post(Origin("unix", path, 0), b"hi"))
        assert await answer.read(100) == b"POST /v1/x hi"
        await transport.close()
        await server.drain(1)
        await asyncio.wait_for(task, 5)


@on_both_loops
async def test_too_many_connections_are_cut(kind: ServerKind) -> None:
    async with serving(kind, echo, limits=ServerLimits(connections_max=2)) as (port, server):
        kept = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert await raw(port, GOOD) == b"<closed>"
        assert server.connections == 2
        kept[0][1].write(GOOD)
        assert OK_BODY in await kept[0][0].readuntil(OK_BODY)
        for _, writer in kept:
            writer.transport.abort()
