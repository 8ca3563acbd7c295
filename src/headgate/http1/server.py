"""The server towards clients: uvicorn's raw ASGI on sockets that were made elsewhere.

Installs no signal handlers and logs no access; the supervisor owns signals and the journal the record. Never
here: routes and errors in a dialect. Read next: `exchange`, `protocol`, `checks`.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Sequence

from uvicorn.config import Config
from uvicorn.server import ServerState

from headgate.core.faults import ClientClosed
from headgate.core.ports import Handler
from headgate.http1.checks import MALFORMED, refusal_of
from headgate.http1.exchange import AsgiExchange, Message, Receive, Send
from headgate.http1.limits import LimitsGiven, limits_source
from headgate.http1.listening import Listeners, end_exchanges
from headgate.http1.protocol import CONNECTION_KEY, TARGET_KEY, ClientConnection


class UvicornServer:
    """Serves HTTP/1.1 on listening sockets (TCP or unix); a `core.ports.Server`.

    `limits` may be a function: each connection goes by what it says when the connection is made.
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
        self._state = ServerState()

    @property
    def connections(self) -> int:
        """How many connections of clients stand."""
        return len(self._state.connections)

    @property
    def exchanges(self) -> int:
        """How many exchanges are under way."""
        return len(self._state.tasks)

    async def serve(self, handler: Handler) -> None:
        """Answer requests with `handler` until `drain` has ended. Cancelling cuts everything."""
        loop = asyncio.get_running_loop()
        config = self._config(handler)

        def connection() -> ClientConnection:
            return ClientConnection(config, self._state, self._limits_now(), loop)

        try:
            await self._listeners.serve(connection)
        finally:
            await self._cut()

    async def drain(self, timeout_s: float) -> None:
        """Take no more connections, close idle ones, let exchanges end for at most `timeout_s`, then cut."""
        self._listeners.stop()
        connections = list(self._state.connections)
        for connection in connections:
            connection.shutdown()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                for connection in connections:
                    if isinstance(connection, ClientConnection):
                        await connection.lost.wait()
                # What a handler does after its last byte, such as settling, is part of its exchange.
                if self._state.tasks:
                    await asyncio.wait(list(self._state.tasks))
        await self._cut()
        self._listeners.ended.set()

    def _config(self, handler: Handler) -> Config:
        async def application(scope: Message, receive: Receive, send: Send) -> None:
            connection: ClientConnection = scope["state"][CONNECTION_KEY]
            exchange = AsgiExchange(scope, receive, send, connection)
            refusal = refusal_of(exchange.method, scope["http_version"], exchange.headers, connection.limits)
            target: tuple[str, bytes] | None = scope["state"][TARGET_KEY]
            if target is None:
                refusal = refusal or MALFORMED
            else:
                exchange.path, exchange.query = target
            try:
                if refusal is None:
                    await handler(exchange)
                else:
                    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
                    await exchange.respond(refusal.status, [*headers, *refusal.headers], refusal.body())
            except ClientClosed:
                exchange.abort()
            await exchange.settle()

        config = Config(
            application,  # type: ignore[arg-type]
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=int(self._limits_now().keep_alive_s),
        )
        config.load()
        return config

    async def _cut(self) -> None:
        self._listeners.stop()
        await end_exchanges(self._state.tasks, self._abort_all)

    def _abort_all(self) -> None:
        for connection in list(self._state.connections):
            connection.transport.abort()
