"""The arithmetic of a process's leases: what it may reserve, ask for, and has to give back. Pure.

No clock, no database, no asyncio: times are passed in, and every method is a step of a state machine, so
that whole deployments can be simulated. A lease is four counters that only grow (`granted`, `returned`,
`settled`) or fall back to nothing (`reserved`); what may still be reserved is their difference.

What holds, whatever is lost, repeated or late:
- `reserved` is the sum of the holds that are not settled; `returned` is raised only by what is available;
- without overrun, `reserved + settled <= granted - returned`;
- the database's `granted` is never below the process's, its `returned` never above: money in transit is
  held by nobody, never by two.

Read next: `meters.purse`, the shell around it; `store/migrations/0010_meters.sql`, the other side.
"""

from collections.abc import Container, Iterable, Sequence

import msgspec

from headgate.meters.scope import Meter
from headgate.meters.windows import Edges

EXACT_BOUNDS = 50
"""A meter is exact, granted per call, while less than so many bounds a process are left of its limit."""
USE_MS = 1000
"""A lease covers the use of so many milliseconds."""
IDLE_EXACT_MS = 75
IDLE_MS = 1000
FORGET_MS = 60_000


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The database's word on one meter's window and this process's lease of it; all amounts absolute."""

    window: int
    edges: Edges
    granted: int
    returned: int
    settled: int
    spent: int
    leased: int
    limit: int
    exact: bool


class Lease:
    """What this process holds of one meter's window, in pico-USD."""

    __slots__ = (
        "contact_ms",
        "edges",
        "exact",
        "granted",
        "leased",
        "limit",
        "meter",
        "recalled",
        "recent",
        "recent_at_ms",
        "refused",
        "refused_ms",
        "reserved",
        "returned",
        "returned_known",
        "settled",
        "shipped",
        "spent",
        "touched_ms",
        "window",
    )

    def __init__(self, meter: Meter, answer: Answer, now_ms: int) -> None:
        """Begin from the database's word, which is the whole truth for a window not held before."""
        self.meter = meter
        self.window = answer.window
        self.edges = answer.edges
        self.granted = answer.granted
        self.returned = self.returned_known = answer.returned
        self.settled = self.shipped = answer.settled
        self.reserved = 0
        self.spent = answer.spent
        self.leased = answer.leased
        self.limit = answer.limit
        self.exact = answer.exact
        self.recalled = False
        self.recent = 0
        self.recent_at_ms = self.touched_ms = self.contact_ms = now_ms
        self.refused = 0
        self.refused_ms = now_ms

    @property
    def available(self) -> int:
        """What may be reserved without asking; below zero after an overrun."""
        return self.granted - self.returned - self.reserved - self.settled

    @property
    def spent_known(self) -> int:
        """What is known to be spent in the window: the database's word and what it has not yet heard."""
        return self.spent + self.settled - self.shipped

    @property
    def left_known(self) -> int:
        """What was left to grant at the last contact, this process's own lease included."""
        return self.limit - self.spent - self.leased + max(0, self.available)

    def learn(self, answer: Answer, now_ms: int) -> None:
        """Take the database's word, which may be late: counters that only grow never go back."""
        self.contact_ms = now_ms
        self.granted = max(self.granted, answer.granted)
        self.returned_known = max(self.returned_known, answer.returned)
        self.shipped = max(self.shipped, answer.settled)
        self.spent = answer.spent
        self.leased = answer.leased
        self.limit = answer.limit
        self.exact = answer.exact
        self.refused = 0

    def learn_anew(self, answer: Answer, now_ms: int) -> None:
        """Take the word of a server that is new: it may know less of what was returned or settled."""
        self.learn(answer, now_ms)
        self.returned_known = answer.returned
        self.shipped = answer.settled

    def take(self, amount: int, now_ms: int) -> None:
        """Reserve. The caller has checked `available`, or means to exceed it (`on_outage = "allow"`)."""
        self.reserved += amount
        elapsed_ms = now_ms - self.recent_at_ms
        if elapsed_ms:
            self.recent = self._recent_use(now_ms)
            self.recent_at_ms = self.touched_ms = now_ms
        self.recent += amount

    def give(self, hold: int, charged: int, now_ms: int) -> int:
        """Settle a hold at its true cost; return what was charged above it."""
        self.reserved -= hold
        self.settled += charged
        beyond = charged - hold
        recent = self._recent_use(now_ms)
        if beyond < 0:
            recent += beyond
        self.recent = recent if recent > 0 else 0
        self.recent_at_ms = self.touched_ms = now_ms
        return beyond if beyond > 0 else 0

    def refuse(self, amount: int, now_ms: int) -> None:
        """Remember that the database had not enough for a reservation of `amount`."""
        self.refused = amount
        self.refused_ms = now_ms

    def was_refused(self, amount: int, now_ms: int, within_ms: int) -> bool:
        """Say whether as much was refused a moment ago, so that asking again would be in vain."""
        return 0 < self.refused <= amount and now_ms - self.refused_ms < within_ms and amount > self.available

    def is_exhausted(self, amount: int) -> bool:
        """Say whether spend alone, without what is only reserved, leaves less than `amount`."""
        return self.limit - self.spent_known < amount

    def give_back(self, amount: int) -> int:
        """Return so much of what is available to the database; the answer is what it has to be told."""
        self.returned += max(0, min(amount, self.available))
        return self.returned

    def chunk(self, now_ms: int) -> int:
        """What a second of recent use takes."""
        return self._recent_use(now_ms)

    def is_idle(self, now_ms: int, wall_ms: int) -> bool:
        """Say whether what is available should go back: unused for long enough, recalled, or outlived."""
        idle_ms = IDLE_EXACT_MS if self.exact else IDLE_MS
        return self.recalled or now_ms - self.touched_ms >= idle_ms or wall_ms >= self.edges.ends_ms

    def is_forgettable(self) -> bool:
        """Say whether the database knows all of it, so that beginning anew from its word loses nothing."""
        return (
            self.reserved == 0
            and self.available <= 0
            and self.returned_known == self.returned
            and self.shipped == self.settled
        )

    def _recent_use(self, now_ms: int) -> int:
        elapsed_ms = now_ms - self.recent_at_ms
        return 0 if elapsed_ms >= USE_MS else self.recent - self.recent * elapsed_ms // USE_MS


class Leases:
    """All leases of a process: the current one of each meter, and older ones with calls in flight."""

    def __init__(self, *, leases_max: int = 4096) -> None:
        self.leases_max = leases_max
        self.by_window: dict[int, Lease] = {}
        self._current: dict[Meter, Lease] = {}

    def current(self, meter: Meter, wall_ms: int) -> Lease | None:
        """Return the meter's lease, unless its window has ended, or lies ahead of a clock set back."""
        lease = self._current.get(meter)
        if lease is None or not lease.edges.starts_ms <= wall_ms < lease.edges.ends_ms:
            return None
        return lease

    def latest(self, meter: Meter) -> Lease | None:
        """Return the meter's lease as the database last gave it, whatever this process's clock says."""
        return self._current.get(meter)

    def learn(self, meter: Meter, answer: Answer, now_ms: int, *, is_present: bool = False) -> Lease:
        """Take an answer in; begin a lease where its window is new to this process.

        `is_present`: its window holds the database's time, even if a later one was held before.
        """
        lease = self.by_window.get(answer.window)
        if lease is None:
            lease = self.by_window[answer.window] = Lease(meter, answer, now_ms)
        else:
            lease.learn(answer, now_ms)
        current = self._current.get(meter)
        if is_present or current is None or current.edges.starts_ms <= lease.edges.starts_ms:
            self._current[meter] = lease
        return lease

    def take(self, parts: Sequence[tuple[Lease, int]], now_ms: int, *, beyond: bool = False) -> bool:
        """Reserve all parts, or none; `beyond` reserves whatever is available. Each lease comes once."""
        if not beyond:
            for lease, amount in parts:
                if amount > lease.available:
                    return False
        for lease, amount in parts:
            lease.take(amount, now_ms)
        return True

    def reserve(
        self, counted: Sequence[tuple[object, Meter]], amount: int, now_ms: int, wall_ms: int
    ) -> list[tuple[Lease, int]] | None:
        """Reserve as much of each meter, as `current` and `take` do; None where one has not enough."""
        parts: list[tuple[Lease, int]] = []
        for _, meter in counted:
            lease = self.current(meter, wall_ms)
            if lease is None:
                return None
            parts.append((lease, amount))
        return parts if self.take(parts, now_ms) else None

    def give_back_idle(
        self, now_ms: int, wall_ms: int, wanted: Container[Meter] = frozenset()
    ) -> list[Lease]:
        """Return what lies idle, and name all leases whose returns the database has not confirmed.

        What calls wait for (`wanted`), with other meters still lacking, stays until another process needs it,
        or its window ends: from then on they wait for the next one.
        """
        for lease in self._crowd(wall_ms, wanted):
            lease.recalled = True
        unconfirmed: list[Lease] = []
        for lease in self.by_window.values():
            is_kept = lease.meter in wanted and not lease.recalled and wall_ms < lease.edges.ends_ms
            if lease.available > 0 and lease.is_idle(now_ms, wall_ms) and not is_kept:
                lease.give_back(lease.available)
            lease.recalled = False
            if lease.returned > lease.returned_known:
                unconfirmed.append(lease)
        return unconfirmed

    def give_back_all(self) -> list[Lease]:
        """Return everything that no call in flight holds; name what the database has not confirmed."""
        for lease in self.by_window.values():
            lease.give_back(lease.available)
        return [lease for lease in self.by_window.values() if lease.returned > lease.returned_known]

    def outlived(self, now_ms: int, wall_ms: int, wanted: Container[Meter] = frozenset()) -> list[Lease]:
        """Name the leases that may be forgotten as soon as the database knows all of them."""
        aged = [
            one
            for one in self.by_window.values()
            if wall_ms >= one.edges.ends_ms or now_ms - one.touched_ms >= FORGET_MS
        ]
        candidates = dict.fromkeys(aged + self._crowd(wall_ms, wanted))
        return [one for one in candidates if one.reserved == 0 and one.available <= 0]

    def forget(self, leases: Iterable[Lease]) -> int:
        """Drop those of the leases that the database knows all of; return how many."""
        dropped = 0
        for lease in leases:
            if lease.is_forgettable() and self.by_window.pop(lease.window, None) is not None:
                dropped += 1
                if self._current.get(lease.meter) is lease:
                    del self._current[lease.meter]
        return dropped

    def drop(self, window: int) -> None:
        """Hold nothing more of a window that the database has lost; what is reserved settles as it was."""
        lease = self.by_window.pop(window, None)
        if lease is not None and self._current.get(lease.meter) is lease:
            del self._current[lease.meter]

    def _crowd(self, wall_ms: int, wanted: Container[Meter]) -> list[Lease]:
        """The leases beyond the cap, least recently used first, those that calls wait for last."""
        beyond = len(self.by_window) - self.leases_max
        if beyond <= 0:
            return []

        def worth(lease: Lease) -> tuple[bool, int]:
            is_wanted = lease.meter in wanted and self.current(lease.meter, wall_ms) is lease
            return is_wanted, lease.touched_ms

        return sorted(self.by_window.values(), key=worth)[:beyond]
