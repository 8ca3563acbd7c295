"""One try of a call at one target: begin, send, conclude.

An attempt ends in exactly one `conclude`: its meters settle there and nowhere else. Read next:
`gateway.taking` (what it needs), `gateway.sending` (the answer), `gateway.settlement` (what it is charged),
`gateway.relay` (what happens after commit).
"""

import asyncio
from typing import Final

from headgate.core.entries import ATTEMPT, BEGIN, SETTLED, Begin, Settled
from headgate.core.faults import (
    Fault,
    Limited,
    NotAllowed,
    NotTranslatable,
    SchemaMismatch,
    Unavailable,
    UpstreamError,
    UpstreamTimeout,
)
from headgate.gateway.call import Call, Failure
from headgate.gateway.held import Committed, Held, Outcome, Rejected, conclude, record_of, release_probe
from headgate.gateway.moving import remember
from headgate.gateway.plane import ENCODE, DataPlane
from headgate.gateway.sending import send
from headgate.gateway.settlement import NOTHING, in_full
from headgate.gateway.validated import validated

BEGUN_S_MAX: Final = 2.0


async def attempt(plane: DataPlane, call: Call, held: Held) -> Committed | None:
    """Send the call to the target and wait for commit; None, with the failure noted, if it comes to none."""
    _begin(plane, call, held)
    if plane.journal.is_late:
        await _begun_for_sure(plane, call, held)
    timeouts = call.alias.timeouts if call.alias else None
    assert timeouts is not None and call.facts is not None
    try:
        if not call.facts.stream:
            answered = await send(plane, call, held)
        else:
            async with asyncio.timeout(timeouts.first_token_s):
                answered = await send(plane, call, held)
        if held.expected is not None and isinstance(answered, Committed):
            answered = await validated(plane, call, answered)
        if isinstance(answered, Committed):
            return answered
        _fail(plane, call, held, answered)
    except TimeoutError:
        late = UpstreamTimeout(f"no token within {timeouts.first_token_s:g} s")
        _fail(plane, call, held, Rejected(late, in_full(held.bound, held.reserved_pico_usd)))
    except (UpstreamError, UpstreamTimeout) as fault:
        charge = in_full(held.bound, held.reserved_pico_usd) if fault.sent else NOTHING
        _fail(plane, call, held, Rejected(fault, charge))
    except NotAllowed as fault:
        _fail(plane, call, held, Rejected(fault, NOTHING, retryable=False))
    return None


async def _begun_for_sure(plane: DataPlane, call: Call, held: Held) -> None:
    """Wait for a stalling disk to take the begin: nothing is sent before. Raises Unavailable."""
    try:
        await plane.journal.written(BEGUN_S_MAX)
    except Unavailable as fault:
        _fail(plane, call, held, Rejected(fault, NOTHING, retryable=False))
        raise


def _begin(plane: DataPlane, call: Call, held: Held) -> None:
    caller, facts = call.caller, call.facts
    assert caller is not None and facts is not None
    held.started_s = plane.clock.monotonic()
    held.started_ms = plane.clock.now_ms()
    call.marks.append((ATTEMPT, held.started_s))
    entry = Begin(
        call.id,
        held.number,
        held.started_ms,
        held.way.name,
        held.holds,
        caller.project,
        caller.key,
        caller.user,
        facts.model,
        caller.tags,
        caller.session,
        call.trace_id,
        call.parent_span_id,
        call.exposures,
    )
    plane.journal.append(BEGIN, ENCODE(entry))
    held.begun = True


def _fail(plane: DataPlane, call: Call, held: Held, rejected: Rejected) -> None:
    """Conclude an attempt that came to nothing: `Settled` is written before its hold is used again."""
    fault, settlement = rejected.fault, rejected.settlement
    fault.message = held.way.masking.text(fault.message)
    call.failures.append(Failure(held.way.name, fault, retryable=rejected.retryable))
    status = rejected.status or fault.status
    outcome = Outcome(status, fault.code, fault.message, rejected.usage, rejected.usage_raw)
    refusal = rejected.refusal
    if refusal is not None:
        outcome = Outcome(outcome.status, outcome.code, outcome.message, refusal.usage, refusal.usage_raw)
        remember(call, refusal)
    entry = Settled(call.id, held.number, settlement.charged_pico_usd, held.holds)
    plane.journal.append(SETTLED, ENCODE(entry))
    call.attempts.append(record_of(plane, held, settlement, outcome))
    if refusal is None and not isinstance(fault, SchemaMismatch):
        _judge(plane, held, fault)
    else:
        held.health.breaker.succeeded()
    conclude(plane, call, held, settlement)


def _judge(plane: DataPlane, held: Held, fault: Fault) -> None:
    """Remember a failure of the target. One that limits its rate is well: others only come before it."""
    health, now_s = held.health, plane.clock.monotonic()
    if isinstance(fault, Unavailable | NotTranslatable):  # ours; or it has no such operation, but others
        release_probe(held)
        return
    if isinstance(fault, Limited):
        health.cool(now_s, fault.retry_after_s)
        release_probe(held)
        return
    opened = health.fail(fault.message, now_s=now_s, at_ms=plane.clock.now_ms())
    if opened and plane.callers is None:  # what fails in the shadow keeps nobody waiting
        name = held.way.name
        plane.alert("breaker_open", name, f"{name} failed repeatedly: {fault.message}")
