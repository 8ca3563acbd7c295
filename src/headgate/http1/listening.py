"""What both servers share: listening on sockets that were made elsewhere, and ending what is under way.

Never here: connections and exchanges, which each server has of its own kind.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Final

_BACKLOG: Final = 2048
_CANCEL_WAIT_S: Final = 5.0


class Listeners:
    """The listening sockets of a server (TCP or unix), and when it is to end."""

    def __init__(self, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None) -> None:
        self._sockets = list(sockets)
        self._tls = tls
        self._listeners: list[asyncio.Server] = []
        self.ended = asyncio.Event()

    async def serve(self, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        """Take connections until `stop`, and return once `ended` is set."""
        loop = asyncio.get_running_loop()
        for listening in self._sockets:
            make = loop.create_unix_server if listening.family == socket.AF_UNIX else loop.create_server
            listener = await make(make_protocol, sock=listening, ssl=self._tls, backlog=_BACKLOG)
            self._listeners.append(listener)
        await self.ended.wait()

    def stop(self) -> None:
        """Take no more connections."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()


async def end_exchanges(tasks: Iterable["asyncio.Task[None]"], abort_connections: Callable[[], None]) -> None:
    """Cancel what is under way, cut the connections, and wait a little for the tasks to end."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    abort_connections()
    if ending:
        await asyncio.wait(ending, timeout=_CANCEL_WAIT_S)
    await asyncio.sleep(0)
