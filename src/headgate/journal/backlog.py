"""Looks at how much of this host's journals waits, so that people hear of it before calls are refused."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from headgate.core.entries import Alert
from headgate.core.ports import Clock
from headgate.journal.folder import boots

GROWING_BYTES: Final = 1024 * 1024 * 1024
AGAIN_MS: Final = 15 * 60 * 1000


class JournalWatch:
    """Raises an alert, at most every quarter of an hour, while the journals take up more than a gigabyte."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._told_ms: int | None = None

    async def look(self) -> Sequence[Alert]:
        """Return what people should hear of now."""
        size = await asyncio.to_thread(_size, self._folder)
        now_ms = self._clock.now_ms()
        if size < GROWING_BYTES or (self._told_ms is not None and now_ms - self._told_ms < AGAIN_MS):
            return ()
        self._told_ms = now_ms
        megabytes = size // (1024 * 1024)
        message = f"the journals hold {megabytes} MB; is the database away, or the shipper behind?"
        return (Alert(now_ms, "journal_growing", str(self._folder.name), message),)


def _size(folder: Path) -> int:
    total = 0
    for boot in boots(folder):
        for path in (folder / str(boot)).glob("*.seg"):
            try:
                total += path.stat().st_size
            except FileNotFoundError:
                continue
    return total
