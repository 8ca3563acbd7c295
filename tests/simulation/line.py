"""A simulated process's one line to the database, and what it gives back by itself.

One transaction at a time (`meters.flight`); an answer that is lost leaves the meters in doubt
(`meters.till`); idle money, doubts and outlived leases are seen to in turn (`meters.returns`).
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import msgspec
from tests.simulation.model_database import Told

from headgate.meters.asks import Ask, Granted, Want, asks_for
from headgate.meters.doubts import DOUBTS_MAX, Doubts
from headgate.meters.leases import Answer, Lease, Leases
from headgate.meters.model import WindowName
from headgate.meters.scope import Meter
from headgate.meters.taking import take_in
from headgate.meters.windows import NEVER_MS, edges

if TYPE_CHECKING:
    from tests.simulation.calls import Call
    from tests.simulation.world import Host, World

FLIGHT_MS_MAX = 10_000
LATE_MS = 15_000
"""How long a request may still be on its way whose sender has given it up."""
FORGET_EVERY_MS = 5000
AWAY_MS = 500


class Flight:
    """A transaction on its way: what is asked or told, and what has become of it."""

    __slots__ = (
        *("answer", "asks", "began_ms", "executed_ms", "flyer", "is_cut", "is_executed", "is_forgetting"),
        *("is_outside", "line", "looked_up", "told", "told_leases", "until_ms", "wants"),
    )

    def __init__(self, line: "Line", began_ms: int) -> None:
        self.line = line
        self.began_ms = began_ms
        self.wants: Sequence[Want] = ()
        self.asks: list[Ask] = []
        self.looked_up: list[Meter] = []
        self.told: list[Told] = []
        self.told_leases: list[Lease] = []
        self.flyer: Call | None = None
        self.until_ms = NEVER_MS
        """The database's time from when on it is not executed any more."""
        self.is_forgetting = False
        self.is_cut = False
        self.is_executed = False
        self.executed_ms = 0
        """The database's time when it was."""
        self.is_outside = False
        self.answer: Granted | list[tuple[Meter, Answer]] | None = None

    @property
    def is_late(self) -> bool:
        """Whether it has been on its way for so long that the database hears no more of it."""
        return self.line.now_ms - self.began_ms > LATE_MS

    def __repr__(self) -> str:
        if self.asks:
            return f"ask for {[(one.subject, one.window_id, one.known, one.need) for one in self.asks]}"
        if self.looked_up:
            return f"question after {[one.subject for one in self.looked_up]}"
        return f"return of {[(one.window, one.returned) for one in self.told]}"


class Line:
    """What a boot holds, and how it speaks of it with the database."""

    def __init__(self, world: "World", host: "Host", boot_id: str) -> None:
        self.world = world
        self.host = host
        self.boot_id = boot_id
        self.name = boot_id
        self.leases = Leases(leases_max=world.plan.leases_max)
        self.flight: Flight | None = None
        self.doubts = Doubts()
        self.waiting: Counter[Meter] = Counter()
        self.outage_ms = -1
        self.wall_base_ms: int | None = None
        self.clock_error_ms = 0
        self.is_freed = False
        self.is_closed = False
        self.stage: Literal["idle", "doubts", "outlived"] = "idle"
        self.looked_ms = self.paused_ms = 0

    @property
    def now_ms(self) -> int:
        """Milliseconds that never go back, on this host."""
        return self.world.now_ms - self.host.lag_ms

    @property
    def wall_ms(self) -> int:
        """The database's time, as far as it is known."""
        if self.wall_base_ms is None:
            return self.world.now_ms + self.host.wall_ms
        return self.wall_base_ms + self.now_ms

    def say(self, template: str, *values: object) -> None:
        """Leave a line in the trace."""
        if self.world.trace is not None:
            self.world.say(f"{self.name} {template.format(*values)}")

    # Asking and telling.

    def ask(
        self, wants: Sequence[Want], *, flyer: "Call | None" = None, even_if_covered: bool = False
    ) -> None:
        """Ask for what is missing (`Till.ask`)."""
        flight = Flight(self, self.now_ms)
        flight.wants = wants
        flight.flyer = flyer
        flight.asks = asks_for(
            wants,
            self.leases,
            self.waiting,
            wall_ms=self.wall_ms,
            now_ms=self.now_ms,
            processes=self.world.plan.processes,
            even_if_covered=even_if_covered,
        )
        if self.host.table_ms:
            flight.asks = [self.propose(ask) for ask in flight.asks]
        if flight.asks:
            self.fly(flight)

    def propose(self, ask: Ask) -> Ask:
        """Propose a window as this host's own table of time zones has it."""
        if ask.window_id is not None or ask.window == "total":
            return ask
        window: WindowName = ask.window  # pyright: ignore[reportAssignmentType]
        found = edges(window, ask.timezone, self.wall_ms + self.host.table_ms)
        shifted_ms = self.host.table_ms
        return msgspec.structs.replace(
            ask, starts_ms=found.starts_ms - shifted_ms, ends_ms=found.ends_ms - shifted_ms
        )

    def tell(self, leases: Sequence[Lease], *, is_forgetting: bool = False) -> None:
        """Tell the database what was returned (`Till.give_back`)."""
        flight = Flight(self, self.now_ms)
        flight.told_leases = list(leases)
        flight.is_forgetting = is_forgetting
        flight.told = [Told(one.meter, one.window, one.returned, one.edges, one.exact) for one in leases]
        self.fly(flight)

    def look_up(self, meters: list[Meter]) -> None:
        """Ask what is held of meters in doubt (`Till.look_up`)."""
        flight = Flight(self, self.now_ms)
        flight.looked_up = meters
        self.fly(flight)

    def fly(self, flight: Flight) -> None:
        """Send it; nothing else is sent before it has landed."""
        self.flight = flight
        self.say("sends {}", flight)
        self.world.messages.append(flight)

    def land(self, flight: Flight) -> None:
        """Take an answer in."""
        if self.flight is not flight or flight.is_cut:
            return
        self.flight = None
        if isinstance(flight.answer, Granted):
            self.learn_grant(flight, flight.answer)
        elif flight.answer is not None:
            self.learn_rows(flight, flight.answer)
        self.is_freed = True
        self.landed(flight)

    def learn_grant(self, flight: Flight, granted: Granted) -> None:
        """The database's word on what was asked for."""
        self.learn_time(granted.now_ms)
        flight.is_outside = granted.is_outside
        take_in(granted, flight.wants, self.leases, self.now_ms)

    def learn_time(self, database_ms: int) -> None:
        """The database's word on what time it is."""
        self.wall_base_ms = database_ms - self.now_ms
        self.clock_error_ms = self.world.database.now_ms - self.wall_ms

    def learn_rows(self, flight: Flight, answers: list[tuple[Meter, Answer]]) -> None:
        """The database's word on what was given back, or on what is held of meters in doubt."""
        for meter, answer in answers:
            self.leases.learn(meter, answer, self.now_ms)
        if flight.looked_up:
            self.learn_time(flight.executed_ms)
            self.doubts.learned(flight.looked_up, flight.began_ms)
        if flight.is_forgetting:
            self.forget(flight.told_leases)

    def forget(self, leases: Sequence[Lease]) -> None:
        """Drop what has outlived its use."""
        self.leases.forget(leases)

    def lose(self, flight: Flight) -> None:
        """No answer will come, whether the database has heard of it or not."""
        if self.flight is not flight:
            return
        self.flight = None
        flight.is_cut = True
        if flight.asks:
            self.doubt([Meter(ask.budget, ask.subject) for ask in flight.asks])
            self.outage_ms = self.now_ms
        self.paused_ms = self.now_ms + AWAY_MS
        self.stage = "idle"
        self.say("loses {}", flight)
        self.failed(flight)

    def doubt(self, meters: Sequence[Meter]) -> None:
        """The database may have granted something of these."""
        self.doubts.note(meters, self.now_ms)

    def check_flight(self) -> None:
        """Cut what has taken too long."""
        flight = self.flight
        if flight is not None and self.now_ms - flight.began_ms >= FLIGHT_MS_MAX:
            self.lose(flight)

    # Giving back.

    def keep_house(self) -> None:
        """One step of what `Returns` does each 50 ms."""
        self.check_flight()
        if self.now_ms < self.paused_ms or self.is_closed:
            return
        if self.stage == "idle":
            unconfirmed = self.give_back_idle()
            if self.flight is not None:
                return
            if unconfirmed:
                self.stage = "doubts"
                self.tell(unconfirmed)
                return
        if self.flight is not None:
            return
        in_doubt: list[Meter] = []
        if self.stage != "outlived":
            in_doubt = self.doubts.due(self.now_ms, DOUBTS_MAX)
        if in_doubt:
            self.stage = "outlived"
            self.look_up(in_doubt)
            return
        self.stage = "idle"
        if self.now_ms - self.looked_ms >= FORGET_EVERY_MS:
            self.looked_ms = self.now_ms
            outlived = self.leases.outlived(self.now_ms, self.wall_ms, self.waiting)
            if outlived:
                self.tell(outlived, is_forgetting=True)

    def give_back_idle(self) -> list[Lease]:
        """Return what lies idle."""
        return self.leases.give_back_idle(self.now_ms, self.wall_ms, self.waiting)

    def recall(self, window: int, boot_id: str) -> None:
        """Another process needs money of a window."""
        lease = self.leases.by_window.get(window)
        if lease is not None and boot_id != self.boot_id:
            lease.recalled = True

    def landed(self, flight: Flight) -> None:
        """Something has come of it."""
        raise NotImplementedError

    def failed(self, flight: Flight) -> None:
        """Nothing has come of it."""
        raise NotImplementedError
