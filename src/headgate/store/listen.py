"""Hears NOTIFY on a connection of its own, which it opens again, with growing pauses, when it is lost.

A notification is a hint to look, never the news itself: who listens also polls. Needs a direct connection,
not a transaction pooler.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

import psycopg
from psycopg import sql

from headgate.store.database import AWAY, Connection, first_line

log = logging.getLogger("headgate.store")

PAUSE_S: Final = 0.2
PAUSE_S_MAX: Final = 5.0

Heard = Callable[[str, str], None]
"""Takes channel and payload; must neither block nor fail."""


class Listener:
    """Calls `heard` for each notification on the channels, until it is stopped."""

    def __init__(self, url: str, channels: Sequence[str], heard: Heard, *, name: str = "headgate") -> None:
        self._url = url
        self._channels = tuple(channels)
        self._heard = heard
        self._name = name
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen in a task that `stop` ends."""
        self._task = asyncio.create_task(self._listen(), name="listener")

    async def stop(self) -> None:
        """Stop listening and close the connection."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _listen(self) -> None:
        pause_s = PAUSE_S
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, application_name=f"{self._name} listener"
                ) as connection:
                    for channel in self._channels:
                        await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
                    pause_s = PAUSE_S
                    async for notification in connection.notifies():
                        self._heard(notification.channel, notification.payload)
            except AWAY as error:
                log.info("not listening for %.1f s: %s", pause_s, first_line(error))
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_S_MAX)


async def notify(connection: Connection, channel: str, payload: str = "") -> None:
    """Notify all listeners when the transaction commits."""
    await connection.execute("select pg_notify(%s, %s)", (channel, payload))
