"""The client pool: which connection serves which request. A `core.ports.Transport` for HTTP/1.1.

A request on a kept connection makes no task and no timer. Never here: models, credentials, retries other
than of a connection that had died while it was idle. Read next: `connection`.
"""

import asyncio
from collections import deque
from typing import Final

from headgate.core.faults import UpstreamError, UpstreamTimeout
from headgate.core.ports import Answer, Origin, Outgoing
from headgate.http1.connecting import Connector, origin_text
from headgate.http1.connection import Connection, StaleConnection
from headgate.http1.heads import HeadWriter, host_field
from headgate.http1.limits import ClientLimits
from headgate.http1.proxies import Proxy, ProxySettings
from headgate.http1.tls import TlsSettings

_CLOSE_WAIT_S: Final = 1.0


class Lane:
    """The connections to one origin: the idle ones (youngest last) and a count of all."""

    __slots__ = ("_pool", "idle", "open", "origin", "proxy", "text", "writer")

    def __init__(self, pool: "HttpTransport", origin: Origin, proxy: Proxy | None) -> None:
        self._pool = pool
        self.origin = origin
        self.proxy = proxy
        self.text = origin_text(origin)
        self.open = 0
        self.idle: deque[Connection] = deque()
        prefix = extra = b""
        if proxy is not None and origin.scheme == "http":
            prefix = b"http://" + host_field(origin)
            extra = b"\r\nproxy-authorization: " + proxy.authorization if proxy.authorization else b""
        self.writer = HeadWriter(origin, target_prefix=prefix, extra=extra)

    def released(self, connection: Connection) -> None:
        """Take a connection back whose answer is complete."""
        self._pool.take_back(self, connection)

    def lost(self, connection: Connection) -> None:
        """Forget a connection that is gone."""
        self._pool.forget(self, connection)


class HttpTransport:
    """Sends requests over kept connections; `core.ports.Transport` for http, https and unix origins.

    `connections_opened` counts every connection that ever stood, `connections_open` those that stand or are
    being opened, `idle` those that wait for a request.
    """

    def __init__(
        self,
        *,
        tls: TlsSettings | None = None,
        proxies: ProxySettings | None = None,
        limits: ClientLimits | None = None,
    ) -> None:
        self._proxies = proxies or ProxySettings()
        self._limits = limits or ClientLimits()
        self._connector = Connector(tls or TlsSettings())
        self._lanes: dict[Origin, Lane] = {}
        self._queue: deque[tuple[Lane, asyncio.Future[Connection | None]]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        self._all_gone: asyncio.Future[None] | None = None
        self.connections_opened = 0
        self.connections_open = 0

    @property
    def idle(self) -> int:
        """How many connections wait for a request."""
        return sum(len(lane.idle) for lane in self._lanes.values())

    async def send(self, outgoing: Outgoing) -> Answer:
        """Send a request and return once status and headers are here.

        A kept connection that turns out to be dead before a byte of the answer is replaced once, for bodies
        that can be sent again. Cancelling cuts the connection. Raises InvalidRequest for a head that can't be
        written, UpstreamError and UpstreamTimeout with `sent` telling whether a byte had left, and whatever
        the body's iterator raises.
        """
        started_at = asyncio.get_running_loop().time()
        lane = self._lane(outgoing.origin)
        head = lane.writer.write(outgoing)
        connection = self._take_idle(lane, started_at)
        if connection is None:
            connection = await self._open(lane, outgoing.timeouts.connect_s)
        try:
            return await connection.exchange(outgoing, head, started_at)
        except StaleConnection as stale:
            if not isinstance(outgoing.body, bytes):
                raise stale.fault from None
        # What else waits in this lane is as old and probably as dead.
        while lane.idle:
            self._drop(lane, lane.idle.popleft())
        lane = self._lane(outgoing.origin)
        try:
            connection = await self._open(lane, outgoing.timeouts.connect_s)
            return await connection.exchange(outgoing, head, started_at)
        except StaleConnection as stale:
            raise stale.fault from None
        except (UpstreamError, UpstreamTimeout) as fault:
            fault.sent = True  # by the first try, even if the second did not get as far
            raise

    async def close(self) -> None:
        """Close idle connections and take no more requests; open answers can be read to their end."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        busy = self.connections_open - self.idle
        for lane in self._lanes.values():
            while lane.idle:
                lane.idle.popleft().close()
        if self.connections_open > busy:
            self._all_gone = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._all_gone], timeout=_CLOSE_WAIT_S if not busy else 0)

    # -- the lanes' side

    def take_back(self, lane: Lane, connection: Connection) -> None:
        """Give a free connection to who waits for this origin, else keep it."""
        if self._closed:
            connection.close()
            return
        for place, (waiting, turn) in enumerate(self._queue):
            if waiting is lane and not turn.done():
                del self._queue[place]
                turn.set_result(connection)
                return
        if self._queue:  # for another origin, for which there is no room
            self._drop(lane, connection)
            return
        lane.idle.append(connection)
        if self._sweeper is None:
            loop = asyncio.get_running_loop()
            self._sweeper = loop.call_later(self._limits.idle_s, self._sweep)

    def forget(self, lane: Lane, connection: Connection) -> None:
        """Take a lost connection out of the counts."""
        if connection in lane.idle:
            lane.idle.remove(connection)
        if connection.counted:
            connection.counted = False
            self._leave(lane)
        if self._all_gone is not None and not self.connections_open and not self._all_gone.done():
            self._all_gone.set_result(None)

    # -- inside

    def _lane(self, origin: Origin) -> Lane:
        if self._closed:
            raise UpstreamError("the client pool is closed; the process is ending", sent=False)
        lane = self._lanes.get(origin)
        if lane is None:
            lane = self._lanes[origin] = Lane(self, origin, self._proxies.proxy_for(origin))
        return lane

    def _take_idle(self, lane: Lane, now: float) -> Connection | None:
        while lane.idle:
            connection = lane.idle.pop()
            if connection.usable and now - connection.last_byte_at < self._limits.idle_s:
                return connection
            self._drop(lane, connection)
        return None

    def _drop(self, lane: Lane, connection: Connection) -> None:
        """Close a connection that serves nobody; its place is free at once."""
        connection.close()
        if connection.counted:
            connection.counted = False
            self._leave(lane)

    async def _open(self, lane: Lane, timeout_s: float) -> Connection:
        """Return a connection: a new one, or where the bounds allow none, the next that becomes free."""
        while not self._may_open(lane):
            free = await self._wait_for_turn(lane, timeout_s)
            if free is None:
                break
            if free.usable:
                return free
            self._drop(lane, free)
        else:
            self._enter(lane)
        try:
            connection = await self._connector.connect(
                lambda: Connection(lane, lane.text, self._limits), lane.origin, lane.proxy, timeout_s
            )
        except BaseException:
            self._leave(lane)
            raise
        connection.counted = True
        self.connections_opened += 1
        return connection

    def _enter(self, lane: Lane) -> None:
        lane.open += 1
        self.connections_open += 1

    def _leave(self, lane: Lane) -> None:
        lane.open -= 1
        self.connections_open -= 1
        for place, (waiting, turn) in enumerate(self._queue):
            if not turn.done() and self._may_open(waiting):
                del self._queue[place]
                self._enter(waiting)
                turn.set_result(None)
                return

    def _may_open(self, lane: Lane) -> bool:
        if lane.open >= self._limits.connections_per_origin_max:
            return False
        if self.connections_open < self._limits.connections_max:
            return True
        for other in self._lanes.values():
            if other.idle:
                connection = other.idle.popleft()
                connection.counted = False
                connection.close()
                other.open -= 1
                self.connections_open -= 1
                return True
        return False

    async def _wait_for_turn(self, lane: Lane, timeout_s: float) -> Connection | None:
        """Wait for a free connection, or for a place to open one (None, already counted)."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Connection | None] = loop.create_future()
        entry = (lane, turn)
        self._queue.append(entry)
        try:
            async with asyncio.timeout(timeout_s):
                connection = await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                given = turn.result()
                if given is None:
                    self._leave(lane)
                else:
                    self.take_back(lane, given)
            elif entry in self._queue:
                self._queue.remove(entry)
            if isinstance(error, TimeoutError):
                raise UpstreamTimeout(
                    f"all {self._limits.connections_per_origin_max} connections to {lane.text} (or "
                    f"{self._limits.connections_max} in all) stayed busy for {timeout_s:g} s; try later",
                    sent=False,
                ) from None
            raise
        return connection

    def _sweep(self) -> None:
        """Close what has been idle for too long; runs only while something is idle."""
        self._sweeper = None
        loop = asyncio.get_running_loop()
        oldest = now = loop.time()
        for origin, lane in list(self._lanes.items()):
            while lane.idle and now - lane.idle[0].last_byte_at >= self._limits.idle_s - 0.01:
                self._drop(lane, lane.idle.popleft())
            if lane.idle:
                oldest = min(oldest, lane.idle[0].last_byte_at)
            elif not lane.open and all(waiting is not lane for waiting, _ in self._queue):
                del self._lanes[origin]
        if any(lane.idle for lane in self._lanes.values()):
            self._sweeper = loop.call_at(oldest + self._limits.idle_s, self._sweep)
