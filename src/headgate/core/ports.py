"""The seams of the house: what the data plane asks of servers, transports, clocks and sinks.

Only shapes; implementations live in `http1`, `standins`, `journal`, `records`, `meters`, `policy`, and are
put together in `main`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Literal, Protocol

import msgspec

Headers = list[tuple[bytes, bytes]]
"""Header fields in order; names in lower case."""


class Clock(Protocol):
    """Where time comes from. The wall clock is the database's, as far as it is known."""

    def now_ms(self) -> int:
        """Unix time in milliseconds, in step with the database's clock."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class Refreshed(Protocol):
    """What a process knows of the database's state, and how it catches up."""

    async def refresh(self) -> None:
        """Take in what changed."""
        ...


class Exchange(Protocol):
    """One HTTP request of a client and the answer to it, as a server hands it over."""

    method: str
    path: str
    query: bytes
    headers: Headers

    def header(self, name: bytes) -> bytes | None:
        """The first field of that lower-case name."""
        ...

    async def body(self, limit_bytes: int) -> bytes:
        """The whole body. Raises RequestTooLarge beyond the limit, ClientClosed when the client is gone."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, at most once, in place of `body`."""
        ...

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers of an answer whose length is not known."""
        ...

    async def send(self, data: bytes) -> None:
        """Send a piece of the answer; waits while the client is slow. Raises ClientClosed when it is gone
        or has not read for 30 seconds."""
        ...

    async def finish(self) -> None:
        """End an answer begun with `start`."""
        ...

    async def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer with its content-length."""
        ...

    def abort(self) -> None:
        """Cut the connection, so that the client sees the answer as broken."""
        ...

    def on_gone(self, callback: Callable[[], None] | None) -> None:
        """Call back once the client has hung up, at most once and never from within this call; None: don't.

        One callback an exchange; whoever asks takes it back before the handler ends.
        """
        ...


Handler = Callable[[Exchange], Awaitable[None]]


class Server(Protocol):
    """An HTTP server on a listening socket that was made elsewhere."""

    async def serve(self, handler: Handler) -> None:
        """Answer requests until `drain` has ended."""
        ...

    async def drain(self, timeout_s: float) -> None:
        """Take no more connections; let calls in flight finish for at most `timeout_s`."""
        ...


class Origin(msgspec.Struct, frozen=True):
    """Where to connect. `port` is 0 and `host` a path for a unix socket (scheme `unix`)."""

    scheme: Literal["http", "https", "unix", "mock", "replay"]
    host: str
    port: int


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds: to connect, to the first byte of the answer, between bytes, and in all. None is no limit."""

    connect_s: float = 5.0
    first_byte_s: float | None = 300.0
    idle_s: float | None = 60.0
    total_s: float | None = 600.0


class Outgoing(msgspec.Struct, kw_only=True):
    """One HTTP request that leaves the system. `body` with unknown length is sent chunked."""

    origin: Origin
    method: str
    target: bytes
    headers: Headers
    body: bytes | AsyncIterator[bytes] = b""
    content_length: int | None = None
    timeouts: Timeouts = Timeouts()


class Answer(Protocol):
    """A provider's answer, read as it arrives."""

    status: int
    headers: Headers

    def header(self, name: bytes) -> bytes | None:
        """The first field of that lower-case name."""
        ...

    async def chunk(self) -> bytes:
        """The next piece of the body, empty at its end. Raises UpstreamError when it is cut short,
        UpstreamTimeout when it stalls."""
        ...

    async def read(self, limit_bytes: int) -> bytes:
        """The whole rest of the body. Raises UpstreamError beyond the limit."""
        ...

    def close(self) -> None:
        """Give the connection back if the answer is complete, else cut it. May be called twice."""
        ...


class Transport(Protocol):
    """Sends requests to one kind of origin."""

    async def send(self, outgoing: Outgoing) -> Answer:
        """Return once status and headers are here. Raises UpstreamError or UpstreamTimeout, whose `sent`
        tells whether any byte of the request had left."""
        ...

    async def close(self) -> None:
        """Close idle connections."""
        ...


class Egress(Protocol):
    """The one way out of the system; knows the region and label rules."""

    def send(self, outgoing: Outgoing, *, regions: frozenset[str], label: Any) -> Awaitable[Answer]:
        """Send if the label allows the regions. Raises NotAllowed otherwise, before anything leaves."""
        ...


class Envelope(msgspec.Struct, frozen=True):
    """One entry of a journal as its shipper hands it on. `boot` is the journal's id."""

    boot: bytes
    kind: int
    payload: bytes


class Sink(Protocol):
    """Applies entries of some kinds to the database, inside the shipper's transaction."""

    kinds: frozenset[int]

    async def apply(self, connection: Any, batch: Sequence[Envelope]) -> None:
        """Write the batch. Raises for a batch that can't be written; the shipper then bisects it."""
        ...
