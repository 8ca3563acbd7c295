"""What a gateway writes its journal with: every entry is with the operating system before `append` returns.

A killed process so loses nothing; a thread syncs every 50 ms, and `durable` waits for that. A stalled disk is
seen by the thread, not by the loop: from then on entries are `late`, and `written` waits. Room for the
ends of all calls in flight is kept ahead, and at the bound bodies are dropped first. Never reads.
Read next: `journal.segment`, `journal.late`, `journal.shipper`.
"""

import asyncio
import logging
import os
import threading
import time
import uuid
from pathlib import Path
from typing import Final

from headgate.core.faults import Unavailable
from headgate.journal.folder import make_locked, segments
from headgate.journal.format import frame_seeded, kind_seed, seed_of
from headgate.journal.late import LATE_BODIES_BYTES_MAX, LATE_S, LateEntries, Waiter, resolve
from headgate.journal.segment import Stream

log = logging.getLogger("headgate.journal")

SYNC_S: Final = 0.05
COUNT_S: Final = 0.5
STALL_S: Final = 1.0
ROOM_BYTES: Final = 4 * 1024 * 1024
"""How much room behind the end a new call needs: the ends of over a thousand calls in flight."""
ROOM_AHEAD_BYTES: Final = 2 * ROOM_BYTES
"""How much room the thread keeps, so that what is written between two of its rounds leaves ROOM_BYTES."""

WRITTEN_S_MAX: Final = 30.0
"""How long an answer waits for a disk that stalls."""


class JournalWriter:
    """The journal of one boot of one gateway process. `append`s belong to one event loop.

    `total_bytes_max` bounds what waits for the shipper: from three quarters of it on bodies are dropped, from
    it on the journal is not healthy. Raises FileExistsError for a boot that has a journal already.
    """

    def __init__(
        self,
        folder: Path,
        boot: uuid.UUID,
        *,
        segment_bytes_max: int = 64 * 1024 * 1024,
        total_bytes_max: int = 4 * 1024 * 1024 * 1024,
    ) -> None:
        self.boot = boot
        self.folder = folder / str(boot)
        self.total_bytes = 0
        self._seed = seed_of(boot)
        self._seeds: dict[int, int] = {}
        self._total_bytes_max = total_bytes_max
        self._lock = make_locked(self.folder)
        self._accounting = Stream(self.folder, "acct", segment_bytes_max)
        self._bodies = Stream(self.folder, "body", segment_bytes_max)
        self._full = False
        self._crowded = False
        self._wake = threading.Event()
        self._woken = False
        self._closing = False
        self._syncing_since_s: float | None = None
        self._counted_s = 0.0
        self._waiting: list[Waiter] = []
        self._waiting_lock = threading.Lock()
        self._late = LateEntries()
        self._late_bodies = LateEntries(LATE_BODIES_BYTES_MAX)
        # Two, since the loop counts in one and the thread in the other.
        self._bodies_dropped = self._late_bodies_dropped = 0
        try:
            self._accounting.prepare(ROOM_AHEAD_BYTES)
        except OSError as error:
            # Better a process that refuses calls in words than none; the thread tries again.
            self._note_crowded(error)
        self._thread = threading.Thread(target=self._sync_often, name="journal-sync", daemon=True)
        self._thread.start()

    @property
    def healthy(self) -> bool:
        """Whether a new call can be put on record: there is room, and the disk keeps up."""
        since_s = self._syncing_since_s
        stalled = since_s is not None and time.monotonic() - since_s > STALL_S
        has_room = self._accounting.current.room_bytes >= ROOM_BYTES
        return has_room and not (self._full or stalled or self.total_bytes >= self._total_bytes_max)

    @property
    def is_late(self) -> bool:
        """Whether accounting entries wait in memory for a disk that stalls."""
        return self._late.is_open

    @property
    def bodies_dropped(self) -> int:
        """How many bodies were not kept since the start."""
        return self._bodies_dropped + self._late_bodies_dropped

    def append(self, kind: int, payload: bytes) -> None:
        """Write an accounting entry. Raises OSError when even the room kept for it is used up."""
        data = self._frame(kind, payload)
        if self._late.is_open or self._syncs_long():
            self._late.add(data)
        else:
            self._accounting.append(data)
        self._added(data)

    def append_body(self, kind: int, payload: bytes) -> bool:
        """Write an entry of the bodies, or keep it while the disk stalls; say whether it is not dropped.

        It is at three quarters of the bound, and where too much waits for the disk.
        """
        data = self._frame(kind, payload)
        if self._full or self.total_bytes + len(data) > self._total_bytes_max * 3 // 4:
            self._bodies_dropped += 1
            return False
        if self._late_bodies.is_open or self._syncs_long():
            if not self._late_bodies.add(data):
                self._bodies_dropped += 1
                return False
        else:
            try:
                self._bodies.append(data)
            except OSError as error:
                # Not full: for the accounting of calls there is room ahead.
                self._note_crowded(error)
                self._bodies_dropped += 1
                return False
        self._added(data)
        return True

    def _frame(self, kind: int, payload: bytes) -> bytes:
        seeded = self._seeds.get(kind)
        if seeded is None:
            seeded = self._seeds[kind] = kind_seed(kind, self._seed)
        return frame_seeded(kind, payload, seeded)

    def _added(self, data: bytes) -> None:
        self.total_bytes += len(data)
        # Set anew for each entry, the event would cost more than the entry.
        if not self._woken:
            self._woken = True
            self._wake.set()

    async def written(self, timeout_s: float = WRITTEN_S_MAX) -> None:
        """Return when all that was appended is with the operating system: at once, unless the disk stalls.

        Raises Unavailable when it does so for too long.
        """
        await _all_written(self._late, timeout_s)

    async def bodies_written(self, timeout_s: float = WRITTEN_S_MAX) -> None:
        """The same of all bodies; those that could not be written, `bodies_dropped` counts by then."""
        await _all_written(self._late_bodies, timeout_s)

    async def durable(self) -> None:
        """Return when all that was appended so far has reached the disk. Raises Unavailable if it can't."""
        await self.written()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        with self._waiting_lock:
            self._waiting.append((loop, done))
        self._wake.set()
        await done

    def close(self) -> None:
        """Sync and close; give up the lock, so that the shipper knows that nothing more comes. Blocks."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout=10)
        if self._thread.is_alive():
            log.error("the disk does not answer: the journal stays open until the process ends")
            return
        self._accounting.close()
        self._bodies.close()
        os.close(self._lock)

    def _sync_often(self) -> None:
        while not self._closing:
            # Woken in vain from time to time: what the shipper has taken away is room again.
            self._wake.wait(COUNT_S)
            self._wake.clear()
            self._woken = False  # before looking, so that what comes meanwhile wakes again
            self._sync_once()
            time.sleep(SYNC_S)
        self._sync_once()

    def _sync_once(self) -> None:
        with self._waiting_lock:
            waiting, self._waiting = self._waiting, []
        self._syncing_since_s = time.monotonic()
        failure: OSError | None = None
        try:
            self._accounting.sync()
            self._bodies.sync()
        except OSError as error:
            failure = error
        for loop, done in waiting:
            loop.call_soon_threadsafe(resolve, done, failure)
        try:
            self._count()
            self._accounting.prepare(ROOM_AHEAD_BYTES)
            self._bodies.prepare(0)
            self._sync_folder()
        except OSError as error:
            # Calls go on in the room that was kept before; `healthy` knows how much is left of it.
            self._note_crowded(error)
        else:
            self._crowded = False
        try:
            self._write_late()
            while self._write_late_bodies():
                self._write_late()
        except OSError as error:
            failure = failure or error
        self._syncing_since_s = None
        if failure is not None:
            self._note_full(failure)
        elif self._full:
            self._full = False
            log.warning("the journal of boot %s can be written again", self.boot)

    def _syncs_long(self) -> bool:
        since_s = self._syncing_since_s
        return since_s is not None and time.monotonic() - since_s > LATE_S

    def _write_late(self) -> None:
        while entries := self._late.take():
            for place, data in enumerate(entries):
                try:
                    self._accounting.append(data)
                except OSError:
                    self._late.put_back(entries[place:])
                    raise
            self._wake.set()

    def _write_late_bodies(self) -> bool:
        """Write what waits now; say whether there was any. What can't be written is dropped."""
        bodies = self._late_bodies.take()
        for data in bodies:
            try:
                self._bodies.append(data)
            except OSError as error:
                self._note_crowded(error)
                self._late_bodies_dropped += 1
        if bodies:
            self._wake.set()
        return bool(bodies)

    def _note_full(self, error: OSError) -> None:
        if not self._full:
            log.error("the journal can't be written: %s; new calls are refused until it can", error)
        self._full = True

    def _note_crowded(self, error: OSError) -> None:
        if not self._crowded:
            log.error("the disk has no room for the journal: %s; bodies are dropped, calls come next", error)
        self._crowded = True

    def _sync_folder(self) -> None:
        if not (self._accounting.made or self._bodies.made):
            return
        self._accounting.made = self._bodies.made = False
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _count(self) -> None:
        """Count anew what waits for the shipper: what it has shipped no longer counts against the bound."""
        now_s = time.monotonic()
        if now_s - self._counted_s >= COUNT_S:
            self._counted_s = now_s
            self.total_bytes = sum(file.size for file in segments(self.folder) if not file.shipped)


async def _all_written(entries: LateEntries, timeout_s: float) -> None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    if not entries.wait((loop, done)):
        return
    try:
        async with asyncio.timeout(timeout_s):
            await done
    except TimeoutError:
        raise Unavailable("the disk stalls, and nothing can be recorded", retry_after_s=5) from None
