"""The writing half of a client's connection: what waits until it is read, and when a client counts as gone.

Never here: requests. Read next: `inbound`, the reading half, which is built on this.
"""

import asyncio
from typing import Final, Protocol

from headgate.core.faults import ClientClosed
from headgate.http1.inbound_exchange import InboundExchange
from headgate.http1.limits import ServerLimits

_NEVER_READ: Final = -1.0


class House(Protocol):
    """What a connection needs of its server."""

    limits: ServerLimits
    now: float
    """The loop's time at the last sweep: exact enough for what is bounded in seconds."""
    date: bytes
    targets: dict[bytes, tuple[str, bytes]]
    """Request targets that were seen before, taken apart."""
    hosts: set[bytes]
    """Values of Host that were looked at before, and are good."""

    def opened(self, connection: "InboundLine") -> bool:
        """Count the connection. False refuses it."""
        ...

    def closed(self, connection: "InboundLine") -> None:
        """Forget the connection."""
        ...

    def begin(self, exchange: InboundExchange) -> None:
        """Hand the exchange to the handler."""
        ...


class InboundLine(asyncio.Protocol):
    """What every connection of a client has, whatever is said on it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.lost = False
        """Whether the client counts as gone."""
        self.congested = False
        """Whether it has not yet read enough of what was written."""
        self.keeps = True
        self._deaf = False
        """Whether what comes from now on means nothing."""
        self._discarded_bytes = 0
        self._since = house.now
        """When something last came or was answered."""
        self._unread_since = 0.0
        self._unread_bytes = 0
        self._readers: list[asyncio.Future[None]] = []

    def drain(self) -> None:
        """Take no further request."""
        raise NotImplementedError

    def forget(self) -> None:
        """Look at everything anew: other limits hold."""
        raise NotImplementedError

    def sweep(self, now: float, late_s: float) -> None:
        """Cut the connection where it has stood still for too long; `late_s` is how old times may be."""
        raise NotImplementedError

    def eof_received(self) -> None:
        """The client has ended its side: it counts as gone, and asyncio closes the transport."""

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        self.congested = True
        self._unread_since = self.house.now
        self._unread_bytes = self.transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        """The client has read."""
        self.congested = False
        self._wake_readers()

    async def drained(self) -> None:
        """Return when the client has read enough. Raises ClientClosed when it has not in time, or is gone."""
        if self.congested and not self.lost:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._readers.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._readers:
                    self._readers.remove(waiter)
        if self._unread_since == _NEVER_READ:
            wait_s = self.house.limits.unread_answer_s
            raise ClientClosed(f"the client read nothing for {wait_s:g} s and counts as gone")
        if self.lost:
            raise ClientClosed("the client hung up before its answer was complete")

    def abort(self) -> None:
        """Cut the connection at once."""
        self._deaf = True
        self.transport.abort()

    def _discard(self, count: int) -> None:
        self._discarded_bytes += count
        if self._discarded_bytes > self.house.limits.discarded_body_bytes_max:
            self.abort()

    def _give_up(self) -> None:
        """Count the client as gone: everyone who waits for it hears so."""
        self.lost = self._deaf = True
        self._wake_readers()

    def _look_for_reader(self, now: float, wait_s: float) -> None:
        """Cut a client that has read nothing of what waits for it."""
        unread_bytes = self.transport.get_write_buffer_size()
        if unread_bytes < self._unread_bytes:
            self._unread_since = now
        elif now - self._unread_since > wait_s:
            self._unread_since = _NEVER_READ
            self._give_up()
            self.transport.abort()
        self._unread_bytes = unread_bytes

    def _wake_readers(self) -> None:
        for waiter in self._readers:
            if not waiter.done():
                waiter.set_result(None)
        self._readers.clear()
