"""One request of a client and its answer, as the gateway sees it, on a connection of our own server.

Implements `core.ports.Exchange`. The request's side is filled by the connection as bytes arrive; the answer's
side writes straight to the transport. Never here: parsing, timers, routes, errors in a dialect. Read next:
`inbound`, which makes these and begins them one after another.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, Protocol

from headgate.core.faults import ClientClosed, RequestTooLarge
from headgate.core.fields import announced_bytes
from headgate.core.ports import Headers
from headgate.http1.answer_head import CHUNKED, CLOSE, CONTINUE, LAST_CHUNK, WITHOUT_BODY, answer_head
from headgate.http1.checks import Refusal
from headgate.http1.limits import WRITE_AT_ONCE_BYTES_MAX

_SMALL_PIECE_BYTES: Final = 4096

_BROKE: Final = (
    b'{"error":{"message":"The request failed inside Headgate; look up the time in the log of the server.",'
    b'"type":"api_error","code":"internal_error","param":null}}'
)

# How the body of an answer is framed, where it is not a count of bytes that are still owed.
_IN_CHUNKS: Final = -1
_UNTIL_CLOSE: Final = -2
_LEFT_OUT: Final = -3
_OVERRUN: Final = -4


class Dated(Protocol):
    """Knows the time as answers tell it."""

    date: bytes
    """The field `date` with its line end."""


class Line(Protocol):
    """What an exchange needs of its connection."""

    transport: asyncio.Transport
    lost: bool
    congested: bool
    keeps: bool
    """Whether the connection may serve on after the answer; False once the server drains."""

    @property
    def house(self) -> "Dated":
        """Whoever knows the time."""
        ...

    def want(self) -> None:
        """Read on: a handler waits for the body."""
        ...

    def answered(self, exchange: "InboundExchange") -> None:
        """The last byte of the exchange's answer is written."""
        ...

    async def drained(self) -> None:
        """Return when the client has read enough. Raises ClientClosed when it has not in time, or is gone."""
        ...

    def abort(self) -> None:
        """Cut the connection."""
        ...


class InboundExchange:
    """One exchange. `path` is as it came, percent-encoded; header names are in lower case.

    An answer's framing, `date` and `connection` are written here; handlers leave those fields out.
    The public attributes after `headers` are for the connection.
    """

    __slots__ = (
        "_body_left",
        "_limit_bytes",
        "_line",
        "_parts",
        "_waiter",
        "callback",
        "complete",
        "ended",
        "expects",
        "headers",
        "index",
        "keeps",
        "method",
        "old",
        "path",
        "query",
        "refusal",
        "size",
        "started",
    )

    def __init__(
        self,
        line: Line,
        method: str,
        target: tuple[str, bytes],
        headers: Headers,
        index: dict[bytes, bytes],
    ) -> None:
        self._line = line
        self.method = method
        self.path, self.query = target
        self.headers = headers
        self.index = index
        """The first value of each field, by name."""
        self.keeps = True
        """Whether the client lets the connection serve on."""
        self.old = False
        """Whether the client speaks HTTP/1.0, which knows neither chunks nor 100 Continue."""
        self.expects = False
        """Whether the client waits to be told to send its body."""
        self.refusal: Refusal | None = None
        self.complete = False
        """Whether the whole request is here."""
        self.size = 0
        """Bytes of the body that have arrived and were not taken yet."""
        self.started = False
        self.ended = False
        self.callback: Callable[[], None] | None = None
        self._parts: list[bytes | bytearray] = []
        self._waiter: asyncio.Future[None] | None = None
        self._limit_bytes = 0
        self._body_left = 0

    # -- the connection's side

    @property
    def held_bytes_max(self) -> int:
        """How many bytes of the body may be held for the handler before reading pauses."""
        return max(self._limit_bytes, WRITE_AT_ONCE_BYTES_MAX)

    def add(self, data: bytes) -> None:
        """Take a piece of the body."""
        parts = self._parts
        if parts and len(data) < _SMALL_PIECE_BYTES:
            # A body in chunks of a byte or two must not cost an object for each.
            last = parts[-1]
            if isinstance(last, bytearray):
                last += data
            else:
                parts.append(bytearray(data))
        else:
            parts.append(data)
        self.size += len(data)
        if self._waiter is not None and self.size > self._limit_bytes:
            self.wake()

    def discard(self) -> None:
        """Forget what has come of the body: it was answered without it."""
        self._parts.clear()
        self.size = 0

    def wake(self) -> None:
        """Let the handler that waits for the body look again."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # -- the request, for the handler

    def header(self, name: bytes) -> bytes | None:
        """Return the first field of that lower-case name."""
        return self.index.get(name)

    async def body(self, limit_bytes: int) -> bytes:
        """Return the whole body.

        Raises RequestTooLarge beyond the limit, by content-length before a byte is read, and ClientClosed
        when the client is gone.
        """
        if not self.complete:
            announced = self.index.get(b"content-length")
            if announced is not None and announced_bytes(announced) > limit_bytes:
                raise _too_large(limit_bytes)
            self._limit_bytes = limit_bytes
            while not self.complete and self.size <= limit_bytes:
                await self._more()
        if self._line.lost:
            raise _gone_early()
        if self.size > limit_bytes:
            raise _too_large(limit_bytes)
        return self._take()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, at most once. Raises ClientClosed when the client is gone."""
        while True:
            if self._line.lost:
                raise _gone_early()
            if self._parts:
                yield self._take()
            elif self.complete:
                return
            else:
                await self._more()

    def _take(self) -> bytes:
        parts = self._parts
        self.size = 0
        if len(parts) == 1:
            [data] = parts
            parts.clear()
            return bytes(data)
        self._parts = []
        return b"".join(parts)

    async def _more(self) -> None:
        """Wait for more of the body, or its end."""
        line = self._line
        if line.lost:
            raise _gone_early()
        if self.expects:
            self.expects = False
            if not self.size:
                line.transport.write(CONTINUE)
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        line.want()
        try:
            await waiter
        finally:
            self._waiter = None

    # -- the answer

    async def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer with its content-length; without a body for HEAD, 204 and 304."""
        line = self._line
        if line.congested or line.lost:
            await line.drained()
        head = answer_head(status, headers) + line.house.date + self._closing()
        if status in WITHOUT_BODY:
            line.transport.write(head + b"\r\n")
        else:
            head += b"content-length: %d\r\n\r\n" % len(body)
            if self.method == "HEAD":
                line.transport.write(head)
            elif len(body) <= WRITE_AT_ONCE_BYTES_MAX:
                line.transport.write(head + body)
            else:
                line.transport.write(head)
                line.transport.write(body)
        self.started = self.ended = True
        line.answered(self)

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers of an answer: as long as its content-length says, else until `finish`."""
        line = self._line
        if line.congested or line.lost:
            await line.drained()
        framing = b""
        length = next((int(value) for name, value in headers if name == b"content-length"), None)
        if status in WITHOUT_BODY or self.method == "HEAD":
            self._body_left = _LEFT_OUT
        elif length is not None:
            self._body_left = length
        elif self.old:
            self._body_left = _UNTIL_CLOSE  # such a connection never serves on
        else:
            self._body_left = _IN_CHUNKS
            framing = CHUNKED
        head = answer_head(status, headers)
        self.started = True
        line.transport.write(b"%b%b%b%b\r\n" % (head, line.house.date, framing, self._closing()))

    async def send(self, data: bytes) -> None:
        """Send a piece of the answer. Raises ClientClosed when the client is gone, or has not read."""
        line = self._line
        if line.congested or line.lost:
            await line.drained()
        if not data:
            return
        left = self._body_left
        if left == _IN_CHUNKS:
            line.transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        elif left >= 0:
            # More than was announced would count as another answer: it stays here, and `finish` cuts.
            self._body_left = left - len(data) if left >= len(data) else _OVERRUN
            line.transport.write(data[:left])
        elif left == _UNTIL_CLOSE:
            line.transport.write(data)

    async def finish(self) -> None:
        """End an answer begun with `start`. One that is shorter or longer than announced looks broken."""
        line = self._line
        if line.congested or line.lost:
            await line.drained()
        left = self._body_left
        if left == _IN_CHUNKS:
            line.transport.write(LAST_CHUNK)
        elif left > 0 or left == _OVERRUN:
            line.abort()
            return
        self.ended = True
        line.answered(self)

    def _closing(self) -> bytes:
        """Return the field that ends the connection after this answer, where it has to end."""
        if self.expects and not self.complete:
            # The client waits to be told to go on and never was: nothing after this answer is clear.
            self.keeps = False
        elif not self._line.keeps:
            self.keeps = False
        return b"" if self.keeps else CLOSE

    def abort(self) -> None:
        """Cut the connection, so that the client sees the answer as broken."""
        self._line.abort()

    def fail(self) -> None:
        """Answer for a handler that broke: 500, or a cut where an answer has begun."""
        line = self._line
        if self.started or line.lost:
            line.abort()
            return
        self.keeps = False
        head = answer_head(500, [(b"content-type", b"application/json")])
        body = b"" if self.method == "HEAD" else _BROKE
        line.transport.write(
            b"%b%b%bcontent-length: %d\r\n\r\n%b" % (head, line.house.date, CLOSE, len(_BROKE), body)
        )
        self.started = self.ended = True
        line.answered(self)

    # -- the client's going

    def on_gone(self, callback: Callable[[], None] | None) -> None:
        """Call back once the client has hung up; None takes that back. Costs no task."""
        self.callback = callback
        if callback is not None and self._line.lost:
            asyncio.get_running_loop().call_soon(self.tell_gone)

    def tell_gone(self) -> None:
        """Call back whoever asked, once."""
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()


def _gone_early() -> ClientClosed:
    return ClientClosed("the client hung up before its request was complete")


def _too_large(limit_bytes: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body exceeds {limit_bytes} bytes; send less, or raise the limit in [server]")
