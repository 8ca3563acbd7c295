"""Watches headgate.toml and hands on each new snapshot; a file that is refused leaves the old one in force.

Never activates anything itself. The file is compared by time, inode and size, so that editors which replace
it are noticed too.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from headgate.config.compile import compile_file
from headgate.config.snapshot import Snapshot
from headgate.core.faults import Fault, Misconfigured

POLL_S = 0.3
SETTLE_S = 0.1

_log = logging.getLogger(__name__)

OnSnapshot = Callable[[Snapshot], Awaitable[None]]
OnRefused = Callable[[Misconfigured], Awaitable[None]]

_Signature = tuple[int, int, int] | None


class ConfigurationWatcher:
    """Looks at one file every `poll_s` seconds until its task is cancelled.

    `on_snapshot` gets each snapshot whose id differs from the last; `on_refused` each refusal, once. What
    `on_snapshot` raises as Misconfigured counts as a refusal; after any other Fault it is tried again.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_snapshot: OnSnapshot,
        on_refused: OnRefused | None = None,
        current: str | None = None,
        poll_s: float = POLL_S,
    ) -> None:
        self._path = path
        self._on_snapshot = on_snapshot
        self._on_refused = on_refused
        self._current = current
        self._poll_s = poll_s
        self._signature: _Signature = None
        self._seen = False

    @property
    def current(self) -> str | None:
        """The id of the last snapshot that was handed on."""
        return self._current

    async def run(self) -> None:
        """Watch until cancelled. The first look counts as a change, so that nothing is missed at start."""
        while True:
            await self.look()
            await asyncio.sleep(self._poll_s)

    async def look(self) -> None:
        """Look once, and hand on what is new."""
        signature = await asyncio.to_thread(_signature_of, self._path)
        if self._seen and signature == self._signature:
            return
        if self._seen:
            signature = await self._settled(signature)
        self._seen = True
        self._signature = signature
        try:
            today = datetime.now(UTC).date()
            snapshot = await asyncio.to_thread(compile_file, self._path, today=today)
            if snapshot.id == self._current:
                return
            await self._on_snapshot(snapshot)
        except Misconfigured as fault:
            _log.error("configuration refused, the one before stays in force: %s", fault)
            if self._on_refused is not None:
                await self._on_refused(fault)
            return
        except Fault as fault:
            # Not the file's fault: the database is away, or someone else activated meanwhile.
            _log.warning("configuration not taken yet, trying again: %s", fault)
            self._seen = False
            return
        self._current = snapshot.id
        _log.info("configuration %s read from %s", snapshot.id, self._path.name)

    async def _settled(self, signature: _Signature) -> _Signature:
        """Wait until nobody writes the file any more: half of it may be valid, and mean something else."""
        while True:
            await asyncio.sleep(SETTLE_S)
            again = await asyncio.to_thread(_signature_of, self._path)
            if again == signature:
                return signature
            signature = again


def _signature_of(path: Path) -> _Signature:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
