"""The beginning of an answer: held back until commit, but a stream's line is kept alive after ten seconds.

Headers leave once. A stream whose first token is slow gets its headers early, without a target, and comments
from then on; what fails after that can only be an error event.
"""

import asyncio
from typing import Final

from headgate.core.faults import ClientClosed
from headgate.core.ports import Exchange, Headers
from headgate.gateway.call import Call

KEEP_ALIVE_S: Final = 10.0
"""How long a client waits without a sign."""
COMMENT: Final = b": waiting for the first token\n\n"
STREAM_HEADERS: Final[Headers] = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
]


class Opening:
    """Sends status and headers exactly once, whoever comes first: the answer, or the keep-alive."""

    __slots__ = ("_call", "_every_s", "_task", "_timer", "exchange", "started")

    def __init__(self, call: Call, exchange: Exchange, every_s: float = KEEP_ALIVE_S) -> None:
        self._call = call
        self._every_s = every_s
        self.exchange = exchange
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.started = False

    @property
    def is_alive(self) -> bool:
        """Whether a keep-alive is set, or under way."""
        return self._timer is not None or self._task is not None

    def keep_alive(self) -> None:
        """From ten seconds on, if nothing has started by then, keep the line of a stream of events alive."""
        if self._call.streams_events:
            self._timer = asyncio.get_running_loop().call_later(self._every_s, self._begin)

    def _begin(self) -> None:
        if not self.started:
            self._task = asyncio.create_task(self._comment())

    async def _comment(self) -> None:
        own: Headers = [
            (b"x-headgate-request-id", self._call.request_id.encode()),
            (b"x-headgate-snapshot", self._call.snapshot.id.encode()),
        ]
        try:
            await self.exchange.start(200, STREAM_HEADERS + own)
            self.started = True
            while True:
                await self.exchange.send(COMMENT)
                await asyncio.sleep(self._every_s)
        except ClientClosed:
            return

    async def stop(self) -> None:
        """End the keep-alive; afterwards only the caller writes to the exchange."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])

    async def start(self, exchange: Exchange, status: int, headers: Headers) -> None:
        """Begin a stream, unless the keep-alive has."""
        await self.stop()
        if not self.started:
            self.started = True
            await exchange.start(status, headers)

    async def respond(self, exchange: Exchange, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer; on a line that the keep-alive has opened, its body only."""
        await self.stop()
        if self.started:
            await exchange.send(body)
            await exchange.finish()
            return
        self.started = True
        await exchange.respond(status, headers, body)
