"""Writes a call's end to the journal, once, and counts it. Read next: `core.entries`."""

import hashlib
from typing import Final

import msgspec

from headgate.core.entries import BODY, END, Body, End, Override
from headgate.core.labels import UNRESTRICTED, label_text
from headgate.gateway.call import Call
from headgate.gateway.plane import ENCODE, DataPlane
from headgate.wire.model import CallFacts
from headgate.wire.parameters import parameters_in

WORD_LENGTH_MAX: Final = 64
NO_CONTENT: Final = b'"(not recorded)"'
_JSON: Final = msgspec.json.Encoder().encode


def finish(plane: DataPlane, call: Call, *, status: int, code: str) -> None:
    """Record the call as ended with that status; the second time does nothing."""
    if call.recorded:
        return
    call.recorded = True
    ended_s = plane.clock.monotonic()
    _add_up(call)
    for reservation in call.rate:
        plane.limiter.correct(
            reservation,
            input_tokens=call.usage.total_input,
            output_tokens=call.usage.total_output,
        )
    if call.cost_pico_usd and call.caller is not None:
        guard = call.snapshot.loop_guard
        if guard.spend_pico_usd:
            plane.loops.spent(guard, call.caller.key, call.caller.session, call.cost_pico_usd)
    plane.counters.call_ended(
        call, status=status, code=code, duration_ms=int((ended_s - call.started_s) * 1000)
    )
    if call.key is None or (call.shadows is not None and not call.attempts):
        return  # A shadow that no target was tried for is left out, and counted elsewhere.
    if not call.attempts and not plane.journal.healthy:
        # The room that is left belongs to calls in flight; what is refused for want of it is only counted.
        return
    _write_body(plane, call)
    end = call.end(status=status, code=code, ended_s=ended_s)
    if call.facts is not None and call.upload is None:
        end = _with_parameters(call, call.facts, end)
    if call.pair is not None or call.shadows is not None:
        call.ended = end
    plane.journal.append(END, ENCODE(end))


def _with_parameters(call: Call, facts: CallFacts, end: End) -> End:
    """Where no whole body is recorded to tell the parameters, the end does.

    Where the project wants no content recorded, that is numbers, truths and short words alone.
    """
    if end.record == "full":
        if len(facts.body) <= call.snapshot.limits.recorded_bytes_max:
            return end
        return msgspec.structs.replace(end, parameters=_JSON(parameters_in(call.route.dialect, facts.body)))
    found = parameters_in(call.route.dialect, facts.body)
    plain = {name: value for name, value in found.items() if _is_plain(value)}
    overrides = tuple([_without_content(override) for override in end.overrides])
    return msgspec.structs.replace(end, parameters=_JSON(plain), overrides=overrides)


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= WORD_LENGTH_MAX)


def _without_content(override: Override) -> Override:
    sides = [
        side if len(side) <= WORD_LENGTH_MAX and side[:1] not in (b"[", b"{") else NO_CONTENT
        for side in (override.before, override.after)
    ]
    return Override(override.source, override.field, *sides)


def _add_up(call: Call) -> None:
    """The call's cost is its attempts' together; unknown as soon as one that was used has no price."""
    total = 0
    for attempt in call.attempts:
        call.estimated = call.estimated or attempt.estimated
        if attempt.cost_pico_usd is None:
            call.cost_pico_usd = None
            return
        total += attempt.cost_pico_usd
    call.cost_pico_usd = total


def _write_body(plane: DataPlane, call: Call) -> None:
    caller, facts, response = call.caller, call.facts, call.response
    if caller is None or facts is None or caller.record != "full":
        return
    limit = call.snapshot.limits.recorded_bytes_max
    request, length = facts.body, len(facts.body)
    digest = b""
    if call.upload is not None:
        request, length, digest = request[:limit], call.upload.length, call.upload.digest
    elif length > limit:
        digest = hashlib.sha256(request).digest()
        request = request[: limit // 2] + request[-(limit - limit // 2) :]
    entry = Body(
        call.id,
        caller.project,
        call.route.dialect,
        request,
        response.recorded if response else b"",
        digest,
        response.digest if response else b"",
        length,
        response.length if response else 0,
        call.response_content_type,
        "" if caller.label is UNRESTRICTED else label_text(caller.label),
    )
    plane.journal.append_body(BODY, ENCODE(entry))
