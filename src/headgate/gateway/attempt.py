"""One try of a call at one target: take what it needs, send, hold until commit, conclude.

An attempt ends in exactly one `conclude`: its meters settle there and nowhere else. Read next:
`gateway.settlement` (what it is charged), `gateway.relay` (what happens after commit).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from headgate.catalog.bound import BoundInput, bound
from headgate.catalog.kinds import family_of
from headgate.catalog.model import Endpoint, Target
from headgate.core.call import Bound, Bounded, Usage
from headgate.core.entries import BEGIN, SETTLED, AttemptRecord, Begin, Settled
from headgate.core.faults import (
    BudgetExhausted,
    Fault,
    Limited,
    NotAllowed,
    Refused,
    Unavailable,
    UpstreamError,
    UpstreamTimeout,
)
from headgate.core.ports import Answer, Headers, Timeouts
from headgate.gateway.call import NO_USAGE, Call, Failure
from headgate.gateway.clamp import clamped
from headgate.gateway.health import TargetHealth
from headgate.gateway.masking import Masking
from headgate.gateway.plane import ENCODE, DataPlane
from headgate.gateway.providers import answer_headers, endpoint_for, outgoing, provider_request_id
from headgate.gateway.settlement import NOTHING, Settlement, in_full, refused
from headgate.gateway.steps import take_rate
from headgate.meters.model import Subject
from headgate.meters.purse import Reservation
from headgate.wire.answers import classify, provider_message, retry_after_s
from headgate.wire.model import StreamReader
from headgate.wire.reading import rewrite
from headgate.wire.streams import reader as stream_reader

ERROR_BYTES_MAX: Final = 1024 * 1024
ANSWER_BYTES_MAX: Final = 256 * 1024 * 1024
HELD_BYTES_MAX: Final = 64 * 1024
OUTPUT_FIELD: Final = "max_completion_tokens"


class Outcome(msgspec.Struct, frozen=True):
    """How an attempt ended, as its record says it."""

    status: int
    code: str = ""
    message: str = ""
    usage: Usage = NO_USAGE
    usage_raw: bytes = b""


class Held:
    """What an attempt holds while it runs: a slot of its target, a reservation, and a place on the record."""

    __slots__ = (
        "begun",
        "bound",
        "bound_input",
        "concluded",
        "endpoint",
        "health",
        "masking",
        "number",
        "probes",
        "reservation",
        "started_ms",
        "started_s",
        "target",
    )

    def __init__(
        self, target: Target, endpoint: Endpoint, health: TargetHealth, parts: BoundInput, number: int
    ) -> None:
        self.target = target
        self.endpoint = endpoint
        self.health = health
        self.bound_input = parts
        self.bound: Bound = Bounded(0)
        self.reservation: Reservation | None = None
        self.number = number
        self.masking = Masking(None)
        self.probes = False
        self.started_s = 0.0
        self.started_ms = 0
        self.begun = False
        self.concluded = False

    @property
    def reserved_pico_usd(self) -> int:
        """The smallest hold: what every one of its meters can be charged without passing its hold.

        They differ only where budgets reserve different amounts for a call of unbounded cost.
        """
        if self.reservation is None:
            return 0
        return min((hold.pico_usd for hold in self.reservation.holds), default=0)


class Committed:
    """An answer that will be relayed: a whole body, or a stream with what was held of it until commit."""

    __slots__ = ("answer", "body", "headers", "held", "pending", "reader", "status")

    def __init__(self, held: Held, answer: Answer, *, body: bytes = b"", pending: bytes = b"") -> None:
        self.held = held
        self.answer = answer
        self.status: int = answer.status
        self.headers: Headers = held.masking.headers(answer_headers(answer.headers))
        self.body = held.masking.data(body)
        self.pending = pending
        self.reader: StreamReader | None = None


async def take(plane: DataPlane, call: Call, target: Target) -> Held | None:
    """Take a slot and a reservation at the target; None, with the reason noted, where it can't be tried.

    Raises BudgetExhausted when a budget says `when_exhausted = "reject"`.
    """
    health = plane.health.of(target.name)
    slotted = probes = False
    try:
        endpoint = endpoint_for(target, call.route)
        _check_credential(call, target, endpoint)
        held = Held(target, endpoint, health, bound_input(call, target), len(call.attempts) + 1)
        held.bound = bound(held.bound_input, target.facts)
        now_s = plane.clock.monotonic()
        may_probe = health.breaker.state(now_s) == "half-open"
        if not health.breaker.allow(now_s):
            raise Unavailable(
                f"{target.name} has failed repeatedly and is given a rest; it last said: "
                f"{health.last_failure}"
            )
        held.probes = probes = may_probe
        provider = target.provider
        await health.enter(calls_max=provider.max_concurrent, queued_max=provider.max_queued)
        slotted = True
        held.reservation = await _reserve(plane, call, held)
    except (Refused, Unavailable) as fault:
        _untake(health, slotted=slotted, probes=probes)
        call.exclude(target.name, fault)
        if isinstance(fault, BudgetExhausted) and fault.rejects:
            raise
        return None
    except BaseException:
        _untake(health, slotted=slotted, probes=probes)
        raise
    call.open_attempt = held
    return held


def _untake(health: TargetHealth, *, slotted: bool, probes: bool) -> None:
    if probes:
        health.breaker.abandoned()
    if slotted:
        health.leave()


def _check_credential(call: Call, target: Target, endpoint: Endpoint) -> None:
    provider = target.provider
    reason = call.current.secrets.reason_missing(provider.name) if endpoint.auth != "none" else None
    if reason is not None:
        raise Unavailable(f"it is left out: {reason}")


async def _reserve(plane: DataPlane, call: Call, held: Held) -> Reservation:
    subject = call.subject(held.target)
    limits = call.current.target_limits
    if limits:
        take_rate(plane, call, limits, subject)
    budgets = call.current.budgets
    _clamp(plane, call, held, subject)
    return plane.purse.try_reserve(budgets, subject, held.bound) or await plane.purse.reserve(
        budgets, subject, held.bound
    )


def _clamp(plane: DataPlane, call: Call, held: Held, subject: Subject) -> None:
    """Where a budget says so, ask for no more output than what is left of it can pay."""
    if not call.current.clamps or not isinstance(held.bound, Bounded):
        return
    affordable = plane.purse.affordable(call.current.budgets, subject)
    if affordable is None or held.bound.pico_usd <= affordable:
        return
    parts = clamped(held.bound_input, held.target.facts, affordable)
    if parts is not None:
        held.bound_input = parts
        held.bound = bound(parts, held.target.facts)
        call.note_change(f"output limit lowered to {parts.max_output} by what is left of a budget")


def bound_input(call: Call, target: Target) -> BoundInput:
    """Return what a call's bound is made from; the alias's `default_max_output` counts as its limit."""
    facts = call.facts
    assert facts is not None
    return BoundInput(
        operation=call.route.operation,
        body_bytes=(call.upload.length if call.upload else len(facts.body)) - facts.media.inline_bytes,
        messages=facts.messages,
        choices=facts.choices,
        max_output=output_limit(call),
        images=facts.media.images,
        audio=facts.media.audio,
        files=facts.media.files,
        unbounded=facts.media.unbounded,
        server_tools=facts.media.server_tools,
        service_tier=facts.service_tier,
    )


def output_limit(call: Call) -> int | None:
    """The request's limit on output tokens, else the alias's default, else None."""
    facts, alias = call.facts, call.alias
    assert facts is not None
    if facts.max_output is not None or alias is None or call.route.operation not in ("chat", "completions"):
        return facts.max_output
    return alias.default_max_output


async def attempt(plane: DataPlane, call: Call, held: Held) -> Committed | None:
    """Send the call to the target and wait for commit; None, with the failure noted, if it comes to none."""
    _begin(plane, call, held)
    timeouts = call.alias.timeouts if call.alias else None
    assert timeouts is not None and call.facts is not None
    try:
        if not call.facts.stream:
            return await _send(plane, call, held)
        async with asyncio.timeout(timeouts.first_token_s):
            return await _send(plane, call, held)
    except TimeoutError:
        late = UpstreamTimeout(f"no token within {timeouts.first_token_s:g} s")
        _fail(plane, call, held, late, in_full(held.bound, held.reserved_pico_usd))
    except (UpstreamError, UpstreamTimeout) as fault:
        charge = in_full(held.bound, held.reserved_pico_usd) if fault.sent else NOTHING
        _fail(plane, call, held, fault, charge)
    except NotAllowed as fault:
        _fail(plane, call, held, fault, NOTHING, retryable=False)
    return None


def _begin(plane: DataPlane, call: Call, held: Held) -> None:
    caller, facts = call.caller, call.facts
    assert caller is not None and facts is not None
    held.started_s = plane.clock.monotonic()
    held.started_ms = plane.clock.now_ms()
    entry = Begin(
        call=call.id.bytes,
        attempt=held.number,
        started_ms=held.started_ms,
        target=held.target.name,
        holds=held.reservation.holds if held.reservation else (),
        project=caller.project,
        key=caller.key,
        user=caller.user,
        model=facts.model,
        tags=caller.tags,
    )
    plane.journal.append(BEGIN, ENCODE(entry))
    held.begun = True


async def _send(plane: DataPlane, call: Call, held: Held) -> Committed | None:
    facts, alias, caller = call.facts, call.alias, call.caller
    assert facts is not None and alias is not None and caller is not None
    target, endpoint = held.target, held.endpoint
    ask_usage = (
        facts.stream and not facts.wants_usage and endpoint.usage_in_stream and target.provider.inject_usage
    )
    limit = held.bound_input.max_output
    model = target.model if target.model != facts.model else None
    body: bytes | AsyncIterator[bytes]
    if call.upload is not None:
        body, length = call.upload.pieces(model), call.upload.length_with(model)
    else:
        new_limit = limit if limit != facts.max_output else None
        family = family_of(target.provider.origin.host) if new_limit is not None else None
        body = rewrite(
            facts,
            model=model,
            ask_usage=ask_usage,
            max_output=new_limit,
            output_field=family.output_field if family else OUTPUT_FIELD,
        )
        length = len(body)
    if facts.max_output is None and limit is not None and limit == alias.default_max_output:
        call.note_change(f"output limit set to {limit} by default_max_output of {alias.name}")
    whole = not facts.stream
    timeouts = Timeouts(
        connect_s=alias.timeouts.connect_s,
        first_byte_s=alias.timeouts.total_s if whole else alias.timeouts.first_token_s,
        idle_s=alias.timeouts.idle_s,
        total_s=alias.timeouts.total_s,
    )
    secret = call.current.secrets.get(target.provider.name)
    held.masking = Masking(secret)
    request = outgoing(call, target, endpoint, secret=secret, timeouts=timeouts)
    request.body, request.content_length = body, length
    answer = await plane.egress.send(request, regions=target.provider.regions, label=caller.label)
    call.provider_request_id = held.masking.text(provider_request_id(answer.headers))
    try:
        if answer.status >= 300:  # nobody follows a provider elsewhere: egress was checked for this one
            return await _refused(plane, call, held, answer)
        if whole or not _is_stream(call, answer):
            return Committed(held, answer, body=await answer.read(ANSWER_BYTES_MAX))
        reader = stream_reader(call.route.dialect, call.route.operation, strip_usage=ask_usage)
        return await _until_commit(plane, call, Committed(held, answer), reader)
    except BaseException:
        answer.close()
        raise


def _is_stream(call: Call, answer: Answer) -> bool:
    kind = answer.header(b"content-type") or b""
    if call.route.dialect == "google" and b"json" in kind:
        return answer.header(b"content-length") is None
    return b"event-stream" in kind


async def _until_commit(
    plane: DataPlane, call: Call, committed: Committed, reader: StreamReader
) -> Committed | None:
    """Hold a stream back until its first visible token, so that another target may still take over."""
    pending: list[bytes] = []
    held_bytes = 0
    while held_bytes < HELD_BYTES_MAX:
        data = await committed.answer.chunk()
        event = reader.feed(data) if data else reader.end()
        pending.append(committed.held.masking.data(event.data))
        held_bytes += len(event.data)
        if reader.error is not None and not event.commits:
            raise UpstreamError(f"the stream began with an error: {reader.error}")
        if event.commits or reader.finished:
            break
        if not data:
            raise UpstreamError("the stream ended before its first token")
    held = committed.held
    latency_s = plane.clock.monotonic() - held.started_s
    held.health.observe(latency_s)
    call.first_token_ms = int((plane.clock.monotonic() - call.started_s) * 1000)
    committed.pending = b"".join(pending)
    committed.reader = reader
    return committed


async def _refused(plane: DataPlane, call: Call, held: Held, answer: Answer) -> Committed | None:
    """Sort a provider's error: the caller's own is passed on, any other is this target's failure."""
    body = await answer.read(ERROR_BYTES_MAX)
    kind = classify(call.route.dialect, answer.status, body)
    if kind == "request":
        return Committed(held, answer, body=body)
    said = provider_message(call.route.dialect, body)
    message = f"answered {answer.status}: {said}"
    wait_s = retry_after_s(answer.headers, body)
    fault: Fault
    if kind == "limited":
        fault = Limited(message, retry_after_s=wait_s)
    else:
        fault = UpstreamError(message, retry_after_s=wait_s)
    charge = refused(answer.status, held.bound, held.reserved_pico_usd)
    _fail(plane, call, held, fault, charge, retryable=kind in ("limited", "server"), status=answer.status)
    answer.close()
    return None


def _fail(
    plane: DataPlane,
    call: Call,
    held: Held,
    fault: Fault,
    settlement: Settlement,
    *,
    retryable: bool = True,
    status: int = 0,
) -> None:
    """Conclude an attempt that came to nothing: `Settled` is written before its hold is used again."""
    fault.message = held.masking.text(fault.message)
    call.failures.append(Failure(held.target.name, fault, retryable=retryable))
    outcome = Outcome(status or fault.status, fault.code, fault.message)
    holds = held.reservation.holds if held.reservation else ()
    entry = Settled(call.id.bytes, held.number, settlement.charged_pico_usd, holds)
    plane.journal.append(SETTLED, ENCODE(entry))
    call.attempts.append(record_of(plane, held, settlement, outcome))
    _judge(plane, held, fault)
    conclude(plane, call, held, settlement)


def _judge(plane: DataPlane, held: Held, fault: Fault) -> None:
    """Remember a failure of the target. One that limits its rate is well: others only come before it."""
    health, now_s = held.health, plane.clock.monotonic()
    if isinstance(fault, Limited):
        health.cool(now_s, fault.retry_after_s)
        release_probe(held)
        return
    health.last_failure = fault.message
    if health.breaker.failed(now_s):
        name = held.target.name
        plane.alert("breaker_open", name, f"{name} failed repeatedly: {fault.message}")


def release_probe(held: Held) -> None:
    """The attempt says nothing of its target; if it was to probe it, another may."""
    if held.probes:
        held.health.breaker.abandoned()


def record_of(
    plane: DataPlane, held: Held, settlement: Settlement, outcome: Outcome, *, settles: bool = False
) -> AttemptRecord:
    """Return the attempt's place on the record; it names its holds only where the end is to settle them."""
    return AttemptRecord(
        attempt=held.number,
        target=held.target.name,
        status=outcome.status,
        code=outcome.code,
        started_ms=held.started_ms,
        duration_ms=int((plane.clock.monotonic() - held.started_s) * 1000),
        reserved_pico_usd=held.reserved_pico_usd,
        cost_pico_usd=settlement.cost_pico_usd,
        charged_pico_usd=settlement.charged_pico_usd,
        estimated=settlement.estimated,
        usage=outcome.usage,
        usage_raw=outcome.usage_raw,
        holds=held.reservation.holds if settles and held.reservation else (),
        message=outcome.message,
    )


def conclude(plane: DataPlane, call: Call, held: Held, settlement: Settlement) -> None:
    """Give back the slot and settle the reservation, once. What it says is in the journal already."""
    if held.concluded:
        return
    held.concluded = True
    call.open_attempt = None
    held.health.leave()
    if held.reservation is not None:
        plane.purse.settle(held.reservation, settlement.charged_pico_usd)
