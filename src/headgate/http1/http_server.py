"""Our own server towards clients: listens on sockets that were made elsewhere, hands exchanges to a handler.

Installs no signal handlers and logs no access; the supervisor owns signals and the journal the record. Never
here: parsing (`inbound`), routes and errors in a dialect. Read next: `inbound`, `inbound_exchange`; why it is
ours and what it costs stands in docs/design/003.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Sequence
from email.utils import formatdate
from typing import Final

from headgate.core.faults import ClientClosed
from headgate.core.ports import Handler
from headgate.http1.inbound import Inbound
from headgate.http1.inbound_exchange import InboundExchange
from headgate.http1.inbound_line import InboundLine
from headgate.http1.limits import LimitsGiven, limits_source
from headgate.http1.listening import Listeners, end_exchanges

_SWEEP_S_MAX: Final = 1.0


class HttpServer:
    """Serves HTTP/1.1 on listening sockets (TCP or unix); a `core.ports.Server`.

    `limits` may be a function: it is asked at every sweep, so that a changed limit holds within a second.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        *,
        limits: LimitsGiven = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._listeners = Listeners(sockets, tls)
        self._limits_now = limits_source(limits)
        self.limits = self._limits_now()
        self.now = 0.0
        self.date = b""
        self.targets: dict[bytes, tuple[str, bytes]] = {}
        self.hosts: set[bytes] = set()
        self._handler: Handler | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: set[InboundLine] = set()
        self._running: dict[InboundExchange, asyncio.Task[None]] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many connections of clients stand."""
        return len(self._connections)

    @property
    def exchanges(self) -> int:
        """How many exchanges are under way."""
        return len(self._running)

    async def serve(self, handler: Handler) -> None:
        """Answer requests with `handler` until `drain` has ended. Cancelling cuts everything."""
        self._loop = asyncio.get_running_loop()
        self._handler = handler
        self._sweep()
        try:
            await self._listeners.serve(self._connection)
        finally:
            await self._cut()

    async def drain(self, timeout_s: float) -> None:
        """Take no more connections, close idle ones, let exchanges end for at most `timeout_s`, then cut."""
        self._listeners.stop()
        for connection in list(self._connections):
            connection.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                # What a handler does after its last byte, such as settling, is part of its exchange.
                await self._until_empty()
        await self._cut()
        self._listeners.ended.set()

    # -- for connections

    def opened(self, connection: InboundLine) -> bool:
        """Count the connection. False refuses it."""
        self._connections.add(connection)
        return len(self._connections) <= self.limits.connections_max

    def closed(self, connection: InboundLine) -> None:
        """Forget the connection."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def begin(self, exchange: InboundExchange) -> None:
        """Hand the exchange to the handler, in a task of its own."""
        # A name of its own would be formatted for each.
        self._running[exchange] = asyncio.Task(self._run(exchange), loop=self._loop, name="exchange")

    # -- inside

    def _connection(self) -> Inbound:
        return Inbound(self)

    async def _run(self, exchange: InboundExchange) -> None:
        handler = self._handler
        assert handler is not None
        try:
            await handler(exchange)
            if not exchange.ended:
                exchange.abort()  # so that what was begun and not ended looks broken
        except ClientClosed:
            exchange.abort()
        except BaseException:
            exchange.fail()
            raise
        finally:
            del self._running[exchange]
            if not self._running:
                self._empty.set()

    def _sweep(self) -> None:
        """See which connections have stood still for too long; one timer for all of them."""
        loop = self._loop
        assert loop is not None
        limits = self._limits_now()
        if limits != self.limits:
            self.limits = limits
            for connection in self._connections:
                connection.forget()
        shortest_s = min(limits.keep_alive_s, limits.stalled_request_s, limits.unread_answer_s)
        every_s = min(_SWEEP_S_MAX, shortest_s / 4, limits.head_s / 4, limits.linger_s / 4)
        self.now = now = loop.time()
        self.date = b"date: %b\r\n" % formatdate(usegmt=True).encode("ascii")
        for connection in list(self._connections):
            connection.sweep(now, every_s)
        self._sweeping = loop.call_later(every_s, self._sweep)

    async def _until_empty(self) -> None:
        while self._connections or self._running:
            self._empty.clear()
            await self._empty.wait()

    async def _cut(self) -> None:
        self._listeners.stop()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        await end_exchanges(self._running.values(), self._abort_all)

    def _abort_all(self) -> None:
        for connection in list(self._connections):
            connection.abort()
