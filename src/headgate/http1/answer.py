"""A provider's answer while it arrives: what has been received and not yet read.

Never here: sockets and parsing, which are `connection`'s.
"""

import asyncio
from typing import Protocol

from headgate.core.faults import Failed, UpstreamError
from headgate.core.fields import first_field
from headgate.core.ports import Headers


class Line(Protocol):
    """The connection that an answer arrives on."""

    def drained(self) -> None:
        """Everything received has been read."""
        ...

    def abort(self) -> None:
        """Cut the connection, so that the other side stops."""
        ...


class ReceivedAnswer:
    """One answer, filled by its connection and read by one reader; a `core.ports.Answer`.

    `line` is the connection until the answer is complete or has failed. Pieces received before a fault
    are read before it is raised.
    """

    __slots__ = (
        "_pieces",
        "_waiter",
        "complete",
        "fault",
        "headers",
        "headers_complete",
        "line",
        "received",
        "stale",
        "status",
        "unread_bytes",
    )

    def __init__(self, line: Line) -> None:
        self.status = 0
        self.headers: Headers = []
        self.headers_complete = False
        self.complete = False
        self.received = False
        self.stale = False
        self.fault: Failed | None = None
        self.line: Line | None = line
        self.unread_bytes = 0
        self._pieces: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None

    def header(self, name: bytes) -> bytes | None:
        """Return the first field of that lower-case name."""
        return first_field(self.headers, name)

    async def chunk(self) -> bytes:
        """Return all that has arrived since the last call, waiting for some; empty at the end.

        Raises UpstreamError when the answer is cut short, UpstreamTimeout when it stalls.
        """
        while not self._pieces:
            if self.complete:
                return b""
            if self.fault is not None:
                raise self.fault
            await self.wait()
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        self.unread_bytes = 0
        if self.line is not None:
            self.line.drained()
        return data

    async def read(self, limit_bytes: int) -> bytes:
        """Return the whole rest of the body. Raises UpstreamError beyond the limit, and as `chunk` does."""
        first = await self.chunk()
        if self.complete and not self._pieces and len(first) <= limit_bytes:
            return first
        parts = [first]
        size = len(first)
        while size <= limit_bytes:
            piece = await self.chunk()
            if not piece:
                return b"".join(parts)
            parts.append(piece)
            size += len(piece)
        self.close()
        raise UpstreamError(
            f"the provider's answer is larger than {limit_bytes} bytes; raise the limit or ask for less"
        )

    def close(self) -> None:
        """Cut the connection unless the answer is complete, in which case it went back by itself."""
        line = self.line
        self._pieces = []
        if line is None:
            return
        self.fail(UpstreamError("the answer was closed before it was complete"))
        line.abort()

    def append(self, data: bytes) -> None:
        """Take a piece of the body from the connection."""
        self._pieces.append(data)
        self.unread_bytes += len(data)

    def finish(self) -> None:
        """The body is complete."""
        self.complete = True
        self.line = None
        self.wake()

    def fail(self, fault: Failed) -> None:
        """Nothing more will come, and this is why."""
        if self.fault is None and not self.complete:
            self.fault = fault
        self.line = None
        self.wake()

    def wake(self) -> None:
        """Let the reader look again."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def wait(self) -> None:
        """Return at the next `wake`."""
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            await waiter
        finally:
            self._waiter = None
