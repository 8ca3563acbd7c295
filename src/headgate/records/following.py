"""What a list shows, followed as server-sent events: what is new of its newest items, again and again.

Items are remembered, not compared by time: a call that took long has an older id than one that did not. Read
next: `records.http`, `traces.reading.http`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from litestar.response import ServerSentEventMessage

from headgate.core.faults import Fault, Limited

FOLLOWERS_MAX: Final = 32
FOLLOWED_BACK: Final = timedelta(hours=1)
FOLLOWED_PAGE: Final = 200
KEEP_ALIVE_S: Final = 15.0
SEEN_MAX: Final = 20_000


class Followers:
    """Counts who follows, so that there is a bound."""

    def __init__(self) -> None:
        self.count = 0

    def check(self) -> None:
        """Raise Limited where as many follow as may."""
        if self.count >= FOLLOWERS_MAX:
            raise Limited(f"{FOLLOWERS_MAX} clients follow already; try again later", retry_after_s=10)


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """What is followed: `kind` names its events, `place` is what an item is known by.

    `newest` returns the newest items since a time, newest first. With `grows` an item is sent again when it
    has changed.
    """

    kind: str
    newest: Callable[[datetime], Awaitable[Sequence[Any]]]
    place: Callable[[Any], Hashable]
    poll_s: float
    grows: bool = False


class _Seen:
    """Remembers what was sent."""

    def __init__(self, followed: Followed, begin: datetime | None) -> None:
        self._followed = followed
        self._begin = begin
        self._sent: dict[Hashable, bytes] = {}

    async def news(self) -> list[bytes]:
        """Return what is new since the last time, oldest first."""
        begin = datetime.now(UTC) - FOLLOWED_BACK
        items = await self._followed.newest(begin if self._begin is None else max(begin, self._begin))
        found: list[bytes] = []
        for item in reversed(items):
            place = self._followed.place(item)
            said = msgspec.json.encode(item) if self._followed.grows or place not in self._sent else b""
            if place not in self._sent or (self._followed.grows and self._sent[place] != said):
                self._sent[place] = said if self._followed.grows else b""
                found.append(said)
        while len(self._sent) > SEEN_MAX:
            del self._sent[next(iter(self._sent))]
        return found


async def follow(
    followed: Followed, begin: datetime | None, check: Callable[[], object], following: Followers
) -> AsyncIterator[ServerSentEventMessage]:
    """Send what is new after `begin`, until `check` refuses the key."""
    following.count += 1
    try:
        seen = _Seen(followed, begin)
        await seen.news()
        yield ServerSentEventMessage(comment="following", data=None)
        quiet_s = 0.0
        while True:
            await asyncio.sleep(followed.poll_s)
            quiet_s += followed.poll_s
            check()
            for said in await seen.news():
                quiet_s = 0.0
                yield ServerSentEventMessage(data=said.decode(), event=followed.kind)
            if quiet_s >= KEEP_ALIVE_S:
                quiet_s = 0.0
                yield ServerSentEventMessage(comment="still here", data=None)
    except Fault as fault:
        error = {"code": fault.code, "message": fault.message, "hint": fault.hint}
        yield ServerSentEventMessage(data=msgspec.json.encode({"error": error}).decode(), event="error")
    finally:
        following.count -= 1
