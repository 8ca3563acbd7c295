"""Writes a call's end to the journal, once, and counts it. Read next: `core.entries`."""

import hashlib

from headgate.core.entries import BODY, END, Body
from headgate.core.labels import UNRESTRICTED, label_text
from headgate.gateway.call import Call
from headgate.gateway.plane import ENCODE, DataPlane


def finish(plane: DataPlane, call: Call, *, status: int, code: str) -> None:
    """Record the call as ended with that status; the second time does nothing."""
    if call.recorded:
        return
    call.recorded = True
    duration_ms = int((plane.clock.monotonic() - call.started_s) * 1000)
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
    plane.counters.call_ended(call, status=status, code=code, duration_ms=duration_ms)
    if call.key is None:
        return
    if not call.attempts and not plane.journal.healthy:
        # The room that is left belongs to calls in flight; what is refused for want of it is only counted.
        return
    _write_body(plane, call)
    plane.journal.append(END, ENCODE(call.end(status=status, code=code, duration_ms=duration_ms)))


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
