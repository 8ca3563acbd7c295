"""What a shadow may take: of slots, rate limits and budgets only what callers will not miss.

Nothing is taken of what is half used already, so that the rest is the callers' alone. Read next:
`gateway.taking`, `gateway.shadows`.
"""

from typing import Final

from headgate.core.faults import Limited, Unavailable
from headgate.gateway.call import Call
from headgate.gateway.held import Held
from headgate.gateway.plane import DataPlane
from headgate.gateway.steps import take_rate
from headgate.meters.model import Subject
from headgate.meters.purse import Reservation

HALF: Final = 0.5


async def reserve_spare(plane: DataPlane, call: Call, held: Held, subject: Subject) -> Reservation:
    """Reserve for a shadow, and count it under the rate limits of its target.

    Raises Unavailable, Limited, BudgetExhausted or NotAllowed where callers may need what it would take.
    """
    provider, callers = held.way.target.provider, plane.callers
    if callers is not None and callers.of(held.way.name).calls_in_flight >= HALF * provider.max_concurrent:
        raise Unavailable("callers use half of its slots")
    current = call.current
    if current.target_limits:
        if plane.limiter.part_left(current.target_limits, subject) < HALF:
            raise Limited("half of a rate limit is used", retry_after_s=1.0)
        take_rate(plane, call, current.target_limits, subject)
    purse, budgets = plane.purse, current.budgets
    if not purse.has_left(HALF, budgets, subject):
        raise _half_used()
    reservation = purse.try_reserve(budgets, subject, held.bound)
    reservation = reservation or await purse.reserve(budgets, subject, held.bound)
    if not purse.has_left(HALF, budgets, subject):
        purse.release(reservation)
        raise _half_used()
    return reservation


def _half_used() -> Limited:
    return Limited("half of a budget is used", code="budget_reserved", retry_after_s=1.0)
