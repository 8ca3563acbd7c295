"""A simulated gateway process: the real leases and decisions, stepped by the schedule, killed at any step.

What `meters.purse`, `meters.till` and `meters.returns` do between two awaits is done here between two events;
what they decide is decided by the same code (`meters.leases`, `meters.asks`, `meters.taking`). The order of
journal, provider and settlement is that of `gateway.attempt` and `gateway.relay`.
"""

import uuid
from typing import TYPE_CHECKING

import msgspec
from tests.simulation.books import Broken
from tests.simulation.calls import (
    PATIENCE_MS,
    Attempt,
    Call,
    begin_entry,
    body_entry,
    end_entry,
    settled_entry,
)
from tests.simulation.disk import Frame, SimJournal
from tests.simulation.line import Flight, Line

from headgate.core.call import Bounded, Unbounded
from headgate.core.entries import BEGIN, END, SETTLED
from headgate.core.faults import BudgetExhausted
from headgate.gateway.settlement import NOTHING, in_full, refused
from headgate.meters.asks import Want, wants_of
from headgate.meters.leases import Lease
from headgate.meters.taking import denied, is_blocked, is_refused, lacking, take

if TYPE_CHECKING:
    from tests.simulation.world import Host, World

RETRY_MS = 40
GRANT_PATIENCE_MS = 250
ENCODE = msgspec.msgpack.Encoder().encode


class Killed(Exception):
    """The process ends here."""


class GatewayProcess(Line):
    """One boot of a gateway process."""

    def __init__(self, world: "World", host: "Host", name: str) -> None:
        self.boot = uuid.UUID(int=world.random.getrandbits(128))
        super().__init__(world, host, str(self.boot))
        self.name = name
        self.journal = SimJournal(self.boot)
        host.journals[self.boot_id] = self.journal
        self.calls: dict[int, Call] = {}
        self.running: dict[int, Attempt] = {}
        self.is_alive = True
        self.is_draining = False
        self.has_said_goodbye = False
        self.fuse = world.fuse()

    # Crashes.

    def point(self) -> None:
        """A place at which the process may be killed."""
        self.fuse -= 1
        if self.fuse == 0:
            raise Killed

    def append(self, entry: Frame, payload: bytes) -> None:
        """Write to the journal; a process that is killed here may leave the beginning of its entry."""
        self.fuse -= 1
        if self.fuse == 0:
            kept = self.world.random.randrange(len(payload) + 14)
            self.journal.tear(entry.kind, payload, kept)
            raise Killed
        self.journal.append(payload, entry)

    # A call, from its arrival to its reservation.

    def arrive(self, call: Call) -> None:
        """A client calls."""
        call.process = self
        if self.is_draining or not self.journal.is_healthy:
            self.say("refuses {}: it can't be put on record", call)
            call.phase = "over"
            return
        self.calls[call.number] = call
        self.reserve(call)

    def reserve(self, call: Call) -> None:
        """Reserve what the next attempt may cost."""
        call.wants = self.wants(call)
        call.began_ms = self.now_ms
        call.asked_again = False
        parts = self.take(call)
        if parts is not None:
            self.launch(call, parts)
            return
        call.phase = "waiting"
        for want in call.wants:
            self.waiting[want.meter] += want.amount
        self.look(call)

    def wants(self, call: Call) -> list[Want]:
        """Return what the call has to reserve; where less is left, its output limit is lowered first."""
        counted = self.world.counted(call)
        if call.bound is None:
            return wants_of(counted, Unbounded("it has none"))
        amount = call.bound
        if self.world.plan.clamps:
            for _, meter in counted:
                lease = self.leases.current(meter, self.wall_ms)
                if lease is not None:
                    amount = self.clamp(amount, max(0, lease.left_known))
        call.bound = self.bounded(call.bound, amount)
        return wants_of(counted, Bounded(amount))

    def clamp(self, amount: int, left: int) -> int:
        """Return what a call may cost once its output limit is lowered to what is left; at least a third."""
        return max(1, min(amount, max(left, amount // 3)))

    def bounded(self, bound: int, amount: int) -> int:
        """Return what the provider may bill: its request says the lowered limit."""
        return min(bound, amount)

    def take(self, call: Call) -> list[tuple[Lease, int]] | None:
        """Reserve from what is at hand, all or nothing."""
        return take(call.wants, self.leases, now_ms=self.now_ms, wall_ms=self.wall_ms)

    def look(self, call: Call) -> None:
        """What a waiting call does when it looks again (`Purse._look`)."""
        parts = self.take(call)
        if parts is not None:
            self.launch(call, parts)
        elif self.flight is not None:
            if self.now_ms - self.flight.began_ms >= GRANT_PATIENCE_MS:
                self.outage(call)
        elif self.is_refused(call):
            self.rest(call)
        elif call.phase == "waiting" and self.outage_ms >= call.began_ms:
            self.outage(call)
        elif call.phase == "waiting":
            self.ask(call.wants, flyer=call)

    def is_refused(self, call: Call) -> bool:
        """Say whether asking is in vain for now; a call that spend leaves no room for ends here."""
        try:
            return is_refused(
                call.wants, self.leases, now_ms=self.now_ms, wall_ms=self.wall_ms, retry_ms=RETRY_MS
            )
        except BudgetExhausted:
            self.world.books.exhausted(self._spent_lease(call), self.boot_id, call.wants[0].amount)
            self.refuse(call, "budget_exhausted")
            return False

    def _spent_lease(self, call: Call) -> Lease:
        for want in call.wants:
            lease = self.leases.current(want.meter, self.wall_ms)
            if lease is not None and lease.is_exhausted(want.amount):
                return lease
        raise Broken("a budget was said to be spent that is not")

    def rest(self, call: Call) -> None:
        """Wait until something is freed, for as long as the budget lets a call wait."""
        if call.phase != "waiting":
            return
        if self.is_refused(call) or call.phase == "waiting":
            lacked = lacking(call.wants, self.leases, self.wall_ms)
            if lacked is None:
                call.wake_ms = self.now_ms
                return
            left_ms = call.began_ms + int(lacked[0].budget.reserve_wait_s * 1000) - self.now_ms
            if left_ms <= (0 if is_blocked(call.wants, self.leases, self.wall_ms) else -GRANT_PATIENCE_MS):
                self.refuse(call, "budget_reserved")
            else:
                call.wake_ms = self.now_ms + max(0, min(left_ms, RETRY_MS))

    def outage(self, call: Call) -> None:
        """The database does not answer in time."""
        if denied(call.wants, self.leases, self.wall_ms) is not None:
            self.refuse(call, "unavailable")

    def landed(self, flight: Flight) -> None:
        """An answer has come: who asked takes, and so do all others that wait."""
        call = flight.flyer
        if call is not None and call.phase == "waiting" and call.process is self:
            parts = self.take(call)
            if parts is not None:
                self.launch(call, parts)
            elif flight.is_outside and not call.asked_again:
                call.asked_again = True
                self.ask(call.wants, flyer=call, even_if_covered=True)
            else:
                call.asked_again = False
                self.rest(call)
        self.look_all()

    def failed(self, flight: Flight) -> None:
        """No answer will come."""
        if flight.flyer is not None and flight.flyer.phase == "waiting":
            self.outage(flight.flyer)
        self.look_all()

    def look_all(self, *, due_only: bool = False) -> None:
        """Let all waiting calls look again."""
        for call in list(self.calls.values()):
            if call.phase == "waiting" and not (due_only and call.wake_ms > self.now_ms):
                self.look(call)

    def leave(self, call: Call) -> None:
        """The call waits no longer."""
        if call.phase == "waiting":
            for want in call.wants:
                self.waiting[want.meter] -= want.amount
                if self.waiting[want.meter] <= 0:
                    del self.waiting[want.meter]

    # An attempt.

    def launch(self, call: Call, parts: list[tuple[Lease, int]]) -> None:
        """Begin and send an attempt that has its reservation."""
        self.leave(call)
        call.phase = "running"
        for lease, _ in parts:
            self.world.books.took(lease, self.clock_error_ms)
        most = call.bound if call.bound is not None else parts[0][1]
        attempt = call.open = Attempt(call, parts, most)
        self.say("reserves {} for {}", attempt.holds, attempt)
        self.point()
        if call.has_hung_up:
            self.settle(attempt, 0)
            self.finish(call, "client_closed", settles=False)
            return
        self.begin(attempt)

    def begin(self, attempt: Attempt) -> None:
        """Write the begin, then send."""
        self.write_begin(attempt)
        self.point()
        self.send(attempt)
        self.point()

    def write_begin(self, attempt: Attempt) -> None:
        """Tell the journal that an attempt is about to be sent."""
        holds = tuple((hold.window, hold.pico_usd) for hold in attempt.holds)
        entry = Frame(BEGIN, attempt.call.id, attempt.number, 0, 0, 0, holds=holds)
        self.append(entry, ENCODE(begin_entry(attempt, self.now_ms)))
        attempt.is_begun = True

    def send(self, attempt: Attempt) -> None:
        """Let the provider have it."""
        self.world.books.began(attempt)
        self.running[attempt.call.number] = attempt
        self.world.send(attempt)

    def answered(self, attempt: Attempt) -> None:
        """The provider has ended its part."""
        call = attempt.call
        if not self.is_alive or call.open is not attempt:
            return
        full = in_full(attempt.bound, attempt.hold).charged_pico_usd
        match attempt.outcome:
            case "answers":
                attempt.is_seen = True
                self.end(attempt, attempt.bill)
            case "no usage":
                self.end(attempt, full)
            case "refuses":
                self.end(attempt, NOTHING.charged_pico_usd)
            case "fails":
                self.fail(attempt, refused(500, attempt.bound, attempt.hold).charged_pico_usd)
            case "gives up":
                self.fail(attempt, refused(504, attempt.bound, attempt.hold).charged_pico_usd)
            case "breaks":
                self.fail(attempt, full)
            case "unreachable":
                self.fail(attempt, NOTHING.charged_pico_usd)
            case "silent":
                return

    def check_patience(self) -> None:
        """Give up what takes too long."""
        for attempt in list(self.running.values()):
            if self.now_ms - attempt.sent_ms > PATIENCE_MS and attempt.call.open is attempt:
                self.say("gives {} up", attempt)
                self.fail(attempt, in_full(attempt.bound, attempt.hold).charged_pico_usd)

    def fail(self, attempt: Attempt, charged: int) -> None:
        """An attempt has come to nothing: the journal hears of it before its hold is used again."""
        call = attempt.call
        self.write_settled(attempt, charged)
        call.records.append((attempt, charged))
        self.point()
        self.settle(attempt, charged)
        self.point()
        call.open = None
        if len(call.records) < call.targets and not call.has_hung_up:
            self.reserve(call)
        else:
            self.finish(call, "upstream_error", settles=False)

    def write_settled(self, attempt: Attempt, charged: int) -> None:
        """Tell the journal what an attempt cost that was not the last."""
        holds = tuple((hold.window, hold.pico_usd) for hold in attempt.holds)
        entry = Frame(SETTLED, attempt.call.id, attempt.number, 0, 0, 0, charged=charged, holds=holds)
        self.append(entry, ENCODE(settled_entry(attempt, charged)))

    def end(self, attempt: Attempt, charged: int, code: str = "") -> None:
        """The last attempt is over: record, settle, answer."""
        call = attempt.call
        call.records.append((attempt, charged))
        self.write_end(call, code, settles=True)
        self.point()
        self.settle(attempt, charged)
        self.point()
        self.respond(call)

    def finish(self, call: Call, code: str, *, settles: bool) -> None:
        """A call ends that no target answered."""
        self.write_end(call, code, settles=settles)
        self.point()
        self.respond(call)

    def refuse(self, call: Call, code: str) -> None:
        """A call ends before an attempt."""
        self.say("refuses {}: {}", call, code)
        self.leave(call)
        call.phase = "running"
        self.finish(call, code, settles=False)

    def write_end(self, call: Call, code: str, *, settles: bool) -> None:
        """Put a call on record."""
        if self.world.plan.bodies:
            self.journal.append_body(ENCODE(body_entry(call, self.world.plan.text)), call.id)
        call.told = sum(charged for _, charged in call.records)
        call.code = code
        last, charged = call.records[-1] if call.records else (None, 0)
        holds = tuple((hold.window, hold.pico_usd) for hold in last.holds) if last and settles else ()
        number = last.number if last else 0
        entry = Frame(END, call.id, number, 0, 0, 0, charged=charged, holds=holds, cost=call.told, code=code)
        self.append(entry, ENCODE(end_entry(call, code, self.now_ms, settles=settles)))

    def settle(self, attempt: Attempt, charged: int) -> None:
        """Replace the reservation by the true cost, once."""
        if attempt.is_settled:
            return
        attempt.is_settled = True
        attempt.charged = charged
        self.running.pop(attempt.call.number, None)
        for lease, hold in attempt.parts:
            lease.give(hold, charged, self.now_ms)
        self.say("settles {} at {}", attempt, charged)
        self.is_freed = True

    def respond(self, call: Call) -> None:
        """Tell the client, once the disk has it where that is asked for."""
        call.open = None
        if self.world.plan.is_durable:
            call.phase = "syncing"
        else:
            self.answer(call)

    def answer(self, call: Call) -> None:
        """The last byte goes to the client."""
        call.phase = "over"
        del self.calls[call.number]
        if not call.has_hung_up:
            self.world.books.answer(call.id, call.told)

    # What comes from elsewhere.

    def synced(self) -> None:
        """The journal's thread has synced."""
        self.journal.sync()
        for call in list(self.calls.values()):
            if call.phase == "syncing":
                self.answer(call)

    def hang_up(self, call: Call) -> None:
        """The client is gone."""
        call.has_hung_up = True
        attempt = call.open
        if call.phase == "waiting":
            self.refuse(call, "client_closed")
        elif attempt is not None and attempt.sent_ms >= 0 and not self.world.plan.drains:
            charged = in_full(attempt.bound, attempt.hold).charged_pico_usd
            if call.streams:
                # A stream that is cut is charged the most that can have been generated.
                charged = self.world.cut(attempt)
            self.end(attempt, charged, "client_closed")

    def tick(self) -> None:
        """What a process does by itself from time to time."""
        self.check_patience()
        if self.is_freed:
            self.is_freed = False
            self.look_all()
        else:
            self.look_all(due_only=True)
        if self.is_draining and not self.calls:
            self.leave_for_good()
        else:
            self.keep_house()

    def leave_for_good(self) -> None:
        """Give everything back, then end (`Returns.stop`)."""
        self.check_flight()
        if self.flight is not None:
            return
        unconfirmed = self.leases.give_back_all()
        if unconfirmed and not self.has_said_goodbye:
            self.has_said_goodbye = True
            self.tell(unconfirmed)
            return
        self.say("ends")
        self.world.end(self)
