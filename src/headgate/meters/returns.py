"""What a gateway does with money it does not use: gives it back soon, or at once when another asks for it.

Never releases what a call in flight holds. Runs as one task, begun with `start` and drained with `stop`.
Read next: `meters.leases.Lease.is_idle`, which says when.
"""

import asyncio
import contextlib
import logging

from headgate.meters.desk import BootClosed, DeskAway
from headgate.meters.leases import Lease
from headgate.meters.till import Till

logger = logging.getLogger(__name__)

TICK_S = 0.05
FORGET_S = 5.0
CHECK_IN_S = 1.0
"""So often a process that asks for nothing sees whether the database is still the same."""
AWAY_S = 0.5
STOP_S = 1.0
AT_ONCE_MAX = 256
RECALL_CHANNEL = "headgate_recall"


class Returns:
    """Gives back what a till holds idle."""

    def __init__(self, till: Till, boot: str) -> None:
        self._till = till
        self._boot = boot
        self._recalled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._check_in_s = float("-inf")

    def start(self) -> None:
        """Begin the background task."""
        self._task = asyncio.create_task(self._run(), name="meters.returns")

    async def stop(self) -> None:
        """End the background task and give everything back that no call in flight holds."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
        await self._till.flights.close(STOP_S)
        try:
            async with asyncio.timeout(STOP_S):
                unconfirmed = self._till.leases.give_back_all()
                for at in range(0, len(unconfirmed), AT_ONCE_MAX):
                    await self._till.give_back(unconfirmed[at : at + AT_ONCE_MAX])
        except (DeskAway, TimeoutError) as error:
            # Nothing is lost: the replay of this boot's journal gives the rest back.
            logger.warning("leases were not given back at the end: %s", error)

    def recall(self, payload: str) -> None:
        """Take in a notice of `headgate_recall`: another process needs money of a window."""
        window, _, boot = payload.partition(" ")
        lease = self._till.leases.by_window.get(int(window)) if window.isdecimal() else None
        if lease is not None and boot != self._boot:
            lease.recalled = True
            self._recalled.set()

    async def _run(self) -> None:
        looked_s = self._till.now_s()
        while True:
            with contextlib.suppress(TimeoutError):  # the tick
                async with asyncio.timeout(TICK_S):
                    await self._recalled.wait()
            self._recalled.clear()
            try:
                await self._check_in()
                await self._give_back_idle()
                await self._look_into_doubts()
                if self._till.now_s() - looked_s >= FORGET_S:
                    looked_s = self._till.now_s()
                    await self._forget()
            except BootClosed as error:
                logger.error("%s", error)
                return
            except (DeskAway, TimeoutError) as error:
                logger.warning("leases can't be given back now: %s", error)
                await asyncio.sleep(AWAY_S)

    async def _give_back_idle(self) -> None:
        till = self._till
        unconfirmed = till.leases.give_back_idle(till.now_ms(), till.wall_ms(), till.waiting)
        if unconfirmed:
            await self._tell(unconfirmed[:AT_ONCE_MAX])

    async def _check_in(self) -> None:
        """See which server answers, now and then or when something is strange; register with a new one."""
        till = self._till
        if not till.strange.is_set() and till.now_s() < self._check_in_s:
            return
        till.strange.clear()
        self._check_in_s = till.now_s() + CHECK_IN_S
        await self._wait_for_turn()
        epoch = await till.flights.fly(till.look, AWAY_S)
        if epoch.identity != till.registered:
            await self._wait_for_turn()
            await till.flights.fly(lambda: till.register(epoch), AWAY_S)
            logger.info("leases are registered with the database %s", epoch.identity)

    async def _look_into_doubts(self) -> None:
        till = self._till
        meters = till.doubts.due(till.now_ms(), AT_ONCE_MAX)
        if meters:
            await self._wait_for_turn()
            await till.flights.fly(lambda: till.look_up(meters), AWAY_S)

    async def _forget(self) -> None:
        till = self._till
        outlived = till.leases.outlived(till.now_ms(), till.wall_ms(), till.waiting)[:AT_ONCE_MAX]
        if outlived:
            await self._tell(outlived)
            till.leases.forget(outlived)

    async def _tell(self, leases: list[Lease]) -> None:
        await self._wait_for_turn()
        await self._till.flights.fly(lambda: self._till.give_back(leases), AWAY_S)

    async def _wait_for_turn(self) -> None:
        while self._till.flights.is_busy:
            await self._till.flights.land(AWAY_S)
