"""After commit: the answer goes to the client, the meters settle, the record is written. Once each.

The end of a call is in the journal before a whole answer's first byte, or a stream's last. After commit there
is no other target. Read next: `gateway.record`.
"""

import asyncio
from typing import Final

from headgate.core.call import Usage
from headgate.core.entries import SETTLE
from headgate.core.faults import ClientClosed, Failed, Fault, UpstreamError
from headgate.core.money import format_usd
from headgate.core.ports import Answer, Exchange, Headers
from headgate.gateway.call import NO_USAGE, Call
from headgate.gateway.held import Committed, Outcome, Refusal, conclude, record_of, settled_by
from headgate.gateway.opening import Opening
from headgate.gateway.plane import DataPlane
from headgate.gateway.record import finish
from headgate.gateway.settlement import NOTHING, Settlement, by_usage, cut_short, in_full
from headgate.gateway.steps import HANGUP_DRAIN_S, uncancel, unwatch
from headgate.gateway.validated import fault_at_end, watching
from headgate.wire.answers import provider_message, read_answer
from headgate.wire.errors import error_body, error_event
from headgate.wire.model import StreamReader
from headgate.wire.watched_stream import WatchedStream

TERMINATED: Final = frozenset({"openai-chat", "openai-responses", "anthropic"})
TAIL_S: Final = 1.0


async def relay(
    plane: DataPlane, call: Call, exchange: Exchange, opening: Opening, committed: Committed
) -> None:
    """Bring a committed answer to the client."""
    held = committed.held
    if committed.status < 500:
        held.health.breaker.succeeded()
    call.answered_target = held.way.name
    if held.written is not None:
        held.written.note(call)
        held.written.note_answer(call)
    call.record_answer(committed.headers)
    try:
        if committed.reader is None:
            await _whole(plane, call, exchange, opening, committed)
        else:
            await _stream(plane, call, opening, committed, committed.reader)
    finally:
        committed.answer.close()


async def pass_on(
    plane: DataPlane, call: Call, exchange: Exchange, opening: Opening, refusal: Refusal
) -> None:
    """Tell the client of the last refusal, as that provider said it: no other target has answered.

    Its attempt has settled already.
    """
    call.answered_target, call.message = refusal.target, refusal.message
    call.provider_request_id, call.response_id = refusal.provider_request_id, refusal.response_id
    call.add_usage(refusal.usage)
    if refusal.written is not None:
        refusal.written.note(call)
        refusal.written.note_answer(call)
    call.record_answer(refusal.headers).add(refusal.body)
    is_error = refusal.status >= 400
    finish(plane, call, status=refusal.status, code=refusal.code if is_error else "")
    headers = [*refusal.headers, *own_headers(call)]
    await plane.durable(call.snapshot)
    await opening.stop()
    if refusal.is_stream:
        await opening.start(exchange, refusal.status, headers)
        await exchange.send(refusal.body)
        await exchange.finish()
        return
    headers += cost_header(call)
    body = refusal.body
    if opening.started and is_error:
        body = last_words(call, UpstreamError(f"{refusal.target} answered {refusal.status}: {call.message}"))
    await opening.respond(exchange, refusal.status, headers, body)


async def _whole(
    plane: DataPlane, call: Call, exchange: Exchange, opening: Opening, committed: Committed
) -> None:
    held, status = committed.held, committed.status
    settlement, usage, code = NOTHING, NO_USAGE, ""
    if status < 400:
        held.health.observe(plane.clock.monotonic() - held.started_s)
        facts = committed.facts or read_answer(call.route.dialect, call.route.operation, committed.body)
        usage, raw, settlement = facts.usage or NO_USAGE, facts.usage_raw, settled_by(held, facts)
        if facts.response_id is not None:
            call.response_id = facts.response_id
        call.served_model, call.fingerprint = facts.model or "", facts.fingerprint or ""
        call.finish, call.tool_calls = facts.ending.finish or "", facts.ending.tool_calls
    else:
        raw, code = b"", committed.code
        call.message = provider_message(call.route.dialect, committed.body)
    assert call.response is not None
    call.response.add(committed.body)
    _settle(plane, call, committed, settlement, status=status, code=code, usage=usage, raw=raw)
    headers = committed.headers
    headers += own_headers(call)
    headers += cost_header(call)
    await plane.durable(call.snapshot)
    await opening.stop()
    body = committed.body
    if opening.started and status >= 400:
        body = last_words(call, UpstreamError(f"{held.way.name} answered {status}: {call.message}"))
    await opening.respond(exchange, status, headers, body)


async def _stream(
    plane: DataPlane,
    call: Call,
    opening: Opening,
    committed: Committed,
    reader: StreamReader,
) -> None:
    """Pass a stream on as it comes. Its end is recorded before the bytes that end it leave."""
    exchange = opening.exchange
    response, masking = call.response, committed.held.way.masking
    assert response is not None
    watch = watching(call, committed)
    try:
        await opening.start(exchange, committed.status, committed.headers + own_headers(call))
        data = committed.pending if watch is None else watch.take(committed.pending)
        ended = False
        while not ended:
            ends = reader.finished and _has_terminator(call, committed)
            if ends and watch is not None:
                data += await _closed(plane, call, committed, watch)
            response.add(data)
            if ends:
                _settle_stream(plane, call, committed, reader)
                await plane.durable(call.snapshot)
            await exchange.send(data)
            chunk = await _next_chunk(call, committed.answer)
            ended = not chunk
            data = masking.data((reader.end() if ended else reader.feed(chunk)).data)
            if watch is not None:
                data = watch.take(data)
        if not reader.finished:
            data = b""  # an event that broke off, if anything
        elif watch is not None:
            data += await _closed(plane, call, committed, watch)
        response.add(data)
        _settle_stream(plane, call, committed, reader, truncated=not reader.finished)
        await plane.durable(call.snapshot)
        await exchange.send(data)
        if call.truncated and reader.error is None:
            await exchange.send(last_words(call, _truncation("the provider ended the stream early")))
    except Failed as fault:
        _settle_stream(plane, call, committed, reader, truncated=True, code=fault.code)
        await exchange.send(last_words(call, _truncation(masking.text(fault.message))))
    except ClientClosed:
        await _after_hangup(plane, call, exchange, committed, reader)
        return
    except asyncio.CancelledError:
        if not call.hung_up:
            _settle_stream(plane, call, committed, reader, truncated=True, code="unavailable")
            raise
        await _after_hangup(plane, call, exchange, committed, reader)
        return
    await exchange.finish()


async def _closed(plane: DataPlane, call: Call, committed: Committed, watch: WatchedStream) -> bytes:
    """How a stream ends that is held against a schema: as it does, or with its dialect's error. Said once."""
    reader = committed.reader
    if watch.is_over:
        return b""
    if reader is not None and reader.error is not None:
        return watch.release()
    fault = await fault_at_end(plane, call, committed, watch)
    if fault is None:
        return watch.release()
    watch.cut()
    committed.mismatch, call.message = fault, fault.message
    return last_words(call, fault)


def _has_terminator(call: Call, committed: Committed) -> bool:
    """Whether what a reader takes for the end is the stream's last event; else its last byte is its end.

    Google's candidates finish one by one, and so do the images of one call.
    """
    if committed.is_translated:
        return True
    return call.route.dialect in TERMINATED or call.route.operation == "completions"


async def _next_chunk(call: Call, answer: Answer) -> bytes:
    """Return what comes next; once the call is on record, nothing of use can, and it gets a second to end."""
    if not call.recorded:
        return await answer.chunk()
    try:
        async with asyncio.timeout(TAIL_S):
            return await answer.chunk()
    except (Failed, TimeoutError):
        return b""


def _truncation(message: str) -> Failed:
    return Failed(message, code="upstream_error")


def last_words(call: Call, fault: Fault) -> bytes:
    """Return what ends a stream that has begun and can't go on: its dialect's error, without a terminator."""
    if call.route.dialect == "google" and not call.streams_events:
        return b",\n" + error_body(call.route.dialect, fault, call.request_id)
    return error_event(call.route.dialect, fault, call.request_id)


async def _after_hangup(
    plane: DataPlane, call: Call, exchange: Exchange, committed: Committed, reader: StreamReader
) -> None:
    """The client is gone: close at once, or read on for the true usage, as `on_hangup` says."""
    call.hung_up = True
    unwatch(exchange, call)
    uncancel()
    try:
        if call.snapshot.on_hangup == "drain" and not call.recorded:
            assert call.response is not None
            async with asyncio.timeout(HANGUP_DRAIN_S):
                while chunk := await _next_chunk(call, committed.answer):
                    call.response.add(committed.held.way.masking.data(reader.feed(chunk).data))
                    if reader.finished and _has_terminator(call, committed):
                        break
    except (Failed, TimeoutError) as fault:
        call.message = str(fault) or "the rest of the stream took too long"
    finally:
        committed.answer.close()
        # Several candidates finish one by one: who hangs up between them has not seen the usage of all.
        unsure = committed.held.bound_input.choices > 1 and not _has_terminator(call, committed)
        # Clients leave as soon as they hear of an error: that is then how the call ended.
        if (reader.finished and not unsure) or reader.error is not None:
            _settle_stream(plane, call, committed, reader)
        else:
            _settle_stream(plane, call, committed, reader, truncated=True, code="client_closed", status=499)


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
    if held.written is not None:
        held.written.note_answer(call)
    if reader.response_id is not None:
        call.response_id = held.way.masking.text(reader.response_id)
    call.served_model = held.way.masking.text(reader.model or "")
    call.fingerprint = held.way.masking.text(reader.fingerprint or "")
    call.finish, call.tool_calls = reader.finish or "", reader.tool_calls
    call.truncated = truncated or reader.error is not None
    if reader.error is not None:
        code, call.message = code or "upstream_error", held.way.masking.text(reader.error)
    if committed.mismatch is not None:
        code = code or committed.mismatch.code
    if call.truncated:
        code = code or "upstream_error"
        settlement = cut_short(
            held.way.target, held.bound_input, reader.output_bytes, held.bound, held.reserved_pico_usd
        )
    elif reader.usage is not None:
        settlement = by_usage(held.way.tariff, reader.usage, reader.service_tier, held.reserved_pico_usd)
    else:
        settlement = in_full(held.bound, held.reserved_pico_usd)
    _settle(
        plane,
        call,
        committed,
        settlement,
        status=status or committed.status,
        code=code,
        usage=reader.usage or NO_USAGE,
        raw=reader.usage_raw,
    )


def _settle(
    plane: DataPlane,
    call: Call,
    committed: Committed,
    settlement: Settlement,
    *,
    status: int,
    code: str,
    usage: Usage,
    raw: bytes,
) -> None:
    """Write the end, then settle: from here on the reservation's rest is free for other calls."""
    held = committed.held
    call.marks.append((SETTLE, plane.clock.monotonic()))
    if usage is not NO_USAGE:
        call.add_usage(usage)
    outcome = Outcome(status, code, call.message, usage, raw)
    call.attempts.append(record_of(plane, held, settlement, outcome, settles=True))
    finish(plane, call, status=status, code=code)
    conclude(plane, call, held, settlement)


def cost_header(call: Call) -> Headers:
    """The header by which a whole answer says what it cost; none where that is not known."""
    cost = call.cost_pico_usd
    return [] if cost is None else [(b"x-headgate-cost-usd", format_usd(cost).encode())]


def own_headers(call: Call) -> Headers:
    """The headers by which an answer says where it came from."""
    headers: Headers = [(b"x-headgate-request-id", call.request_id.encode()), call.current.snapshot_field]
    if call.answered_target:
        headers.append((b"x-headgate-target", call.answered_target.encode()))
    if call.release:
        headers.append((b"x-headgate-release", call.release.encode()))
    if call.changes:
        headers.append((b"x-headgate-changes", "; ".join(call.changes).encode("ascii", "replace")))
    headers += call.limit_headers
    return headers
