"""What a shadow is served on: the request as its caller sent it, and nobody who reads the answer.

Implements `core.ports.Exchange`. Read next: `gateway.shadows`.
"""

from collections.abc import AsyncIterator, Callable
from typing import Final

from headgate.core.faults import ClientClosed, RequestTooLarge
from headgate.core.fields import first_field
from headgate.core.ports import Headers

ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
"""Who streams more than this is left: nobody waits for it."""
OF_THE_CALLER: Final = frozenset({b"traceparent", b"tracestate", b"x-headgate-session"})
"""What places a call in its caller's traces and sessions, where its shadow has no place."""


class ShadowExchange:
    """A request that is asked again, and an answer that goes nowhere."""

    __slots__ = ("_body", "_bytes", "_on_gone", "headers", "is_cut", "method", "path", "query")

    def __init__(self, path: str, query: bytes, headers: Headers, body: bytes) -> None:
        self.method = "POST"
        self.path = path
        self.query = query
        self.headers: Headers = [field for field in headers if field[0] not in OF_THE_CALLER]
        self.is_cut = False
        """Whether it took too long, or too much."""
        self._body = body
        self._bytes = 0
        self._on_gone: Callable[[], None] | None = None

    def header(self, name: bytes) -> bytes | None:
        """The first field of that lower-case name."""
        return first_field(self.headers, name)

    async def body(self, limit_bytes: int) -> bytes:
        """The whole body. Raises RequestTooLarge where the limit is lower than it was for its caller."""
        if len(self._body) > limit_bytes:
            raise RequestTooLarge(f"the body has {len(self._body)} bytes, above the limit of {limit_bytes}")
        return self._body

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in one piece."""
        yield self._body

    async def start(self, status: int, headers: Headers) -> None:
        """Nobody hears of it."""

    async def send(self, data: bytes) -> None:
        """Count what would be sent. Raises ClientClosed where it is too much."""
        self._bytes += len(data)
        if self._bytes > ANSWER_BYTES_MAX:
            self.is_cut = True
            raise ClientClosed("the answer of a shadow is too long")

    async def finish(self) -> None:
        """Nobody waits for it."""

    async def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Nobody reads it."""

    def abort(self) -> None:
        """There is no connection."""

    def on_gone(self, callback: Callable[[], None] | None) -> None:
        """Call back once the shadow takes too long."""
        self._on_gone = callback

    def cut(self) -> None:
        """Wait no longer: end it as if its client had hung up."""
        self.is_cut = True
        if self._on_gone is not None:
            self._on_gone()
