"""Planted faults of a gateway: of the order of journal, provider, settlement and answer."""

from tests.simulation.calls import PATIENCE_MS, Attempt, Call
from tests.simulation.disk import Frame, SimJournal
from tests.simulation.gateway import GatewayProcess
from tests.simulation.planting import changed, planted

from headgate.core.entries import BODY, Hold
from headgate.journal.format import frame

ALL_CALLS = {"call": 30.0, "database_down": 1.0}


@planted("a begin is forgotten")
class BeginForgotten(GatewayProcess):
    def write_begin(self, attempt: Attempt) -> None:
        return


@planted("a begin is written after its attempt is sent")
class BeginAfterSend(GatewayProcess):
    def begin(self, attempt: Attempt) -> None:
        self.send(attempt)
        self.point()
        self.write_begin(attempt)


@planted("a begin names the first of its holds only")
class FirstHoldOnly(GatewayProcess):
    def write_begin(self, attempt: Attempt) -> None:
        holds = attempt.holds
        attempt.holds = holds[:1]
        super().write_begin(attempt)
        attempt.holds = holds


@planted("an answer leaves before its end is written")
class AnswerBeforeEnd(GatewayProcess):
    def end(self, attempt: Attempt, charged: int, code: str = "") -> None:
        call = attempt.call
        call.told = call.charged + charged
        self.world.books.answer(call.id, call.told)
        call.has_hung_up = True
        super().end(attempt, charged, code)


@planted("a reservation is settled before its end is written", kills=0.04)
class SettledBeforeEnd(GatewayProcess):
    def end(self, attempt: Attempt, charged: int, code: str = "") -> None:
        self.settle(attempt, charged)
        self.look_all()
        self.point()
        super().end(attempt, charged, code)


@planted("a failed attempt's hold is used again before its entry is written", kills=0.04)
class SettledBeforeEntry(GatewayProcess):
    def fail(self, attempt: Attempt, charged: int) -> None:
        self.settle(attempt, charged)
        self.look_all()
        self.point()
        super().fail(attempt, charged)


@planted("a failed attempt leaves no entry")
class SettledForgotten(GatewayProcess):
    def write_settled(self, attempt: Attempt, charged: int) -> None:
        return


@planted("a reservation settles into the window that is present")
class PresentWindow(GatewayProcess):
    def settle(self, attempt: Attempt, charged: int) -> None:
        attempt.parts = [
            (self.leases.current(lease.meter, self.wall_ms) or lease, hold) for lease, hold in attempt.parts
        ]
        attempt.holds = tuple([Hold(lease.window, hold) for lease, hold in attempt.parts])
        super().settle(attempt, charged)


@planted("an end names the window that is present", weights={"leap": 1.5, "jump_clock": 1.5})
class EndNamesPresentWindow(GatewayProcess):
    def end(self, attempt: Attempt, charged: int, code: str = "") -> None:
        attempt.parts = [
            (self.leases.current(lease.meter, self.wall_ms) or lease, hold) for lease, hold in attempt.parts
        ]
        attempt.holds = tuple([Hold(lease.window, hold) for lease, hold in attempt.parts])
        super().end(attempt, charged, code)


@planted("an overrun is dropped")
class OverrunDropped(GatewayProcess):
    def end(self, attempt: Attempt, charged: int, code: str = "") -> None:
        super().end(attempt, min(charged, attempt.hold), code)


@planted("an output limit is lowered for the reservation, and not in the request")
class ClampedOnPaper(GatewayProcess):
    def bounded(self, bound: int, amount: int) -> int:
        return bound


@planted("a call that times out costs nothing")
class TimeoutIsFree(GatewayProcess):
    def check_patience(self) -> None:
        for attempt in list(self.running.values()):
            if self.now_ms - attempt.sent_ms > PATIENCE_MS and attempt.call.open is attempt:
                self.fail(attempt, 0)


@planted("a client that hangs up pays nothing")
class HangUpIsFree(GatewayProcess):
    def hang_up(self, call: Call) -> None:
        if call.open is None or call.open.sent_ms < 0:
            super().hang_up(call)
        else:
            call.has_hung_up = True
            self.end(call.open, 0, "client_closed")


@planted("a hang-up settles, and so does the answer")
class SettledTwice(GatewayProcess):
    def hang_up(self, call: Call) -> None:
        if self.world.plan.drains and call.open is not None and call.open.sent_ms >= 0:
            attempt = call.open
            self.settle(attempt, 0)
            attempt.is_settled = False
            self.running[call.number] = attempt
        super().hang_up(call)


@planted("waiting calls are never woken")
class NeverWoken(GatewayProcess):
    def look_all(self, *, due_only: bool = False) -> None:
        return


@planted("an answer does not wait for the disk where it should", weights={"cut_power": 3.0})
class NotDurable(GatewayProcess):
    def respond(self, call: Call) -> None:
        call.open = None
        self.answer(call)


@planted("a process that ends keeps what it holds, and its lock")
class EndsBadly(GatewayProcess):
    def leave_for_good(self) -> None:
        self.world.end(self)
        self.journal.has_writer = True


@planted("a call without a reservation is begun during an outage")
class BegunWithoutReservation(GatewayProcess):
    def outage(self, call: Call) -> None:
        lease = self.leases.latest(call.wants[0].meter)
        if lease is None:
            super().outage(call)
            return
        lease.take(call.wants[0].amount, self.now_ms)
        self.launch(call, [(lease, call.wants[0].amount)])


@changed("new calls are let in when the journal is full", SimJournal, "is_healthy", weights=ALL_CALLS)
@property
def is_healthy(self: SimJournal) -> bool:
    return True


@changed("bodies are kept up to the bound", SimJournal, "append_body")
def append_body(self: SimJournal, payload: bytes, call: str) -> bool:
    data = frame(BODY, payload, self.seed)
    self.body.append(data, Frame(BODY, call, 0, 0, 0, 0))
    self.version += 1
    self.total_bytes += len(data)
    return True


@planted("calls that can't be put on record are put on record", steps=400, weights=ALL_CALLS)
class RefusalsOnRecord(GatewayProcess):
    def arrive(self, call: Call) -> None:
        if self.is_draining or self.journal.is_healthy:
            super().arrive(call)
            return
        call.process = self
        self.calls[call.number] = call
        call.phase = "running"
        self.finish(call, "unavailable", settles=False)
