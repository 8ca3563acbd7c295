"""One try of a call at one target: take what it needs, send, hold until commit, conclude.

An attempt ends in exactly one `conclude`: its meters settle there and nowhere else. Read next:
`gateway.settlement` (what it is charged), `gateway.relay` (what happens after commit).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from headgate.catalog.bound import BoundInput
from headgate.catalog.model import Target
from headgate.core.call import Bound, Bounded, Usage
from headgate.core.entries import BEGIN, SETTLED, AttemptRecord, Begin, Hold, Override, Settled
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
from headgate.core.ports import Answer, Headers
from headgate.gateway.bounding import bound_input, longer
from headgate.gateway.call import NO_USAGE, Call, Failure
from headgate.gateway.clamp import clamped
from headgate.gateway.health import TargetHealth
from headgate.gateway.plane import ENCODE, DataPlane
from headgate.gateway.settlement import NOTHING, Settlement, in_full, refused
from headgate.gateway.steps import take_rate
from headgate.gateway.translated import (
    Written,
    headers_of,
    is_passed,
    reader_of,
    refusal_of,
    whole_of,
    written,
)
from headgate.gateway.way import Way
from headgate.meters.model import Subject
from headgate.meters.purse import Reservation
from headgate.wire.answers import classify, provider_message, retry_after_s
from headgate.wire.dialects.bedrock.errors import error_kind
from headgate.wire.model import AnswerFacts, StreamReader
from headgate.wire.parameters import place_of
from headgate.wire.reading import rewrite
from headgate.wire.streams import reader as stream_reader

ERROR_BYTES_MAX: Final = 1024 * 1024
ANSWER_BYTES_MAX: Final = 256 * 1024 * 1024
BEGUN_S_MAX: Final = 2.0
HELD_BYTES_MAX: Final = 64 * 1024
ANSWER_HEADERS: Final = frozenset(
    {
        b"content-type",
        b"content-disposition",
        b"content-encoding",
        b"openai-processing-ms",
        b"openai-version",
        b"request-id",
        b"x-request-id",
    }
)
"""What of a provider's headers reaches a client."""
PROVIDER_REQUEST_ID: Final = frozenset(
    {b"x-request-id", b"request-id", b"apim-request-id", b"x-amzn-requestid"}
)
"""`x-request-id` wins, where a provider sends several."""


class Outcome(msgspec.Struct, frozen=True):
    """How an attempt ended, as its record says it."""

    status: int
    code: str = ""
    message: str = ""
    usage: Usage = NO_USAGE
    usage_raw: bytes = b""


class Held(msgspec.Struct, eq=False):
    """What an attempt holds while it runs: a slot of its target, a reservation, and a place on the record."""

    way: Way
    health: TargetHealth
    bound_input: BoundInput
    bound: Bound
    number: int
    written: Written | None = None
    """The call as it goes out, where its bytes are not simply passed on."""
    reservation: Reservation | None = None
    reserved_pico_usd: int = 0
    """The smallest hold: what every one of its meters can be charged without passing its hold.

    They differ only where budgets reserve different amounts for a call of unbounded cost.
    """
    probes: bool = False
    started_s: float = 0.0
    started_ms: int = 0
    begun: bool = False
    concluded: bool = False

    @property
    def holds(self) -> tuple[Hold, ...]:
        """What its meters have reserved for it."""
        return self.reservation.holds if self.reservation is not None else ()


class Committed(msgspec.Struct, eq=False):
    """An answer that will be relayed: a whole body, or a stream with what was held of it until commit."""

    held: Held
    answer: Answer
    status: int
    headers: Headers
    body: bytes = b""
    pending: bytes = b""
    reader: StreamReader | None = None
    facts: AnswerFacts | None = None
    """What a whole answer says of itself, where its body is another dialect's now."""

    @property
    def is_translated(self) -> bool:
        """Whether what the client gets is in another dialect than what the provider sent."""
        return self.held.way.translation is not None


async def take(plane: DataPlane, call: Call, target: Target) -> Held | None:
    """Take a slot and a reservation at the target; None, with the reason noted, where it can't be tried.

    Raises BudgetExhausted when a budget says `when_exhausted = "reject"`.
    """
    standing = call.standing
    assert standing is not None
    health = plane.health.of(target.name)
    slotted = probes = False
    try:
        way = standing.ways.to(target, call.route)
        if way.missing is not None:
            raise Unavailable(f"it is left out: {way.missing}")
        parts = bound_input(call)
        made = None if is_passed(call, way) else written(call, way, parts.max_output)
        if made is not None:
            parts = longer(call, parts, len(made.body))
        held = Held(way, health, parts, way.tariff.bound(parts), len(call.attempts) + 1, made)
        if not health.breaker.is_closed:
            held.probes = probes = _may_probe(plane, health, target)
        provider = target.provider
        if not health.try_enter(provider.max_concurrent):
            await health.enter(calls_max=provider.max_concurrent, queued_max=provider.max_queued)
        slotted = True
        subject, budgets = standing.subject_at(way), call.current.budgets
        reservation = _try_reserve(plane, call, held, subject)
        reservation = reservation or await plane.purse.reserve(budgets, subject, held.bound)
        held.reservation = reservation
        held.reserved_pico_usd = min([hold.pico_usd for hold in reservation.holds], default=0)
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


async def attempt(plane: DataPlane, call: Call, held: Held) -> Committed | None:
    """Send the call to the target and wait for commit; None, with the failure noted, if it comes to none."""
    _begin(plane, call, held)
    if plane.journal.is_late:
        await _begun_for_sure(plane, call, held)
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


async def _begun_for_sure(plane: DataPlane, call: Call, held: Held) -> None:
    """Wait for a stalling disk to take the begin: nothing is sent before. Raises Unavailable."""
    try:
        await plane.journal.written(BEGUN_S_MAX)
    except Unavailable as fault:
        _fail(plane, call, held, fault, NOTHING, retryable=False)
        raise


def _begin(plane: DataPlane, call: Call, held: Held) -> None:
    caller, facts = call.caller, call.facts
    assert caller is not None and facts is not None
    held.started_s = plane.clock.monotonic()
    held.started_ms = plane.clock.now_ms()
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
    )
    plane.journal.append(BEGIN, ENCODE(entry))
    held.begun = True


async def _send(plane: DataPlane, call: Call, held: Held) -> Committed | None:
    facts, caller = call.facts, call.caller
    assert facts is not None and caller is not None
    way = held.way
    ask_usage = facts.stream and not facts.wants_usage and way.asks_usage
    request = way.outgoing(call.headers, call.query, stream=facts.stream)
    request.body, request.content_length = _body(call, held, ask_usage=ask_usage)
    answer = await plane.egress.send(request, regions=way.target.provider.regions, label=caller.label)
    try:
        headers = _read_headers(call, way, answer.headers)
        if answer.status >= 300:  # nobody follows a provider elsewhere: egress was checked for this one
            return await _refused(plane, call, held, answer, headers)
        committed = Committed(held, answer, answer.status, headers)
        if way.translation is not None:
            return await _translated(plane, call, committed)
        if facts.stream and _is_stream(call, answer):
            reader = stream_reader(call.route.dialect, call.route.operation, strip_usage=ask_usage)
            return await _until_commit(plane, call, committed, reader)
        committed.body = way.masking.data(await answer.read(ANSWER_BYTES_MAX))
        return committed
    except BaseException:
        answer.close()
        raise


async def _translated(plane: DataPlane, call: Call, committed: Committed) -> Committed | None:
    """The same for an answer in another dialect. Raises UpstreamError for one that can't be read."""
    facts, held = call.facts, committed.held
    made = held.written
    assert facts is not None and made is not None
    reader = reader_of(call, made, committed.answer) if facts.stream else None
    committed.headers = headers_of(call, as_stream=facts.stream)
    if reader is not None:
        return await _until_commit(plane, call, committed, reader)
    body = held.way.masking.data(await committed.answer.read(ANSWER_BYTES_MAX))
    whole = whole_of(call, made, body)
    committed.body, committed.facts = whole.body, whole.facts
    return committed


def _body(call: Call, held: Held, *, ask_usage: bool) -> tuple[bytes | AsyncIterator[bytes], int]:
    """Return the body that goes out, and its length; what is changed in it is noted."""
    facts, alias, way = call.facts, call.alias, held.way
    assert facts is not None and alias is not None
    model = way.target.model if way.target.model != facts.model else None
    limit = held.bound_input.max_output
    call.limit_override = None
    if limit is not None and limit != facts.max_output:
        by_default = facts.max_output is None and limit == alias.default_max_output
        if by_default:
            call.note_change(f"output limit set to {limit} by default_max_output of {alias.name}")
        source = f"alias {alias.name}" if by_default else "budget"
        call.limit_override = _limit_override(call, source, facts.max_output, limit)
    if held.written is not None:
        body = held.written.limited(limit)
        return body, len(body)
    if call.upload is not None:
        return call.upload.pieces(model), call.upload.length_with(model)
    body = rewrite(
        facts,
        model=model,
        ask_usage=ask_usage,
        max_output=limit if limit != facts.max_output else None,
        output_field=way.output_field,
    )
    return body, len(body)


def _limit_override(call: Call, source: str, before: int | None, after: int) -> Override | None:
    place = place_of("max_output", call.route.dialect, call.route.operation)
    if place is None:
        return None
    field = ".".join([spellings[0] for spellings in place])
    return Override(source, field, b"" if before is None else str(before).encode(), str(after).encode())


def _read_headers(call: Call, way: Way, headers: Headers) -> Headers:
    """Note the provider's own id of the request, and return of its headers those that a client may see."""
    call.provider_request_id = ""  # an earlier attempt's is not this one's
    passed: Headers = []
    mask = way.masking.data
    for field in headers:
        name = field[0]
        if name in ANSWER_HEADERS:
            passed.append((name, mask(field[1])))
        if name in PROVIDER_REQUEST_ID and (name == b"x-request-id" or not call.provider_request_id):
            call.provider_request_id = mask(field[1]).decode("latin-1")[:200]
    return passed


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
        pending.append(committed.held.way.masking.data(event.data))
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


async def _refused(
    plane: DataPlane, call: Call, held: Held, answer: Answer, headers: Headers
) -> Committed | None:
    """Sort a provider's error: the caller's own is passed on, any other is this target's failure."""
    body = await answer.read(ERROR_BYTES_MAX)
    dialect = held.way.endpoint.dialect
    named = error_kind(answer.headers, body) if dialect == "bedrock" else ""
    kind = classify(dialect, answer.status, body, kind=named)
    if kind == "request":
        body = held.way.masking.data(body)
        if held.written is not None and held.way.translation is not None:
            headers = headers_of(call, as_stream=False)
            body = refusal_of(call, held.written, answer.status, body)
        return Committed(held, answer, answer.status, headers, body)
    said = provider_message(dialect, body)
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
    fault.message = held.way.masking.text(fault.message)
    call.failures.append(Failure(held.way.name, fault, retryable=retryable))
    outcome = Outcome(status or fault.status, fault.code, fault.message)
    entry = Settled(call.id, held.number, settlement.charged_pico_usd, held.holds)
    plane.journal.append(SETTLED, ENCODE(entry))
    call.attempts.append(record_of(plane, held, settlement, outcome))
    _judge(plane, held, fault)
    conclude(plane, call, held, settlement)


def _judge(plane: DataPlane, held: Held, fault: Fault) -> None:
    """Remember a failure of the target. One that limits its rate is well: others only come before it."""
    health, now_s = held.health, plane.clock.monotonic()
    if isinstance(fault, Unavailable):  # ours, not the target's
        release_probe(held)
        return
    if isinstance(fault, Limited):
        health.cool(now_s, fault.retry_after_s)
        release_probe(held)
        return
    health.last_failure = fault.message
    if health.breaker.failed(now_s):
        name = held.way.name
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
        held.number,
        held.way.name,
        outcome.status,
        outcome.code,
        held.started_ms,
        int((plane.clock.monotonic() - held.started_s) * 1000),
        held.reserved_pico_usd,
        settlement.cost_pico_usd,
        settlement.charged_pico_usd,
        settlement.estimated,
        outcome.usage,
        outcome.usage_raw,
        held.holds if settles else (),
        outcome.message,
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
