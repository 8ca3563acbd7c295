"""Takes what one attempt needs of a target: its way, the call written for it, a slot, and a reservation.

Gives everything back where one of them can't be had. Never sends. Read next: `gateway.attempt`.
"""

from headgate.catalog.model import Target
from headgate.core.call import Bounded
from headgate.core.entries import LEFT_OUT_STEP, RESERVE
from headgate.core.faults import BudgetExhausted, Refused, Unavailable
from headgate.gateway.bounding import bound_input, longer
from headgate.gateway.call import Call
from headgate.gateway.clamp import clamped
from headgate.gateway.expected import expected_of
from headgate.gateway.health import TargetHealth
from headgate.gateway.held import Held
from headgate.gateway.moving import check_window
from headgate.gateway.plane import DataPlane
from headgate.gateway.spare import reserve_spare
from headgate.gateway.steps import take_rate
from headgate.gateway.translated import is_passed, written
from headgate.gateway.validated import check_schema
from headgate.meters.model import Subject
from headgate.meters.purse import Reservation


async def take(plane: DataPlane, call: Call, target: Target) -> Held | None:
    """Take a slot and a reservation at the target; None, with the reason noted, where it can't be tried.

    Raises BudgetExhausted when a budget says `when_exhausted = "reject"`.
    """
    standing = call.standing
    assert standing is not None
    call.marks.append((RESERVE, plane.clock.monotonic()))
    health = plane.health.of(target.name)
    slotted = probes = False
    try:
        if call.overflowed_tokens is not None:
            check_window(call, target)
        way = standing.ways.to(target, call.route)
        if way.missing is not None:
            raise Unavailable(f"it is left out: {way.missing}")
        parts = bound_input(call)
        made = None if is_passed(call, way) else written(call, way, parts.max_output)
        if made is not None:
            parts = longer(call, parts, len(made.body))
        held = Held(way, health, parts, way.tariff.bound(parts), len(call.attempts) + 1, made)
        held.expected = expected_of(call, way, made)
        if held.expected is not None:
            await check_schema(plane, held.expected)
        if not health.breaker.is_closed and call.shadows is None:  # how often they fail is to be seen
            held.probes = probes = _may_probe(plane, health, target)
        provider = target.provider
        if not health.try_enter(provider.max_concurrent):
            await health.enter(calls_max=provider.max_concurrent, queued_max=provider.max_queued)
        slotted = True
        subject, budgets = standing.subject_at(way), call.current.budgets
        if call.shadows is not None:
            reservation = await reserve_spare(plane, call, held, subject)
        else:
            reservation = _try_reserve(plane, call, held, subject)
            reservation = reservation or await plane.purse.reserve(budgets, subject, held.bound)
        held.reservation = reservation
        held.reserved_pico_usd = min([hold.pico_usd for hold in reservation.holds], default=0)
    except (Refused, Unavailable) as fault:
        _untake(health, slotted=slotted, probes=probes)
        call.exclude(target.name, fault)
        call.marks[-1] = (LEFT_OUT_STEP, call.marks[-1][1])
        if isinstance(fault, BudgetExhausted) and fault.rejects:
            raise
        return None
    except BaseException:
        _untake(health, slotted=slotted, probes=probes)
        raise
    call.open_attempt = held
    return held


def _may_probe(plane: DataPlane, health: TargetHealth, target: Target) -> bool:
    """Whether the attempt is to probe a target that has failed. Raises Unavailable where it must not."""
    now_s = plane.clock.monotonic()
    may_probe = health.breaker.state(now_s) == "half-open"
    if not health.breaker.allow(now_s):
        raise Unavailable(
            f"{target.name} has failed repeatedly and is given a rest; it last said: {health.last_failure}"
        )
    return may_probe


def _untake(health: TargetHealth, *, slotted: bool, probes: bool) -> None:
    if probes:
        health.breaker.abandoned()
    if slotted:
        health.leave()


def _try_reserve(plane: DataPlane, call: Call, held: Held, subject: Subject) -> Reservation | None:
    """Take rate limits that count attempts, then reserve from what is at hand; None: not enough."""
    limits = call.current.target_limits
    if limits:
        take_rate(plane, call, limits, subject)
    if call.current.clamps:
        _clamp(plane, call, held, subject)
    return plane.purse.try_reserve(call.current.budgets, subject, held.bound)


def _clamp(plane: DataPlane, call: Call, held: Held, subject: Subject) -> None:
    """Where a budget says so, ask for no more output than what is left of it can pay."""
    if not isinstance(held.bound, Bounded):
        return
    affordable = plane.purse.affordable(call.current.budgets, subject)
    if affordable is None or held.bound.pico_usd <= affordable:
        return
    parts = clamped(held.bound_input, held.way.target.facts, affordable)
    if parts is not None:
        held.bound_input = parts
        held.bound = held.way.tariff.bound(parts)
        call.note_change(f"output limit lowered to {parts.max_output} by what is left of a budget")
