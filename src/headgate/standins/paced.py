"""Sends a planned answer in its own time, whole or cut short on purpose.

The `core.ports.Answer` of all stand-ins. Read next: `standins.mock`, `standins.replay`.
"""

import asyncio
from collections.abc import Callable
from typing import NoReturn

import msgspec

from headgate.core.faults import UpstreamError, UpstreamTimeout
from headgate.core.fields import first_field
from headgate.core.ports import Headers, Timeouts
from headgate.standins.planned import Planned

JOINED_BYTES_MAX = 16 * 1024


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer is sent. Seconds and tokens a second (0: at once); places are indexes of pieces.

    At `cut_at` the connection breaks, at `stall_at` nothing more comes. `joined` lets pieces that are due
    together go out together.
    """

    first_token_s: float = 0.0
    tokens_per_second: float = 0.0
    cut_at: int | None = None
    stall_at: int | None = None
    joined: bool = True


AT_ONCE = Pace()

Ended = Callable[[int, bool], None]
"""Told once when an answer has ended: how many output tokens were sent, and whether it was complete."""


class Pause:
    """A wait that can be ended early."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None

    async def wait(self, seconds: float | None) -> None:
        """Wait for some seconds, or without an end; returns early after `end`."""
        loop = asyncio.get_running_loop()
        waiting = self._waiting = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, _finish, waiting)
        try:
            await waiting
        finally:
            self._waiting = None
            if timer is not None:
                timer.cancel()

    def end(self) -> None:
        """End the wait, if there is one."""
        if self._waiting is not None:
            _finish(self._waiting)


def _finish(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


class PacedAnswer:
    """An answer of a stand-in, as `core.ports.Answer`."""

    status: int
    headers: Headers

    def __init__(self, planned: Planned, pace: Pace, timeouts: Timeouts, ended: Ended) -> None:
        self.status = planned.status
        self.headers = list(planned.headers)
        self._planned = planned
        self._pace = pace
        self._timeouts = timeouts
        self._ended = ended
        self._place = 0
        self._tokens = 0
        self._closed = False
        self._told = False
        self._pause = Pause()
        self._begun = asyncio.get_running_loop().time()

    def header(self, name: bytes) -> bytes | None:
        """The first field of that lower-case name."""
        return first_field(self.headers, name)

    async def chunk(self) -> bytes:
        """The next piece of the body, empty at its end. Raises UpstreamError when it is cut short,
        UpstreamTimeout when it stalls."""
        if self._closed and not self._told_complete():
            self._break("The answer was closed before its end")
        if self._place >= len(self._planned.pieces):
            self._tell(complete=True)
            return b""
        if self._place == self._pace.stall_at:
            await self._wait(None)
        if self._place == self._pace.cut_at:
            self._break("The provider cut the connection before the end of its answer")
        await self._until_due()
        return self._take()

    async def read(self, limit_bytes: int) -> bytes:
        """The whole rest of the body. Raises UpstreamError beyond the limit."""
        parts: list[bytes] = []
        size = 0
        while part := await self.chunk():
            size += len(part)
            if size > limit_bytes:
                self.close()
                raise UpstreamError(f"The provider's answer is longer than {limit_bytes} bytes")
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        """Stop sending. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._tell(complete=self._place >= len(self._planned.pieces))
        self._pause.end()

    def _told_complete(self) -> bool:
        return self._told and self._place >= len(self._planned.pieces)

    def _tell(self, *, complete: bool) -> None:
        if not self._told:
            self._told = True
            self._ended(self._tokens, complete)

    def _break(self, message: str) -> NoReturn:
        self._tell(complete=False)
        raise UpstreamError(message)

    def _due(self, tokens_before: int) -> float:
        if not self._planned.stream:
            return self._begun
        speed = self._pace.tokens_per_second
        return self._begun + self._pace.first_token_s + (tokens_before / speed if speed > 0 else 0.0)

    async def _until_due(self) -> None:
        loop = asyncio.get_running_loop()
        piece = self._planned.pieces[self._place]
        begins = self._tokens > 0 or piece.tokens > 0
        seconds = (self._due(self._tokens) if begins else self._begun) - loop.time()
        if seconds > 0:
            await self._wait(seconds)

    async def _wait(self, seconds: float | None) -> None:
        """Wait, but no longer than the caller's patience between bytes and in all allows."""
        limits = [limit for limit in (self._timeouts.idle_s, self._left_s()) if limit is not None]
        patience = min(limits, default=None)
        if patience is not None and (seconds is None or seconds > patience):
            await self._pause.wait(patience)
            if not self._closed:
                self._tell(complete=False)
                raise UpstreamTimeout(f"The provider sent nothing for {patience:g} seconds")
        else:
            await self._pause.wait(seconds)
        if self._closed:
            self._break("The answer was closed before its end")

    def _left_s(self) -> float | None:
        total = self._timeouts.total_s
        if total is None:
            return None
        return max(self._begun + total - asyncio.get_running_loop().time(), 0.0)

    def _take(self) -> bytes:
        """Take the next piece, and with it those that are due as well."""
        pieces = self._planned.pieces
        piece = pieces[self._place]
        self._place += 1
        self._tokens += piece.tokens
        if not self._pace.joined or self._pace.tokens_per_second > 0 or self._pace.first_token_s > 0:
            return piece.data
        parts = [piece.data]
        size = len(piece.data)
        stops = (self._pace.cut_at, self._pace.stall_at)
        while self._place < len(pieces) and self._place not in stops and size < JOINED_BYTES_MAX:
            piece = pieces[self._place]
            self._place += 1
            self._tokens += piece.tokens
            size += len(piece.data)
            parts.append(piece.data)
        return b"".join(parts)
