"""Asks for more of a lease before it is used up, so that calls need not wait for the database in between.

In the background, one at a time and bounded; what it can't get, the next call that lacks it asks for itself.
Never for meters that are granted per call. Read next: `meters.purse`.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from headgate.meters.asks import Want
from headgate.meters.desk import DeskAway
from headgate.meters.leases import Lease
from headgate.meters.till import Till
from headgate.store.tasks import end_tasks

log = logging.getLogger("headgate.meters")

LOW_SHARE: Final = 4
"""A lease is low once it covers less than this part of a second's use."""
EVERY_S_MIN: Final = 0.05


class Refill:
    """Keeps the leases that are in use from running low."""

    __slots__ = ("_asked_at_s", "_task", "_till")

    def __init__(self, till: Till) -> None:
        self._till = till
        self._task: asyncio.Task[None] | None = None
        self._asked_at_s = 0.0

    def begin(self, wants: Sequence[Want]) -> None:
        """Ask for more of these meters, unless that is under way or was done a moment ago."""
        now_s = self._till.now_s()
        is_asking = self._task is not None and not self._task.done()
        if is_asking or self._till.flights.is_busy or now_s - self._asked_at_s < EVERY_S_MIN:
            return
        self._asked_at_s = now_s
        self._task = asyncio.create_task(self._ask(wants), name="refill")

    async def _ask(self, wants: Sequence[Want]) -> None:
        flights = self._till.flights
        if flights.is_busy:  # a call that waits is asking meanwhile
            return
        try:
            patience_s = self._till.settings.grant_timeout_s
            await flights.fly(lambda: self._till.ask(wants, even_if_covered=True), patience_s)
        except (DeskAway, TimeoutError) as error:
            log.debug("leases were not refilled: %s", error)

    async def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            await end_tasks([self._task])


def is_low(lease: Lease) -> bool:
    """Say whether a lease that is not granted per call will soon be used up."""
    return not lease.exact and lease.available < lease.recent // LOW_SHARE
