"""What our own server promises beyond the other: bounds in time and bytes, framing, answers for handlers."""

import asyncio
import contextlib
import socket

import msgspec
from tests.flow.http1_scripted import on_both_loops
from tests.flow.test_http1_server import GOOD, OK_BODY, TEXT, echo, raw, request, serving

from headgate.core.faults import ClientClosed
from headgate.core.ports import Exchange
from headgate.http1.http_server import HttpServer
from headgate.http1.limits import ServerLimits


@on_both_loops
async def test_a_target_beyond_the_limit_gets_414() -> None:
    async with serving(HttpServer, echo, limits=ServerLimits(target_bytes_max=100)) as (port, _):
        received = await raw(port, request(b"host: h", line=b"GET /%b HTTP/1.1" % (b"x" * 99)))
        assert received.startswith(b"HTTP/1.1 200 "), received
        received = await raw(port, request(b"host: h", line=b"GET /%b HTTP/1.1" % (b"x" * 100)))
        assert received.startswith(b"HTTP/1.1 414 "), received
        assert b'"code":"request_too_large"' in received
        assert received.endswith(b"<closed>")


async def drip(port: int, before: bytes, piece: bytes) -> bytes:
    """Send a few bytes every 20 ms until the server closes; return what it said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):
            writer.write(before)
            while not reader.at_eof():
                writer.write(piece)
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        received += await reader.read(1000)
    writer.transport.abort()
    return received


@on_both_loops
async def test_a_head_that_comes_ever_so_slowly_ends() -> None:
    limits = ServerLimits(head_s=0.3, stalled_request_s=5)
    async with serving(HttpServer, echo, limits=limits) as (port, server):
        assert await drip(port, b"POST / HTTP/1.1\r\nhost: h\r\nx: ", b"y") == b""
        await asyncio.sleep(0.05)
        assert server.connections == 0


@on_both_loops
async def test_a_body_that_is_all_padding_ends() -> None:
    async with serving(HttpServer, echo) as (port, server):
        before = request(b"host: h", b"transfer-encoding: chunked", body=b"5;x=")
        assert await drip(port, before, b"y" * 20_000) == b""
        await asyncio.sleep(0.05)
        assert (server.connections, server.exchanges) == (0, 0)


@on_both_loops
async def test_a_body_in_chunks_of_a_byte_is_taken() -> None:
    async with serving(HttpServer, echo) as (port, _):
        body = b"1\r\nx\r\n" * 900 + b"0\r\n\r\n"
        received = await raw(port, request(b"host: h", b"transfer-encoding: chunked", body=body))
        assert received.endswith(b"POST / " + b"x" * 900)


@on_both_loops
async def test_an_idle_connection_is_closed_and_a_used_one_is_not() -> None:
    limits = ServerLimits(keep_alive_s=1.0)
    async with serving(HttpServer, echo, limits=limits) as (port, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        loop = asyncio.get_running_loop()
        for _ in range(8):
            writer.write(GOOD)
            await reader.readuntil(OK_BODY)
            await asyncio.sleep(0.15)
        begun = loop.time()
        assert await asyncio.wait_for(reader.read(), 5) == b""
        assert loop.time() - begun > 0.5
        writer.close()
        await asyncio.sleep(0.05)
        assert server.connections == 0


@on_both_loops
async def test_a_limit_that_changes_holds_for_connections_that_stand() -> None:
    limits = [ServerLimits(head_s=0.4, header_bytes_max=1000)]
    listening = socket.create_server(("127.0.0.1", 0))
    server = HttpServer([listening], limits=lambda: limits[0])
    serving_task = asyncio.create_task(server.serve(echo))
    await asyncio.sleep(0.02)
    reader, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
    long = request(b"host: h", b"x: " + b"y" * 500, b"content-length: 0")
    writer.write(long)
    assert (await reader.readuntil(b"POST / ")).startswith(b"HTTP/1.1 200 ")
    limits[0] = ServerLimits(head_s=0.4, header_bytes_max=300)
    await asyncio.sleep(0.4)
    writer.write(long)
    assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 431 ")
    writer.transport.abort()
    await server.drain(0)
    await serving_task


@on_both_loops
async def test_who_reads_slowly_is_not_cut_and_who_stops_is() -> None:
    ended: list[str] = []
    over = asyncio.Event()
    # More than the kernel can hold for who doesn't read, however generous it is.
    size = 96 << 20

    async def pour(exchange: Exchange) -> None:
        await exchange.start(200, [*TEXT, (b"content-length", b"%d" % size)])
        try:
            for _ in range(size // 65536):
                await exchange.send(bytes(65536))
            await exchange.finish()
        except ClientClosed as fault:
            ended.append(fault.message)
            over.set()
            raise

    limits = ServerLimits(unread_answer_s=1.0)
    async with serving(HttpServer, pour, limits=limits) as (port, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=65536)
        writer.write(request(b"host: h", b"content-length: 0"))
        await reader.readuntil(b"\r\n\r\n")
        received = 0
        while received < 6 << 20:
            received += len(await reader.readexactly(768 << 10))
            await asyncio.sleep(0.15)
        assert ended == []
        await asyncio.wait_for(over.wait(), 20)
        assert "read nothing" in ended[0]
        writer.transport.abort()
        await asyncio.sleep(0.05)
        assert (server.connections, server.exchanges) == (0, 0)


@on_both_loops
async def test_an_answer_is_exactly_as_long_as_it_says() -> None:
    async def announce(exchange: Exchange) -> None:
        await exchange.start(200, [*TEXT, (b"content-length", b"4")])
        for piece in exchange.query.split(b","):
            await exchange.send(piece)
        await exchange.finish()

    async with serving(HttpServer, announce) as (port, _):
        expected = {
            b"ab,cd": b"\r\n\r\nabcd",
            b"ab,c": b"\r\n\r\nabc<closed>",
            b"ab,cde,fg": b"\r\n\r\nabcd<closed>",
        }
        for query, end in expected.items():
            received = await raw(port, request(b"host: h", line=b"GET /?" + query + b" HTTP/1.1"))
            assert received.endswith(end), received
            assert b"transfer-encoding" not in received
        received = await raw(port, request(b"host: h", line=b"HEAD /?ab,cd HTTP/1.1"))
        assert received.endswith(b"content-length: 4\r\n" + received[received.index(b"date") :])
        assert received.endswith(b"\r\n\r\n")


@on_both_loops
async def test_a_stream_to_http_1_0_ends_with_the_connection() -> None:
    async def pieces(exchange: Exchange) -> None:
        await exchange.start(200, list(TEXT))
        for piece in (b"ab", b"", b"cd"):
            await exchange.send(piece)
        await exchange.finish()

    async with serving(HttpServer, pieces) as (port, _):
        received = await raw(port, b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        assert received.endswith(b"\r\n\r\nabcd<closed>"), received
        assert b"connection: close" in received
        assert b"transfer-encoding" not in received


@on_both_loops
async def test_a_handler_that_breaks_is_answered_for() -> None:
    async def broken(exchange: Exchange) -> None:
        match exchange.path:
            case "/split":
                await exchange.respond(200, [(b"x", b"a\r\nset-cookie: b")], b"")
            case "/begun":
                await exchange.start(200, list(TEXT))
                await exchange.send(b"half")
                await asyncio.sleep(0.02)
            case _:
                await exchange.body(100)
        raise RuntimeError("on purpose")

    said: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: said.append(str(context["exception"]))
    )
    async with serving(HttpServer, broken) as (port, server):
        for path in (b"/plain", b"/split"):
            received = await raw(port, request(b"host: h", line=b"GET " + path + b" HTTP/1.1"))
            assert received.startswith(b"HTTP/1.1 500 "), received
            assert received.endswith(b"}<closed>")
            assert b"set-cookie" not in received
            body = received.partition(b"\r\n\r\n")[2].removesuffix(b"<closed>")
            assert msgspec.json.decode(body)["error"]["code"] == "internal_error"
        received = await raw(port, request(b"host: h", line=b"GET /begun HTTP/1.1"))
        assert received.endswith(b"4\r\nhalf\r\n<closed>"), received
        assert server.exchanges == 0
    assert len(said) == 3, "and the log hears of it"


@on_both_loops
async def test_what_was_sent_ahead_is_answered_before_the_server_ends() -> None:
    go_on = asyncio.Event()

    async def wait(exchange: Exchange) -> None:
        await go_on.wait()
        await echo(exchange)

    async with serving(HttpServer, wait) as (port, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GOOD + GOOD)
        await asyncio.sleep(0.05)
        draining = asyncio.create_task(server.drain(5))
        await asyncio.sleep(0.02)
        go_on.set()
        received = await asyncio.wait_for(reader.read(), 5)
        assert received.count(OK_BODY) == 2
        assert received.count(b"connection: close") == 1
        await asyncio.wait_for(draining, 5)
        writer.transport.abort()


@on_both_loops
async def test_who_sends_the_rest_of_an_answered_request_is_not_cut_in_its_next_call() -> None:
    async def answer_early(exchange: Exchange) -> None:
        if exchange.path == "/early":
            await exchange.respond(200, list(TEXT), b"early")
            return
        await asyncio.sleep(1.0)
        await exchange.respond(200, list(TEXT), b"late")

    in_chunks = request(b"host: h", b"transfer-encoding: chunked", line=b"POST /early HTTP/1.1")
    announced = request(b"host: h", b"content-length: 9", line=b"POST /early HTTP/1.1")
    async with serving(HttpServer, answer_early, limits=ServerLimits(linger_s=0.3)) as (port, _):
        for head, rest in (
            (announced, b"123456789"),
            (in_chunks, b"9\r\n123456789\r\n0\r\n\r\n"),
            (in_chunks, b"9\r\n123456789\r\n0\r\nx: y\r\n\r\n"),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(2):  # by the parser, and where the head is known
                writer.write(head)
                await reader.readuntil(b"early")
                writer.write(rest)
            await asyncio.sleep(0.05)
            writer.write(request(b"host: h", line=b"GET /late HTTP/1.1"))
            assert b"late" in await asyncio.wait_for(reader.readuntil(b"late"), 5)
            writer.transport.abort()


@on_both_loops
async def test_who_never_sends_the_rest_of_an_answered_request_is_cut() -> None:
    async def answer_early(exchange: Exchange) -> None:
        await exchange.respond(200, list(TEXT), b"early")

    async with serving(HttpServer, answer_early, limits=ServerLimits(linger_s=0.3)) as (port, server):
        for trailer, cut_by in ((b"", "linger"), (b"connection: close\r\n", "the trailer")):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request(b"host: h", b"transfer-encoding: chunked"))
            await reader.readuntil(b"early")
            if trailer:
                writer.write(b"0\r\n" + trailer + b"\r\n")
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 5) == b"", cut_by
            writer.transport.abort()
        await asyncio.sleep(0.05)
        assert server.connections == 0
