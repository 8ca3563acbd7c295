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
from headgate.meters.desk import DeskAway, HeldBack, LeaseDesk
from headgate.meters.doubts import Doubts
from headgate.meters.epochs import HELD, OLDER, Epoch, Standing, standing
from headgate.meters.flight import SingleFlight
from headgate.meters.leases import Lease, Leases
from headgate.meters.scope import Meter
from headgate.meters.taking import take_in
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
        self.doubts = Doubts()
        self.counts: Counter[str] = Counter()
        self.waiting: Counter[Meter] = Counter()
        """What all waiting calls want of each meter, in pico-USD."""
        self.waiting_calls = 0
        self.freed = asyncio.Event()
        """Set, and replaced, when waiting calls should look again."""
        self.outage_at_s = float("-inf")
        self.registered: str | None = None
        """The server where all that this process holds is registered."""
        self.strange = asyncio.Event()
        """Set when another server answers than that, or grants nothing yet: `meters.returns` looks."""
        self._newest: str | None = None
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

    def times_ms(self) -> tuple[int, int]:
        """Both `now_ms` and `wall_ms`, of one look at the clock."""
        now_ms = self.now_ms()
        base_ms = self._wall_base_ms
        return now_ms, self._clock.now_ms() if base_ms is None else base_ms + now_ms

    def wall_ms(self) -> int:
        """The database's time: as it last said, carried on by the clock that never goes back."""
        return self.times_ms()[1]

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
            # Whether the database granted it is not known: `meters.returns` asks what is held.
            self.doubts.note([Meter(ask.budget, ask.subject) for ask in asks], self.now_ms())
            self.outage_at_s = self.now_s()
            self.counts["outages"] += 1
            raise
        self._check(granted)
        now_ms = self._learn_time(granted.now_ms)
        self.counts["grants"] += 1
        self.counts["refusals"] += take_in(granted, wants, self.leases, now_ms)
        self.wake()
        return granted

    def _check(self, granted: Granted) -> None:
        """Raises DeskAway where the answer must not be taken in."""
        found = "same" if granted.identity is None else standing(self._newest, granted.identity)
        if granted.is_held or found != "same" or self.registered is None:
            self.strange.set()
        if granted.is_held or found == "older":
            self._note_older(found)
            self.outage_at_s = self.now_s()
            self.counts["outages"] += 1
            raise DeskAway(OLDER) if found == "older" else HeldBack(HELD)

    async def look_up(self, meters: Sequence[Meter]) -> None:
        """Learn what the database has on record as held of meters in doubt. Raises DeskAway."""
        asked_ms = self.now_ms()
        held = await self._desk.held(meters)
        found = standing(self._newest, held.identity)
        if found != "same":
            self.strange.set()
        self._refuse_older(found)
        now_ms = self._learn_time(held.now_ms)
        for meter, answer in held.answers:
            self.leases.learn(meter, answer, now_ms)
        self.doubts.learned(meters, asked_ms)
        self.wake()

    async def look(self) -> Epoch:
        """Ask which server answers. Raises DeskAway, also where it is one that has been replaced."""
        epoch = await self._desk.look()
        self._refuse_older(standing(self._newest, epoch.identity))
        return epoch

    def _learn_time(self, database_ms: int) -> int:
        """Take in the database's time; return what `now_ms` is with it."""
        now_ms = self.now_ms()
        self._wall_base_ms = database_ms - now_ms
        return now_ms

    def _refuse_older(self, found: Standing) -> None:
        """Raise DeskAway where the server that answers has been replaced."""
        self._note_older(found)
        if found == "older":
            raise DeskAway(OLDER)

    def _note_older(self, found: Standing) -> None:
        """A server that was left behind may have been told what the newer one then has to hear."""
        if found == "older":
            self.registered = None

    async def register(self, epoch: Epoch) -> None:
        """Tell the server that answers now what is held, and go on from what it has on record.

        Raises DeskAway.
        """
        now_ms = self.now_ms()
        for lease, answer in await self._desk.register(epoch.epoch, list(self.leases.by_window.values())):
            if answer is None:
                self.counts["lost"] += 1
                self.leases.drop(lease.window)
            else:
                lease.learn_anew(answer, now_ms)
        self.registered = self._newest = epoch.identity
        self.counts["registrations"] += 1
        self.wake()

    async def give_back(self, leases: Sequence[Lease]) -> None:
        """Tell the database what was returned, and learn what it knows of them. Raises DeskAway."""
        for meter, answer in await self._desk.give_back(leases):
            self.leases.learn(meter, answer, self.now_ms())
