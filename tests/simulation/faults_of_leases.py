"""Planted faults of the arithmetic of leases (`meters.leases`) and of what is learned from answers."""

from collections.abc import Container, Sequence

from tests.simulation.gateway import GatewayProcess
from tests.simulation.line import Flight
from tests.simulation.planting import Fault, changed, plant, planted

from headgate.meters.asks import Granted
from headgate.meters.doubts import LATE_MS
from headgate.meters.leases import Answer, Lease, Leases
from headgate.meters.scope import Meter

LEARN = Lease.learn
LEARN_ANY = Leases.learn


@changed("an answer says what is settled, and what is not shipped yet is forgotten", Lease, "learn")
def learn_settled(self: Lease, answer: Answer, now_ms: int) -> None:
    LEARN(self, answer, now_ms)
    self.settled = answer.settled


@changed("what is only reserved is taken for spent", Lease, "is_exhausted")
def is_exhausted(self: Lease, amount: int) -> bool:
    return self.limit - self.spent_known - self.leased < amount


@changed("a lease is forgotten before all of it is shipped", Lease, "is_forgettable")
def is_forgettable(self: Lease) -> bool:
    return self.reserved == 0 and self.available <= 0


@changed("a settled reservation frees what it cost, too", Lease, "give")
def give(self: Lease, hold: int, charged: int, now_ms: int) -> int:
    self.reserved -= hold
    self.touched_ms = now_ms
    return 0


@changed("what lies idle is never given back", Leases, "give_back_idle")
def give_back_idle(
    self: Leases, now_ms: int, wall_ms: int, wanted: Container[Meter] = frozenset()
) -> list[Lease]:
    return []


@changed("several meters are taken one by one", Leases, "take")
def take(self: Leases, parts: Sequence[tuple[Lease, int]], now_ms: int, *, beyond: bool = False) -> bool:
    for lease, amount in parts:
        if amount > lease.available and not beyond:
            return False
        lease.take(amount, now_ms)
    return True


@changed("a reservation is not checked against what is available", Leases, "take")
def take_unchecked(
    self: Leases, parts: Sequence[tuple[Lease, int]], now_ms: int, *, beyond: bool = False
) -> bool:
    for lease, amount in parts:
        lease.take(amount, now_ms)
    return True


@changed("a lease is used on after its window has ended", Leases, "current")
def current_ended(self: Leases, meter: Meter, wall_ms: int) -> Lease | None:
    return self.latest(meter)


def _current_ahead(self: Leases, meter: Meter, wall_ms: int) -> Lease | None:
    lease = self.latest(meter)
    return None if lease is None or wall_ms >= lease.edges.ends_ms else lease


def _learn_latest(
    self: Leases, meter: Meter, answer: Answer, now_ms: int, *, is_present: bool = False
) -> Lease:
    return LEARN_ANY(self, meter, answer, now_ms)


plant(
    Fault(
        name="a window that lies ahead of a clock that was set back is the present one",
        changes=((Leases, "current", _current_ahead), (Leases, "learn", _learn_latest)),
        focus={"weights": {"jump_clock": 3.0, "leap": 1.0}},
    )
)


@changed("an answer begins the lease anew", Leases, "learn")
def learn_anew(self: Leases, meter: Meter, answer: Answer, now_ms: int, *, is_present: bool = False) -> Lease:
    lease = self.by_window[answer.window] = Lease(meter, answer, now_ms)
    self._current[meter] = lease
    return lease


@planted("an answer is applied twice")
class AppliedTwice(GatewayProcess):
    def learn_grant(self, flight: Flight, granted: Granted) -> None:
        before = {window: lease.granted for window, lease in self.leases.by_window.items()}
        super().learn_grant(flight, granted)
        for _, answer in granted.answers:
            lease = self.leases.by_window[answer.window]
            lease.granted += max(0, answer.granted - before.get(answer.window, 0))


@planted("two transactions run at a time, and their answers count in whatever order they come")
class AnyOrder(GatewayProcess):
    def fly(self, flight: Flight) -> None:
        self.world.messages.append(flight)

    def land(self, flight: Flight) -> None:
        self.flight = flight
        before = {window: lease.returned for window, lease in self.leases.by_window.items()}
        super().land(flight)
        if isinstance(flight.answer, Granted):
            for _, answer in flight.answer.answers:
                if answer.window in before:
                    lease = self.leases.by_window[answer.window]
                    lease.granted, lease.returned = answer.granted, answer.returned


@planted("a lost answer leaves no doubt")
class NoDoubt(GatewayProcess):
    def doubt(self, meters: Sequence[Meter]) -> None:
        return


@planted("a doubt ends with the next answer, of whatever window", weights={"jump_clock": 3.0})
class AnyAnswerEndsDoubt(GatewayProcess):
    def learn_grant(self, flight: Flight, granted: Granted) -> None:
        super().learn_grant(flight, granted)
        self.doubts.learned((meter for meter, _ in granted.answers), self.now_ms + LATE_MS)


@planted("of a meter in doubt only the present window is learned", weights={"jump_clock": 3.0})
class PresentWindowOnly(GatewayProcess):
    def learn_rows(self, flight: Flight, answers: list[tuple[Meter, Answer]]) -> None:
        if flight.looked_up:
            at = self.wall_ms
            answers = [one for one in answers if one[1].edges.starts_ms <= at < one[1].edges.ends_ms]
        super().learn_rows(flight, answers)


@planted("a recall takes what calls in flight hold")
class RecallTakesAll(GatewayProcess):
    def recall(self, window: int, boot_id: str) -> None:
        super().recall(window, boot_id)
        lease = self.leases.by_window.get(window)
        if lease is not None and boot_id != self.boot_id:
            lease.returned = lease.granted - lease.settled


@planted("an idle lease takes what calls in flight hold along")
class IdleTakesAll(GatewayProcess):
    def give_back_idle(self) -> list[Lease]:
        for lease in self.leases.by_window.values():
            if lease.is_idle(self.now_ms, self.wall_ms):
                lease.returned = max(lease.returned, lease.granted - lease.settled)
        return super().give_back_idle()


@planted("a window's edges are judged by the local clock", weights={"jump_clock": 3.0})
class LocalClock(GatewayProcess):
    @property
    def wall_ms(self) -> int:
        return self.world.now_ms + self.host.wall_ms
