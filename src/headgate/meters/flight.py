"""One operation at a time, which nobody who waits for it can cancel.

An answer of the database is taken in even if every call that waited for it has gone; a call waits only as
long as it has patience. Read next: `meters.purse`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

FLIGHT_S_MAX = 10.0
"""After so long an operation is cut, because nothing will come back from it."""


class SingleFlight:
    """Runs operations one after the other on the event loop that calls it."""

    def __init__(self) -> None:
        self._task: asyncio.Task[Any] | None = None
        self._began = 0.0

    @property
    def is_busy(self) -> bool:
        """Say whether an operation runs."""
        return self._task is not None and not self._task.done()

    async def land(self, patience_s: float) -> None:
        """Wait for the operation that runs. Raises TimeoutError once it has run for `patience_s`; what
        becomes of it concerns those who began it."""
        task = self._task
        if task is None or task.done():
            return
        left_s = self._began + patience_s - asyncio.get_running_loop().time()
        if left_s <= 0 or not (await asyncio.wait({task}, timeout=left_s))[0]:
            raise TimeoutError(f"no answer within {patience_s} s")

    async def fly(self, operation: Callable[[], Coroutine[Any, Any, T]], patience_s: float) -> T:
        """Begin the operation, and return its result. The caller has seen that none runs.

        Raises what the operation raises, and TimeoutError once it has run for `patience_s`; it goes on then.
        """
        assert not self.is_busy, "two operations at a time"
        task = asyncio.create_task(_bounded(operation()))
        task.add_done_callback(_mark_seen)
        self._task = task
        self._began = asyncio.get_running_loop().time()
        await self.land(patience_s)
        return task.result()

    async def close(self, patience_s: float) -> None:
        """Wait for the operation that runs, and cut it after `patience_s`."""
        task = self._task
        if task is not None and not (await asyncio.wait({task}, timeout=patience_s))[0]:
            task.cancel()
            await asyncio.wait({task})


async def _bounded(operation: Awaitable[T]) -> T:
    async with asyncio.timeout(FLIGHT_S_MAX):
        return await operation


def _mark_seen(task: asyncio.Task[Any]) -> None:
    # Those who had patience raise it themselves; without them it would be reported as never retrieved.
    if not task.cancelled():
        task.exception()
