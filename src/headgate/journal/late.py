"""Entries that wait in memory while the disk does not answer, in order, until the sync thread writes them.

Writing to a file whose disk stalls may block for as long as the stall lasts, so that from its first sign on
the loop writes nothing itself. Whoever lets a byte out that an entry has to precede waits for `written`.
Each stream has its own, so that accounting never waits for bodies. Read next: `journal.writer`.
"""

import asyncio
import threading
from typing import Final

from headgate.core.faults import Unavailable

Waiter = tuple[asyncio.AbstractEventLoop, "asyncio.Future[None]"]

LATE_S: Final = 0.1
"""How long a sync may take before the disk is taken to stall."""
LATE_BODIES_BYTES_MAX: Final = 16 * 1024 * 1024
"""How much of bodies waits in memory; what comes beyond is dropped."""


class LateEntries:
    """Of one stream. `add` and `wait` belong to the loop, `take` and `put_back` to the thread.

    While `is_open` only the thread writes to the segments; once it finds nothing left, only the loop does.
    `bytes_max` bounds what is kept until the thread takes it; None: nothing is ever refused.
    """

    __slots__ = ("_bytes", "_bytes_max", "_entries", "_lock", "_waiting", "is_open")

    def __init__(self, bytes_max: int | None = None) -> None:
        self.is_open = False
        self._bytes = 0
        self._bytes_max = bytes_max
        self._entries: list[bytes] = []
        self._waiting: list[Waiter] = []
        self._lock = threading.Lock()

    def add(self, data: bytes) -> bool:
        """Keep an entry for the thread; say whether there was room for it."""
        with self._lock:
            if self._bytes_max is not None and self._bytes + len(data) > self._bytes_max:
                return False
            self.is_open = True
            self._bytes += len(data)
            self._entries.append(data)
            return True

    def wait(self, waiter: Waiter) -> bool:
        """Have the future resolved once all entries are written; say whether there is anything to write."""
        with self._lock:
            if self.is_open:
                self._waiting.append(waiter)
            return self.is_open

    def take(self) -> list[bytes]:
        """Return what is to be written next; if there is nothing, the loop writes for itself from now on."""
        with self._lock:
            entries, self._entries, self._bytes = self._entries, [], 0
            if entries:
                return entries
            self.is_open = False
            waiting, self._waiting = self._waiting, []
        for loop, done in waiting:
            loop.call_soon_threadsafe(resolve, done, None)
        return []

    def put_back(self, entries: list[bytes]) -> None:
        """Keep what could not be written, before all that came since."""
        with self._lock:
            self._entries[:0] = entries
            self._bytes += sum(map(len, entries))


def resolve(done: "asyncio.Future[None]", failure: OSError | None) -> None:
    """Let a waiter go on, or fail with what kept its entries from the disk; on its loop."""
    if done.done():
        return
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(Unavailable(f"the journal can't be synced to the disk ({failure})"))
