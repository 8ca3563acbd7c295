"""Notifications: LISTEN on a connection of its own, reconnected with back-off, and NOTIFY.

A notification is a hint, never the truth: one sent while the connection was away is lost, so listeners look
again after each (re)connection. Needs a direct connection, not a transaction pooler.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Sequence

import psycopg
from psycopg import sql

from headgate.core.faults import Unavailable
from headgate.store.database import Connection, connect, is_away
from headgate.store.queries import Queries

log = logging.getLogger("headgate.store")

SILENCE_S = 15.0
"""After how long without a notification the connection is tried."""

BACKOFF_S = 0.1
BACKOFF_S_MAX = 5.0

_queries = Queries.load("headgate.store")


async def notify(connection: Connection, channel: str, payload: str = "") -> None:
    """Tell all listeners of the channel, once the surrounding transaction commits (8000 bytes at most)."""
    await connection.execute(_queries.notify, {"channel": channel, "payload": payload})


class Listener:
    """Calls `heard(channel, payload)` for each notification, and `on_connected()` when it listens anew.

    The callbacks run on the loop and must return at once: set an event, wake a task.
    """

    def __init__(
        self,
        url: str,
        channels: Sequence[str],
        heard: Callable[[str, str], None],
        *,
        on_connected: Callable[[], None] | None = None,
        name: str = "listener",
    ) -> None:
        self._url = url
        self._channels = tuple(channels)
        self._heard = heard
        self._on_connected = on_connected
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self.connected = False

    def start(self) -> None:
        """Listen in a task that `stop` ends."""
        self._task = asyncio.create_task(self.run(), name=f"{self._name} listener")

    async def stop(self) -> None:
        """Stop listening and close the connection. Raises what ended the task before, if anything did."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def run(self) -> None:
        """Listen until cancelled; a database that is away is tried again for as long as it takes."""
        failures = 0
        while True:
            try:
                await self._listen()
            except (Unavailable, psycopg.Error) as error:
                if isinstance(error, psycopg.Error) and not is_away(error):
                    raise
                if self.connected:
                    failures = 0
                    log.warning("notifications: the database is away (%s)", str(error).strip())
            finally:
                self.connected = False
            wait_s = min(BACKOFF_S * 2 ** min(failures, 10), BACKOFF_S_MAX)
            failures += 1
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))

    async def _listen(self) -> None:
        connection = await connect(self._url, self._name)
        try:
            for channel in self._channels:
                await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
            self.connected = True
            if self._on_connected is not None:
                self._on_connected()
            while True:
                async for notification in connection.notifies(timeout=SILENCE_S):
                    self._heard(notification.channel, notification.payload)
                await connection.execute("select 1")
        finally:
            await connection.close()
