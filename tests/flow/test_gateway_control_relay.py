"""The relay to the control process: both directions stream; nothing is held for a client that has gone."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from headgate.core.ports import Exchange, Server
from headgate.gateway.control import ControlRelay
from headgate.http1.http_server import HttpServer
from headgate.http1.pool import HttpTransport
from headgate.http1.server import UvicornServer

ENDED = "ended"


class Control:
    """A control process that says one line, then nothing until its client is gone."""

    def __init__(self) -> None:
        self.head = b""
        self.seen: asyncio.Queue[str] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head = await reader.readuntil(b"\r\n\r\n")
        if self.head.startswith(b"HEAD"):
            writer.write(b"HTTP/1.1 200 OK\r\netag: x\r\ncontent-length: 1234\r\n\r\n")
            writer.close()
            return
        writer.write(
            b"HTTP/1.1 200 OK\r\nset-cookie: a=b\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n"
        )
        await writer.drain()
        await reader.read()
        writer.close()
        await self.seen.put(ENDED)


@pytest.fixture(params=[HttpServer, UvicornServer])
async def relayed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Control, str]]:
    control = Control()
    path = str(tmp_path / "c.sock")
    behind = await asyncio.start_unix_server(control.serve, path)
    transport = HttpTransport()
    relay = ControlRelay(transport, path)

    async def handle(exchange: Exchange) -> None:
        await relay.relay(exchange)

    front_path = str(tmp_path / "f.sock")
    front = _listening(front_path)
    server: Server = request.param([front])
    serving = asyncio.create_task(server.serve(handle))
    try:
        yield control, front_path
    finally:
        await server.drain(0.1)
        await serving
        await transport.close()
        behind.close()


def _listening(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(path)
    made.listen()
    made.setblocking(False)
    return made


async def test_a_silent_tail_ends_when_its_client_goes(relayed: tuple[Control, str]) -> None:
    control, path = relayed
    transport = httpx.AsyncHTTPTransport(uds=path)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://house") as client,
        client.stream("GET", "/api/v1/tail?x=1", headers={"x-forwarded-for": "10.1.1.1"}) as given,
    ):
        assert await anext(given.aiter_raw()) == b"first"
        assert given.headers["set-cookie"] == "a=b", "the console's own cookies do cross here"
    async with asyncio.timeout(30):
        assert await control.seen.get() == ENDED
    assert control.head.startswith(b"GET /api/v1/tail?x=1 HTTP/1.1\r\n")
    assert b"x-forwarded-for" not in control.head


async def test_upgrade_is_refused(relayed: tuple[Control, str]) -> None:
    control, path = relayed
    async with httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=path), base_url="http://house"
    ) as client:
        given = await client.get("/api/v1/tail", headers={"connection": "upgrade", "upgrade": "websocket"})
    assert given.status_code == 400
    assert control.head == b""


async def test_head_tells_the_length_that_get_would_have(relayed: tuple[Control, str]) -> None:
    _, path = relayed
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"HEAD /console.js HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
    async with asyncio.timeout(5):
        received = await reader.read()
    writer.close()
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"\r\n\r\n")
    assert b"\r\ncontent-length: 1234\r\n" in received
    assert received.count(b"content-length") == 1
    assert b"\r\netag: x\r\n" in received
