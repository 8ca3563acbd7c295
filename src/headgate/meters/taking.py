"""When a reservation is taken, when asking is in vain, and what an answer of the database changes. Pure.

The decisions of `meters.purse` and `meters.till`, apart from their waiting, so that deployments can be
simulated (`tests/simulation`). Never reads a clock: `now_ms` never goes back, `wall_ms` is the database's
time as far as this process knows it.
"""

from collections.abc import Iterable, Sequence

from headgate.meters.asks import Granted, Want, exhausted
from headgate.meters.leases import Lease, Leases

FRESH_MS = 250
"""For so long the database's last word on an exhausted window is believed without asking again."""

Parts = list[tuple[Lease, int]]


def take(
    wants: Sequence[Want], leases: Leases, *, now_ms: int, wall_ms: int, beyond: bool = False
) -> Parts | None:
    """Reserve all or nothing. `beyond`: whatever is at hand, of the windows that are known."""
    parts: Parts = []
    for want in wants:
        lease = leases.current(want.meter, wall_ms)
        if lease is not None:
            parts.append((lease, want.amount))
        elif not beyond:
            return None
    return parts if leases.take(parts, now_ms, beyond=beyond) else None


def is_refused(wants: Sequence[Want], leases: Leases, *, now_ms: int, wall_ms: int, retry_ms: int) -> bool:
    """Say whether asking is in vain for now. Raises BudgetExhausted where spend is why."""
    found = False
    for want in wants:
        lease = leases.current(want.meter, wall_ms)
        if lease is None or not lease.was_refused(want.amount, now_ms, FRESH_MS):
            continue
        if lease.is_exhausted(want.amount):
            raise exhausted(want, lease)
        found = found or lease.was_refused(want.amount, now_ms, retry_ms)
    return found


def lacking(wants: Sequence[Want], leases: Leases, wall_ms: int) -> tuple[Want, Lease | None] | None:
    """Return the first meter that has not enough at hand."""
    for want in wants:
        lease = leases.current(want.meter, wall_ms)
        if lease is None or lease.available < want.amount:
            return want, lease
    return None


def is_blocked(wants: Sequence[Want], leases: Leases, wall_ms: int) -> bool:
    """Say whether reservations of others are why a call waits: the database has said that too little is left.

    Else it is still learning what there is, such as what it holds of a window that it had forgotten.
    """
    held = [leases.current(want.meter, wall_ms) for want in wants]
    return any(lease is not None and lease.refused > 0 for lease in held)


def denied(wants: Sequence[Want], leases: Leases, wall_ms: int) -> Want | None:
    """Return the first want that no outage may go beyond, and that is not covered by what is at hand."""
    for want in wants:
        lease = leases.current(want.meter, wall_ms)
        is_covered = lease is not None and lease.available >= want.amount
        if not is_covered and want.budget.on_outage == "deny":
            return want
    return None


def take_in(granted: Granted, wants: Iterable[Want], leases: Leases, now_ms: int) -> int:
    """Learn an answer of the database; return how many of the wants it refused."""
    for meter, answer in granted.answers:
        leases.learn(meter, answer, now_ms, is_present=True)
    refusals = 0
    for want in wants:
        lease = leases.latest(want.meter)
        if want.meter in granted.refused and lease is not None:
            refusals += 1
            lease.refuse(want.amount, now_ms)
    return refusals
