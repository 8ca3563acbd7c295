"""An ASGI application on a socket made elsewhere: uvicorn, without its hold on the process's signals.

For what is no model call: the control API. Read next: `http1.server` for the rest.
"""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any

import uvicorn


class AsgiServer(uvicorn.Server):
    """Serves an application until `should_exit` is set; `listening` says when it does."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none: whoever runs the process owns them."""
        yield

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        self.listening.set()


class AsgiService:
    """An application as a worker: serves until it is told to drain."""

    def __init__(self, application: Any, sockets: list[socket.socket]) -> None:
        config = uvicorn.Config(
            application,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
        self._server = AsgiServer(config)
        self._sockets = sockets

    async def run(self) -> None:
        """Serve until `drain`."""
        await self._server.serve(sockets=self._sockets)

    async def drain(self, timeout_s: float) -> None:
        """Take no more requests; let `run` return once those in flight have ended."""
        self._server.config.timeout_graceful_shutdown = int(min(timeout_s, 5))
        self._server.should_exit = True
