"""Whoever keeps the embedded PostgreSQL goes on, whatever a look at it raises."""

import asyncio
from pathlib import Path

import pytest

from headgate.core.faults import Unavailable
from headgate.store.embedded import EmbeddedPostgres
from headgate.store.keeper import keep
from headgate.store.tasks import end_tasks


class Unlucky(EmbeddedPostgres):
    """A server that can't be looked at the first times."""

    def __init__(self, folder: Path, *failures: Exception) -> None:
        super().__init__(folder)
        self.failures = list(failures)
        self.was_seen = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def revive(self) -> bool:
        """Fail while there are failures left."""
        if self.failures:
            raise self.failures.pop(0)
        self.loop.call_soon_threadsafe(self.was_seen.set)
        return False


@pytest.mark.parametrize(
    "failure", [RuntimeError("can't start new thread"), OSError("no"), Unavailable("no")]
)
async def test_a_keeper_goes_on_whatever_a_look_raises(tmp_path: Path, failure: Exception) -> None:
    server = Unlucky(tmp_path, failure)
    keeping = asyncio.create_task(keep(server))
    try:
        async with asyncio.timeout(20):
            await asyncio.wait(
                {keeping, asyncio.create_task(server.was_seen.wait())}, return_when="FIRST_COMPLETED"
            )
        assert not keeping.done()
    finally:
        await end_tasks([keeping])
