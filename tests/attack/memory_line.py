"""Our server's and our client's connections without sockets: bytes in, what they make of them out.

Time stands still and nothing is sent, so that thousands of ways to cut a request can be tried in a second.
"""

import asyncio
from typing import Any

import msgspec

from headgate.core.faults import ClientClosed, Failed, RequestTooLarge
from headgate.core.ports import Exchange, Headers, Origin, Outgoing, Timeouts
from headgate.http1.connection import Connection, StaleConnection
from headgate.http1.inbound import Inbound
from headgate.http1.inbound_exchange import InboundExchange
from headgate.http1.inbound_line import InboundLine
from headgate.http1.limits import ClientLimits, ServerLimits

BODY_BYTES_MAX = 1_000_000
_TURNS_MAX = 100


class MemoryTransport(asyncio.Transport):
    """Keeps what is written, and tells its protocol when it is closed."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._protocol = protocol
        self.written = bytearray()
        self.closing = False
        self.ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended, "written after the end"
        if not self.closing:
            self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def can_write_eof(self) -> bool:
        return True

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def pause_reading(self) -> None:
        """Nothing is read by itself here."""

    def resume_reading(self) -> None:
        """Nothing is read by itself here."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A whole request as a handler was given it."""

    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes


class MemoryHouse:
    """What a connection needs of its server; its handler reads the body and answers."""

    def __init__(self) -> None:
        self.limits = ServerLimits()
        self.now = 0.0
        self.date = b"date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
        self.targets: dict[bytes, tuple[str, bytes]] = {}
        self.hosts: set[bytes] = set()
        self.served: list[Request] = []
        self.tasks: list[asyncio.Task[None]] = []

    def opened(self, connection: InboundLine) -> bool:
        return True

    def closed(self, connection: InboundLine) -> None:
        """Nothing is counted here."""

    def begin(self, exchange: InboundExchange) -> None:
        self.tasks.append(asyncio.ensure_future(self._handle(exchange)))

    async def _handle(self, exchange: Exchange) -> None:
        try:
            body = await exchange.body(BODY_BYTES_MAX)
            self.served.append(
                Request(
                    method=exchange.method,
                    path=exchange.path,
                    query=exchange.query,
                    headers=exchange.headers,
                    body=body,
                )
            )
            await exchange.respond(200, [(b"content-type", b"text/plain")], b"ok")
        except RequestTooLarge:
            await exchange.respond(413, [(b"content-type", b"text/plain")], b"too large")
        except ClientClosed:
            exchange.abort()


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What became of some bytes on one connection."""

    served: list[Request]
    written: bytes
    closed: bool


async def hear(pieces: list[bytes]) -> Heard:
    """Feed pieces to a connection of our own server, and let it do what it will after each."""
    house = MemoryHouse()
    connection = Inbound(house)
    transport = MemoryTransport(connection)
    connection.connection_made(transport)
    for piece in pieces:
        if transport.closing:
            break
        connection.data_received(piece)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    for _ in range(_TURNS_MAX):
        begun = len(house.tasks)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if begun == len(house.tasks) and all(task.done() for task in house.tasks):
            break
    closed = transport.closing or transport.ended
    transport.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert all(task.done() for task in house.tasks), "a handler waits for a client that has gone"
    for task in house.tasks:
        task.result()
    return Heard(served=house.served, written=bytes(transport.written), closed=closed)


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What our client made of a provider's bytes. `fault` where they were no whole answer."""

    status: int
    headers: Headers
    body: bytes
    fault: str | None
    released: bool


class _Home:
    def __init__(self) -> None:
        self.released_times = 0
        self.lost_times = 0

    def released(self, connection: Connection) -> None:
        self.released_times += 1

    def lost(self, connection: Connection) -> None:
        self.lost_times += 1


async def ask(pieces: list[bytes], *, method: str = "POST", ends: bool = True) -> Answered:
    """Feed pieces to a connection of our own client as the answer to one request."""
    home = _Home()
    connection = Connection(home, "memory", ClientLimits())
    transport = MemoryTransport(connection)
    connection.connection_made(transport)
    outgoing = Outgoing(
        origin=Origin("http", "h", 80),
        method=method,
        target=b"/",
        headers=[],
        body=b"",
        timeouts=Timeouts(connect_s=None, first_byte_s=None, idle_s=None, total_s=None),  # type: ignore[arg-type]
    )
    asking = asyncio.ensure_future(_read(connection, outgoing))
    await asyncio.sleep(0)
    released = False
    for piece in pieces:
        if transport.closing:
            break
        assert home.released_times <= 1
        idle_before = bool(home.released_times)
        connection.data_received(piece)
        assert not idle_before or transport.closing, "an idle connection took bytes and stayed"
        await asyncio.sleep(0)
        released = bool(home.released_times) and not transport.closing
    if ends:
        transport.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    if not ends:
        connection.abort()
    status, headers, body, fault = await asyncio.wait_for(asking, 15)
    await asyncio.sleep(0)
    assert home.lost_times == 1
    return Answered(status=status, headers=headers, body=body, fault=fault, released=released)


async def _read(connection: Connection, outgoing: Outgoing) -> tuple[int, Headers, bytes, str | None]:
    status, headers, body = 0, list[Any](), b""
    try:
        answer = await connection.exchange(outgoing, b"POST / HTTP/1.1\r\nhost: h\r\n\r\n", 0.0)
        status, headers = answer.status, answer.headers
        while piece := await answer.chunk():
            body += piece
    except StaleConnection:
        return status, headers, body, "stale"
    except Failed as failed:
        return status, headers, body, type(failed).__name__
    return status, headers, body, None
