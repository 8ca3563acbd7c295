"""What a gateway reserves and settles money with.

`try_reserve`, `settle` and `affordable` never wait and never touch the database. `reserve` asks the database
for what is missing, in one transaction at a time however many calls wait. No hold is ever released by a
timeout. Never here: what a call costs (`catalog`), what goes into the journal (`gateway`).
Read next: `meters.leases` (the arithmetic), `meters.till` (the line to the database), `meters.returns`.
"""

import asyncio
import uuid
from collections.abc import Callable, Sequence

import msgspec

from headgate.core.call import Bound, Bounded
from headgate.core.entries import Alert, Hold
from headgate.core.faults import Unavailable
from headgate.core.money import format_usd
from headgate.core.ports import Clock
from headgate.meters.asks import Want, reserved, wants_of
from headgate.meters.desk import BootClosed, DeskAway
from headgate.meters.leases import Lease
from headgate.meters.model import Budget, Subject
from headgate.meters.refill import Refill, is_low
from headgate.meters.returns import Returns
from headgate.meters.scope import Counting, Meter
from headgate.meters.taking import denied, is_blocked, is_refused, lacking, take
from headgate.meters.till import PurseSettings, Till
from headgate.store.database import Database


class PurseState(msgspec.Struct, frozen=True, kw_only=True):
    """A purse's figures for metrics; amounts in pico-USD."""

    leases: int
    available: int
    reserved: int
    waiting: int
    grants: int
    refusals: int
    outages: int
    overrun: int
    settled_twice: int
    registrations: int = 0
    """How often all that is held was told to a server of the database that is new to this process."""


class Reservation:
    """Money held for one attempt: one hold for each meter. Settle it exactly once."""

    __slots__ = ("holds", "is_settled", "parts")

    def __init__(self, parts: Sequence[tuple[Lease, int]]) -> None:
        self.parts = tuple(parts)
        self.holds = tuple([Hold(lease.window, amount) for lease, amount in parts])
        self.is_settled = False


def _with_meter(budget: Budget, meter: Meter) -> tuple[Budget, Meter]:
    return budget, meter


class Purse:
    """The money that this process may spend. Belongs to one event loop and one boot."""

    def __init__(
        self,
        boot: uuid.UUID,
        database: Database,
        clock: Clock,
        *,
        processes: Callable[[], int],
        on_alert: Callable[[Alert], None],
        settings: PurseSettings | None = None,
    ) -> None:
        """`processes` says how many gateways share the limits now; `on_alert` must neither block nor fail."""
        self._till = Till(boot, database, clock, processes, settings or PurseSettings())
        self._returns = Returns(self._till, str(boot))
        self._refill = Refill(self._till)
        self._on_alert = on_alert
        self._counting: Counting[Budget, tuple[Budget, Meter]] = Counting((), _with_meter)
        self.on_recall = self._returns.recall
        """Takes the payloads of NOTIFY `headgate_recall`."""

    async def start(self) -> None:
        """Begin to give back what lies idle."""
        self._returns.start()

    async def stop(self) -> None:
        """Give everything back that no call in flight holds."""
        await self._refill.stop()
        await self._returns.stop()

    def try_reserve(self, budgets: Sequence[Budget], subject: Subject, bound: Bound) -> Reservation | None:
        """Reserve from what is at hand: of all budgets that count the call, or of none (None).

        Raises NotAllowed (`unbounded_cost`).
        """
        counted = self._counting_of(budgets).of(subject)
        if not isinstance(bound, Bounded):
            return self._take(wants_of(counted, bound))
        # As `_take`, without making wants of it: most calls end here.
        now_ms, wall_ms = self._till.times_ms()
        parts = self._till.leases.reserve(counted, bound.pico_usd, now_ms, wall_ms)
        if parts is None:
            return None
        for lease, _ in parts:
            if is_low(lease):
                self._refill.begin([Want(budget, meter, bound.pico_usd) for budget, meter in counted])
                break
        return Reservation(parts)

    async def reserve(self, budgets: Sequence[Budget], subject: Subject, bound: Bound) -> Reservation:
        """Reserve, asking the database for what is missing.

        Raises BudgetExhausted where spend leaves less than the bound; Limited (`budget_reserved`) where
        calls in flight still hold it after `reserve_wait_s`; NotAllowed (`unbounded_cost`); Unavailable where
        the database does not answer in time and a budget says `on_outage = "deny"`.
        """
        wants = wants_of(self._counting_of(budgets).of(subject), bound)
        taken = self._take(wants)
        if taken is not None:
            return taken
        self._till.enter(wants)
        try:
            return await self._obtain(wants)
        finally:
            self._till.leave(wants)

    def settle(self, reservation: Reservation, charged_pico_usd: int) -> int:
        """Replace a reservation by its true cost and return what exceeds it, in pico-USD. Never fails.

        The journal must have been told first: the money may be reserved again at once.
        """
        if reservation.is_settled:
            self._till.counts["settled_twice"] += 1
            if self._till.settings.strict:
                raise AssertionError("this reservation has been settled before")
            return 0
        reservation.is_settled = True
        now_ms = self._till.now_ms()
        overrun = 0
        for lease, hold in reservation.parts:
            beyond = lease.give(hold, charged_pico_usd, now_ms)
            if beyond > 0:
                self._till.counts["overrun"] += beyond
                self._on_alert(self._overrun_alert(lease, beyond))
                overrun = max(overrun, beyond)
        self._till.wake()
        return overrun

    def release(self, reservation: Reservation) -> None:
        """Settle a reservation whose attempt cost nothing."""
        self.settle(reservation, 0)

    def affordable(self, budgets: Sequence[Budget], subject: Subject) -> int | None:
        """Return the most that a call may cost where budgets say `when_near = "clamp"`; None: no such budget.

        In pico-USD, as of the last contact with the database; what it allows can still be refused.
        """
        wall_ms = self._till.wall_ms()
        least: int | None = None
        for budget, meter in self._counting_of(budgets).of(subject):
            if budget.when_near != "clamp":
                continue
            lease = self._till.leases.current(meter, wall_ms)
            left = max(0, lease.left_known) if lease is not None else budget.limit_pico_usd
            least = left if least is None else min(least, left)
        return least

    def has_left(self, part: float, budgets: Sequence[Budget], subject: Subject) -> bool:
        """Say whether at least a part of each budget that counts a subject is left, as far as is known here.

        What is reserved or leased is used. A budget of which nothing is known yet is taken to have it.
        """
        wall_ms = self._till.wall_ms()
        for _, meter in self._counting_of(budgets).of(subject):
            lease = self._till.leases.current(meter, wall_ms)
            if lease is not None and lease.left_known < part * lease.limit:
                return False
        return True

    def snapshot(self) -> PurseState:
        """Return the figures for metrics."""
        held = self._till.leases.by_window.values()
        counts = self._till.counts
        return PurseState(
            leases=len(held),
            available=sum(max(0, lease.available) for lease in held),
            reserved=sum(lease.reserved for lease in held),
            waiting=self._till.waiting_calls,
            grants=counts["grants"],
            refusals=counts["refusals"],
            outages=counts["outages"],
            overrun=counts["overrun"],
            settled_twice=counts["settled_twice"],
            registrations=counts["registrations"],
        )

    def _counting_of(self, budgets: Sequence[Budget]) -> Counting[Budget, tuple[Budget, Meter]]:
        # The gateway passes the same tuple until its snapshot is swapped.
        if budgets is not self._counting.limits:
            self._counting = Counting(tuple(budgets), _with_meter)
        return self._counting

    def _take(self, wants: Sequence[Want], *, beyond: bool = False) -> Reservation | None:
        """Reserve all or nothing. `beyond`: whatever is at hand, of the windows that are known."""
        parts = take(
            wants,
            self._till.leases,
            now_ms=self._till.now_ms(),
            wall_ms=self._till.wall_ms(),
            beyond=beyond,
        )
        return None if parts is None else Reservation(parts)

    async def _obtain(self, wants: Sequence[Want]) -> Reservation:
        began_s = self._till.now_s()
        while True:
            freed = self._till.freed  # before looking, so that what is freed meanwhile is not missed
            try:
                taken = await self._look(wants, began_s)
            except DeskAway as error:
                return self._during_outage(wants, error)
            if taken is not None:
                return taken
            lacked = self._lacking(wants)
            if lacked is None:
                continue
            want, lease = lacked
            left_s = began_s + want.budget.reserve_wait_s - self._till.now_s()
            if left_s <= (0 if self._is_blocked(wants) else -self._till.settings.grant_timeout_s):
                raise reserved(want, lease)
            try:
                async with asyncio.timeout(min(left_s, self._till.settings.retry_s)):
                    await freed.wait()
            except TimeoutError:
                continue

    async def _look(self, wants: Sequence[Want], began_s: float) -> Reservation | None:
        """Take what is at hand, else ask, unless the answer is known. None: not now. Raises DeskAway."""
        flights = self._till.flights
        patience_s = self._till.settings.grant_timeout_s
        try:
            while (taken := self._take(wants)) is None and flights.is_busy:
                await flights.land(patience_s)
            if taken is not None or self._is_refused(wants):
                return taken
            if self._till.outage_at_s >= began_s:
                raise DeskAway("the database did not answer a moment ago")
            granted = await flights.fly(lambda: self._till.ask(wants), patience_s)
            taken = self._take(wants)
            if taken is None and granted.is_outside and not flights.is_busy:
                await flights.fly(lambda: self._till.ask(wants, even_if_covered=True), patience_s)
                taken = self._take(wants)
        except TimeoutError as error:
            raise DeskAway(str(error)) from None
        return taken

    def _is_refused(self, wants: Sequence[Want]) -> bool:
        """Say whether asking is in vain for now. Raises BudgetExhausted where spend is why."""
        return is_refused(
            wants,
            self._till.leases,
            now_ms=self._till.now_ms(),
            wall_ms=self._till.wall_ms(),
            retry_ms=int(self._till.settings.retry_s * 1000),
        )

    def _is_blocked(self, wants: Sequence[Want]) -> bool:
        return is_blocked(wants, self._till.leases, self._till.wall_ms())

    def _lacking(self, wants: Sequence[Want]) -> tuple[Want, Lease | None] | None:
        """The first meter that has not enough at hand. Raises BudgetExhausted where spend is why."""
        self._is_refused(wants)
        return lacking(wants, self._till.leases, self._till.wall_ms())

    def _during_outage(self, wants: Sequence[Want], error: DeskAway) -> Reservation:
        if isinstance(error, BootClosed):
            raise Unavailable("this process's leases were closed; it has to be started again")
        want = denied(wants, self._till.leases, self._till.wall_ms())
        if want is not None:
            raise Unavailable(
                f"budget {want.budget.name!r} can't be checked ({error}), and what this process had of "
                "it is used up; try again shortly",
                retry_after_s=1.0,
            )
        taken = self._take(wants, beyond=True)
        assert taken is not None, "whatever is at hand is always enough"
        return taken

    def _overrun_alert(self, lease: Lease, beyond: int) -> Alert:
        limit, counted = lease.meter
        name = next((budget.name for budget in self._counting.limits if budget.id == limit), limit)
        return Alert(
            at_ms=self._till.wall_ms(),
            kind="overrun",
            subject=f"{name} ({counted})" if counted else name,
            message=f"an attempt cost {format_usd(beyond)} USD more than was reserved of budget {name!r}; "
            "its bound was too low",
        )
