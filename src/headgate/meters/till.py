"""A process's leases and its one line to the database that grants them.

Shared by `meters.purse`, which reserves, and `meters.returns`, which gives back. Decides nothing: the
arithmetic is in `meters.leases` and `meters.taking`, the rules of granting in the database.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from headgate.core.ports import Clock
from headgate.meters.asks import Granted, Want, asks_for
from headgate.meters.desk import LeaseDesk
from headgate.meters.flight import SingleFlight
from headgate.meters.leases import Lease, Leases
from headgate.meters.model import Budget
from headgate.meters.scope import Meter
from headgate.meters.taking import doubt, take_in
from headgate.store.database import Database


class PurseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a purse. `strict` turns a reservation settled twice into an AssertionError (tests)."""

    grant_timeout_s: float = 0.25
    retry_s: float = 0.04
    leases_max: int = 4096
    strict: bool = False


class Till:
    """What this boot holds, and how it speaks of it with the database. Belongs to one event loop."""

    def __init__(
        self,
        boot: uuid.UUID,
        database: Database,
        clock: Clock,
        processes: Callable[[], int],
        settings: PurseSettings,
    ) -> None:
        self.settings = settings
        self.leases = Leases(leases_max=settings.leases_max)
        self.flights = SingleFlight()
        """Every transaction of this process goes through it."""
        self.unsure: dict[Meter, Budget] = {}
        """Meters of which a grant may have been made whose answer was lost."""
        self.counts: Counter[str] = Counter()
        self.waiting: Counter[Meter] = Counter()
        """What all waiting calls want of each meter, in pico-USD."""
        self.waiting_calls = 0
        self.freed = asyncio.Event()
        """Set, and replaced, when waiting calls should look again."""
        self.outage_at_s = float("-inf")
        self._clock = clock
        self._desk = LeaseDesk(boot, database)
        self._processes = processes
        self._wall_base_ms: int | None = None

    def now_s(self) -> float:
        """Seconds that never go back."""
        return self._clock.monotonic()

    def now_ms(self) -> int:
        """Milliseconds that never go back."""
        return int(self._clock.monotonic() * 1000)

    def wall_ms(self) -> int:
        """The database's time: as it last said, carried on by the clock that never goes back."""
        if self._wall_base_ms is None:
            return self._clock.now_ms()
        return self._wall_base_ms + self.now_ms()

    def wake(self) -> None:
        """Let waiting calls look again."""
        if self.waiting_calls:
            self.freed.set()
            self.freed = asyncio.Event()

    def enter(self, wants: Sequence[Want]) -> None:
        """Count a call among those that wait."""
        self.waiting_calls += 1
        for want in wants:
            self.waiting[want.meter] += want.amount

    def leave(self, wants: Sequence[Want]) -> None:
        """Count a call no longer among those that wait."""
        self.waiting_calls -= 1
        for want in wants:
            self.waiting[want.meter] -= want.amount
            if self.waiting[want.meter] <= 0:
                del self.waiting[want.meter]

    async def ask(self, wants: Sequence[Want], *, even_if_covered: bool = False) -> Granted:
        """Ask for what is missing and take the answer in, whoever still waits for it. Raises DeskAway."""
        asks = asks_for(
            wants,
            self.leases,
            self.waiting,
            wall_ms=self.wall_ms(),
            now_ms=self.now_ms(),
            processes=max(1, self._processes()),
            even_if_covered=even_if_covered,
        )
        if not asks:  # what was missing has been given back meanwhile
            return Granted(answers=(), refused=frozenset(), is_outside=False, now_ms=self.wall_ms())
        try:
            granted = await self._desk.grant(asks)
        except BaseException:
            # Whether the database granted it is not known: `meters.returns` asks again, for nothing.
            doubt(wants, self.unsure)
            self.outage_at_s = self.now_s()
            self.counts["outages"] += 1
            raise
        now_ms = self.now_ms()
        self._wall_base_ms = granted.now_ms - now_ms
        self.counts["grants"] += 1
        self.counts["refusals"] += take_in(granted, wants, self.leases, now_ms)
        for meter, _ in granted.answers:
            self.unsure.pop(meter, None)
        self.wake()
        return granted

    async def give_back(self, leases: Sequence[Lease]) -> None:
        """Tell the database what was returned, and learn what it knows of them. Raises DeskAway."""
        for meter, answer in await self._desk.give_back(leases):
            self.leases.learn(meter, answer, self.now_ms())
