"""A gateway as a worker: serves, keeps itself in step, publishes what it counts, and drains in order.

Read next: `gateway.front`, which answers each request.
"""

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

import msgspec

from headgate.core.faults import Fault
from headgate.core.ports import Server
from headgate.gateway.front import Front
from headgate.gateway.plane import DataPlane
from headgate.gateway.refresh import Refresher
from headgate.store.listen import Listener
from headgate.store.tasks import end_tasks

log = logging.getLogger("headgate.gateway")

PUBLISH_S: Final = 1.0
GOODBYE_S_MAX: Final = 2.0


class GatewayService:
    """Runs one gateway until it is told to drain."""

    def __init__(
        self,
        plane: DataPlane,
        front: Front,
        server: Server,
        refresher: Refresher,
        *,
        listener: Listener,
        metrics_path: Path,
        name: str,
    ) -> None:
        self._plane = plane
        self._front = front
        self._server = server
        self._refresher = refresher
        self._listener = listener
        self._metrics_path = metrics_path
        self._name = name

    async def run(self) -> None:
        """Serve until `drain` has ended."""
        await self._plane.purse.start()
        await self._plane.shares.start()
        background = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("refresh", self._refresher.run()),
                ("listen", self._listener.run()),
                ("publish", self._publish()),
            )
        ]
        serving = asyncio.ensure_future(self._server.serve(self._front.handle))
        try:
            done, _ = await asyncio.wait([serving, *background], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end_tasks([serving, *background])
            if self._plane.shadows is not None:
                await self._plane.shadows.stop()
            await self._plane.checker.stop()
            await self._hand_back()

    async def drain(self, timeout_s: float) -> None:
        """Take no new call; let those in flight finish."""
        self._plane.draining = True
        await self._server.drain(timeout_s)

    async def _hand_back(self) -> None:
        """Give leases back and say goodbye, if the database is there to hear it."""
        for goodbye in (self._plane.shares.stop(), self._plane.purse.stop(), self._refresher.leave()):
            await _if_possible(goodbye)
        self._metrics_path.unlink(missing_ok=True)
        self._metrics_path.with_suffix(".targets").unlink(missing_ok=True)

    async def _publish(self) -> None:
        while True:
            plane = self._plane
            plane.counters.tasks = len(asyncio.all_tasks())
            text = plane.counters.exposition(plane.health, plane.purse.snapshot(), plane.journal, self._name)
            targets = msgspec.json.encode(plane.health.view(plane.clock.monotonic())).decode()
            try:
                await asyncio.to_thread(_write, self._metrics_path, text)
                await asyncio.to_thread(_write, self._metrics_path.with_suffix(".targets"), targets)
            except OSError as error:
                # A full disk must not end a gateway that can still serve.
                log.warning("metrics are not written: %s", error)
            await asyncio.sleep(PUBLISH_S)


async def _if_possible(work: Coroutine[Any, Any, None]) -> None:
    try:
        async with asyncio.timeout(GOODBYE_S_MAX):
            await work
    except (Fault, TimeoutError) as fault:
        log.warning("not handed back: %s", fault)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True, mode=0o700)
    beside = path.with_suffix(f"{path.suffix}.new")
    beside.write_text(text)
    beside.replace(path)
