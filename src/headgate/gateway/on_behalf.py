"""A model call that a signed-in person makes from the console: with that person's key, and without its text.

The control process says who is signed in, as for any request of the console, and that it may make calls; the
call then goes the way of every other call, so that budgets, limits and rules hold and it is on record under
the same key. Model routes still take no cookie. Read next: `gateway.front`, `access.sign_in`.
"""

from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

from headgate.core.fields import first_field
from headgate.core.ports import Exchange, Headers

PREFIX: Final = "/api/v1/playground/"
"""What stands before the path of a model route."""

CHECK_PATH: Final = "/api/v1/playground"
"""Where the control process says for whom a call is made."""

_KEPT: Final = frozenset(
    {
        *(b"content-type", b"content-length", b"content-encoding", b"transfer-encoding", b"accept"),
        *(b"traceparent", b"anthropic-version", b"anthropic-beta", b"x-headgate-session", b"x-headgate-tags"),
    }
)
"""What a call keeps of the headers that the browser sent: no cookie and no key goes any further."""


class Allowed(msgspec.Struct, frozen=True):
    """The answer of the control process: the id of the key that the person has signed in with."""

    key: str


class OnBehalf:
    """Such a request, as the model route sees it. Implements `core.ports.Exchange`."""

    __slots__ = ("_inner", "headers", "method", "path", "query")

    def __init__(self, inner: Exchange) -> None:
        self._inner = inner
        self.method = inner.method
        self.path = "/" + inner.path.removeprefix(PREFIX)
        self.query = inner.query
        self.headers: Headers = [field for field in inner.headers if field[0] in _KEPT]

    def header(self, name: bytes) -> bytes | None:
        """The first field of that lower-case name, of those that are kept."""
        return first_field(self.headers, name)

    async def body(self, limit_bytes: int) -> bytes:
        """The whole body."""
        return await self._inner.body(limit_bytes)

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives."""
        return self._inner.chunks()

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers."""
        await self._inner.start(status, headers)

    async def send(self, data: bytes) -> None:
        """Send a piece of the answer."""
        await self._inner.send(data)

    async def finish(self) -> None:
        """End an answer."""
        await self._inner.finish()

    async def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer."""
        await self._inner.respond(status, headers, body)

    def abort(self) -> None:
        """Cut the connection."""
        self._inner.abort()

    def on_gone(self, callback: Callable[[], None] | None) -> None:
        """Call back once the client has hung up."""
        self._inner.on_gone(callback)
