"""How processes divide rate limits among them: by load, about once a second, give before take.

A process lowers its share before it says so, and raises it only after the database agreed, so that the
shares in use add up to the limit; after load has moved it may under-admit for two seconds. While the
database is away each goes on with what it has. Read next: `share_rates` in `store/migrations/0011_rates.sql`.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Callable
from typing import Any

from headgate.core.faults import Unavailable
from headgate.core.ports import Clock
from headgate.meters.rate import RateLimiter
from headgate.meters.rows import QUERIES, fetch
from headgate.store.database import Database

logger = logging.getLogger(__name__)

TICK_S = 1.0
AT_ONCE_MAX = 512
HOT_PART = 0.25
"""A meter is divided by load once a process uses so much of its share."""
KEPT_S = 30.0
RECENT_PART = 0.75
"""How much of the demand that is told is that of the last tick, so that shares follow a load that moves."""
LOWER_BY = 0.05
"""Shares go down only by steps worth the while."""


class RateShares:
    """Tells the database what this process uses of its rate limits, and adjusts its shares."""

    def __init__(
        self,
        limiter: RateLimiter,
        boot: uuid.UUID,
        database: Database,
        clock: Clock,
        *,
        processes: Callable[[], int],
    ) -> None:
        self._limiter = limiter
        self._boot = boot
        self._database = database
        self._clock = clock
        self._processes = processes
        self._task: asyncio.Task[None] | None = None
        self._known: dict[str, float] = {}
        """When each meter that the database knows of this process was last wanted."""

    async def start(self) -> None:
        """Begin to share, once a second."""
        self._task = asyncio.create_task(self._run(), name="meters.shares")

    async def stop(self) -> None:
        """Leave this process's shares to the others."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
        try:
            async with asyncio.timeout(TICK_S), self._database.connection() as connection:
                await connection.execute(QUERIES["drop_rate_shares"], {"boot": self._boot})
        except (Unavailable, TimeoutError) as error:
            logger.info("rate shares were not given up, and will be in ten seconds: %s", error)

    async def exchange(self) -> None:
        """Tell and hear once, again where something was given up. Raises Unavailable without a database."""
        processes = max(1, self._processes())
        told = self._told(processes)
        if not told and processes == 1:
            return
        if await self._exchange(processes, told):
            await self._exchange(processes, self._rows())

    async def _exchange(self, processes: int, told: list[dict[str, Any]]) -> bool:
        """Say whether a share was lowered, which nobody knows yet."""
        lowered = False
        async with self._database.connection() as connection:
            answers = await fetch(
                connection,
                QUERIES["share_rates"],
                {"boot": self._boot, "processes": processes, "rows": json.dumps(told)},
            )
        for answer in answers:
            meter = answer["meter"]
            if answer["share"] is None:
                self._known.setdefault(meter, self._clock.monotonic())
                lowered = self._lower(meter, answer["target"]) or lowered
                continue
            self._adjust(meter, answer["share"], answer["fill"])
            if answer["target"] < answer["share"] - LOWER_BY:
                lowered = self._lower(meter, answer["target"]) or lowered
            if answer["wanted"]:
                self._known[meter] = self._clock.monotonic()
        return lowered

    def _told(self, processes: int) -> list[dict[str, Any]]:
        """What is said of this process's meters: of those it uses much, and those it has spoken of before."""
        now_s = self._clock.monotonic()
        for meter, entry in self._limiter.stirred.items():
            entry.demand += RECENT_PART * (entry.asked - entry.demand)
            entry.asked = 0.0
            is_hot = processes > 1 and entry.demand > HOT_PART * entry.bucket.rate
            if is_hot or abs(entry.bucket.share - 1 / processes) > 1e-9:
                self._known[meter] = now_s
        quiet = [meter for meter in self._known if meter not in self._limiter.stirred]
        self._limiter.stirred.clear()
        for meter in quiet:
            entry = self._limiter.entries.get(meter)
            if entry is not None:
                entry.demand *= 1 - RECENT_PART
            if now_s - self._known[meter] > KEPT_S:
                self._drop(meter, processes)
        return self._rows()

    def _rows(self) -> list[dict[str, Any]]:
        return [self._row(meter) for meter in sorted(self._known)[:AT_ONCE_MAX]]

    def _row(self, meter: str) -> dict[str, Any]:
        entry = self._limiter.entries.get(meter)
        if entry is None:
            share = self._limiter.starting_share(meter)
            return {"meter": meter, "window_s": None, "share": share, "fill": 0.0, "demand": 0.0}
        bucket = entry.bucket
        fill = min(1.0, bucket.fill(self._clock.monotonic()))
        return {
            "meter": meter,
            "window_s": bucket.window_s,
            "share": bucket.share,
            "fill": fill,
            "demand": entry.demand,
        }

    def _adjust(self, meter: str, share: float, fill: float) -> None:
        entry = self._limiter.entries.get(meter)
        if entry is None:
            self._limiter.starting_shares[meter] = share
        elif share > entry.bucket.share:
            entry.bucket.grow(share, fill, self._clock.monotonic())
        else:
            entry.bucket.shrink(share, self._clock.monotonic())

    def _lower(self, meter: str, share: float) -> bool:
        """Go down to a share; say whether that gives up anything."""
        entry = self._limiter.entries.get(meter)
        before = self._limiter.starting_share(meter) if entry is None else entry.bucket.share
        if entry is None:
            self._limiter.starting_shares[meter] = min(share, before)
        else:
            entry.bucket.shrink(share, self._clock.monotonic())
        return share < before

    def _drop(self, meter: str, processes: int) -> None:
        """Go back to an even share of a meter that nobody has wanted for a while."""
        del self._known[meter]
        self._limiter.starting_shares.pop(meter, None)
        if meter in self._limiter.entries:
            self._adjust(meter, 1 / processes, 1.0)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                async with asyncio.timeout(2 * TICK_S):
                    await self.exchange()
            except (Unavailable, TimeoutError) as error:
                logger.info("rate limits go on with the shares they have: %s", error)
