"""After commit: the answer goes to the client, the meters settle, the record is written. Once each.

The end of a call is in the journal before a whole answer's first byte, or a stream's last. After commit there
is no other target. Read next: `gateway.record`.
"""

import asyncio
from typing import Final

from headgate.core.faults import ClientClosed, Failed
from headgate.core.money import format_usd
from headgate.core.ports import Exchange, Headers
from headgate.gateway.attempt import Committed, Outcome, conclude, record_of
from headgate.gateway.call import Call
from headgate.gateway.opening import Opening
from headgate.gateway.plane import DataPlane
from headgate.gateway.providers import answer_headers
from headgate.gateway.record import finish
from headgate.gateway.recorder import BodyCopy
from headgate.gateway.settlement import NOTHING, Settlement, by_usage, cut_short, in_full
from headgate.wire.answers import read_answer
from headgate.wire.errors import error_event
from headgate.wire.model import StreamReader

DRAIN_S: Final = 30.0


async def relay(
    plane: DataPlane, call: Call, exchange: Exchange, opening: Opening, committed: Committed
) -> None:
    """Bring a committed answer to the client."""
    held = committed.held
    if committed.status < 500:
        held.health.breaker.succeeded()
    call.answered_target = held.target.name
    call.response = BodyCopy(call.snapshot.limits.recorded_bytes_max)
    call.response_content_type = (committed.answer.header(b"content-type") or b"").decode("latin-1")
    try:
        if committed.reader is None:
            await _whole(plane, call, exchange, opening, committed)
        else:
            await _stream(plane, call, exchange, opening, committed, committed.reader)
    finally:
        committed.answer.close()


async def _whole(
    plane: DataPlane, call: Call, exchange: Exchange, opening: Opening, committed: Committed
) -> None:
    held, status = committed.held, committed.status
    settlement, code = NOTHING, ""
    if status < 400:
        held.health.observe(plane.clock.monotonic() - held.started_s)
        facts = read_answer(call.route.dialect, call.route.operation, committed.body)
        if facts.usage is not None:
            call.usage = facts.usage
            settlement = by_usage(held.target.facts, facts.usage, facts.service_tier, held.reserved_pico_usd)
        else:
            settlement = in_full(held.bound, held.reserved_pico_usd)
        raw = facts.usage_raw
    else:
        raw, code = b"", "upstream_refused"
    assert call.response is not None
    call.response.add(committed.body)
    _settle(plane, call, committed, settlement, status=status, code=code, raw=raw)
    headers = answer_headers(committed.headers) + own_headers(plane, call)
    if call.cost_pico_usd is not None:
        headers.append((b"x-headgate-cost-usd", format_usd(call.cost_pico_usd).encode()))
    await plane.durable(call.snapshot)
    await opening.respond(exchange, status, headers, committed.body)


async def _stream(
    plane: DataPlane,
    call: Call,
    exchange: Exchange,
    opening: Opening,
    committed: Committed,
    reader: StreamReader,
) -> None:
    """Pass a stream on as it comes. Its end is recorded before the bytes that end it leave."""
    await opening.start(
        exchange, committed.status, answer_headers(committed.headers) + own_headers(plane, call)
    )
    assert call.response is not None
    try:
        data = committed.pending
        ended = False
        while not ended:
            call.response.add(data)
            if reader.finished:
                _settle_stream(plane, call, committed, reader)
                await plane.durable(call.snapshot)
            await exchange.send(data)
            chunk = await committed.answer.chunk()
            ended = not chunk
            data = (reader.end() if ended else reader.feed(chunk)).data
        call.response.add(data)
        truncated = not reader.finished
        _settle_stream(plane, call, committed, reader, truncated=truncated)
        await exchange.send(data)
        if truncated:
            await exchange.send(_truncation(call, "the provider ended the stream early"))
    except Failed as fault:
        _settle_stream(plane, call, committed, reader, truncated=True, code=fault.code)
        await exchange.send(_truncation(call, fault.message))
    except (ClientClosed, asyncio.CancelledError):
        if not call.hung_up:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                _settle_stream(plane, call, committed, reader, truncated=True, code="unavailable")
                raise
        await _after_hangup(plane, call, committed, reader)
        return
    await exchange.finish()


def _truncation(call: Call, message: str) -> bytes:
    fault = Failed(message, code="upstream_error")
    return error_event(call.route.dialect, fault, call.request_id)


async def _after_hangup(plane: DataPlane, call: Call, committed: Committed, reader: StreamReader) -> None:
    """The client is gone: close at once, or read on for the true usage, as `on_hangup` says."""
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()
    if call.snapshot.on_hangup == "drain" and not call.recorded:
        assert call.response is not None
        try:
            async with asyncio.timeout(DRAIN_S):
                while not reader.finished and (chunk := await committed.answer.chunk()):
                    call.response.add(reader.feed(chunk).data)
        except (Failed, TimeoutError):
            call.truncated = True
    committed.answer.close()
    _settle_stream(
        plane, call, committed, reader, truncated=not reader.finished, code="client_closed", status=499
    )


def _settle_stream(
    plane: DataPlane,
    call: Call,
    committed: Committed,
    reader: StreamReader,
    *,
    truncated: bool = False,
    code: str = "",
    status: int | None = None,
) -> None:
    if call.recorded:
        return
    held = committed.held
    call.truncated = truncated
    if reader.error is not None:
        code, call.message = code or "upstream_error", reader.error
    complete = reader.finished and reader.usage is not None and reader.error is None
    if reader.usage is not None:
        call.usage = reader.usage
    if complete and reader.usage is not None:
        settlement = by_usage(held.target.facts, reader.usage, reader.service_tier, held.reserved_pico_usd)
    elif reader.finished:
        settlement = in_full(held.bound, held.reserved_pico_usd)
    else:
        settlement = cut_short(
            held.target.facts, held.bound_input, reader.output_bytes, held.bound, held.reserved_pico_usd
        )
    if truncated and not code:
        code = "upstream_error"
    _settle(
        plane, call, committed, settlement, status=status or committed.status, code=code, raw=reader.usage_raw
    )


def _settle(
    plane: DataPlane,
    call: Call,
    committed: Committed,
    settlement: Settlement,
    *,
    status: int,
    code: str,
    raw: bytes,
) -> None:
    """Write the end, then settle: from here on the reservation's rest is free for other calls."""
    held = committed.held
    outcome = Outcome(status, code, call.message, call.usage, raw)
    call.attempts.append(record_of(plane, held, settlement, outcome, settles=True))
    finish(plane, call, status=status, code=code)
    conclude(plane, call, held, settlement)


def own_headers(plane: DataPlane, call: Call) -> Headers:
    """The headers by which an answer says where it came from."""
    headers: Headers = [
        (b"x-headgate-request-id", call.request_id.encode()),
        (b"x-headgate-snapshot", call.snapshot.id.encode()),
    ]
    if call.answered_target:
        headers.append((b"x-headgate-target", call.answered_target.encode()))
    if call.release:
        headers.append((b"x-headgate-release", call.release.encode()))
    if call.changes:
        headers.append((b"x-headgate-changes", "; ".join(call.changes).encode("ascii", "replace")))
    return headers + call.limit_headers
