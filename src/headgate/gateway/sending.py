"""Sends a call to the target that it holds, and waits until an answer is committed to.

What goes out is written last here; what comes back is sorted: an answer, the caller's own mistake, or the
target's failure. Never settles anything. Read next: `gateway.attempt`, `gateway.relay`.
"""

from collections.abc import AsyncIterator
from typing import Final

from headgate.core.entries import Override
from headgate.core.faults import Fault, Limited, NotTranslatable, UpstreamError
from headgate.core.ports import Answer, Headers
from headgate.gateway.call import Call
from headgate.gateway.held import Committed, Held, Rejected
from headgate.gateway.moving import broken_at_once, refused_or_moved, sorted_stream, sorted_whole
from headgate.gateway.plane import DataPlane
from headgate.gateway.proofs import send_proven
from headgate.gateway.settlement import refused
from headgate.gateway.translated import headers_of, reader_of, refusal_of, whole_of
from headgate.gateway.way import Way
from headgate.wire.answers import classify, provider_message, retry_after_s
from headgate.wire.dialects.bedrock.errors import error_kind
from headgate.wire.model import StreamReader
from headgate.wire.parameters import place_of
from headgate.wire.reading import rewrite
from headgate.wire.refusals import name_of, reason_of
from headgate.wire.streams import reader as stream_reader

ERROR_BYTES_MAX: Final = 1024 * 1024
ANSWER_BYTES_MAX: Final = 256 * 1024 * 1024
HELD_BYTES_MAX: Final = 64 * 1024
COUNTS_NONE: Final = frozenset({400, 404})
"""What a provider answers that has no counting of tokens, or none for the model."""
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


async def send(plane: DataPlane, call: Call, held: Held) -> Committed | Rejected:
    """Send the call and wait for commit. Raises UpstreamError, UpstreamTimeout, NotAllowed."""
    facts, caller = call.facts, call.caller
    assert facts is not None and caller is not None
    way = held.way
    ask_usage = facts.stream and not facts.wants_usage and way.asks_usage
    request = way.outgoing(call.headers, call.query, stream=facts.stream)
    request.body, request.content_length = _body(call, held, ask_usage=ask_usage)
    if way.proof is None:
        answer = await plane.egress.send(request, regions=way.regions, label=caller.label)
    else:
        answer = await send_proven(plane.egress, way.proof, request, regions=way.regions, label=caller.label)
    try:
        headers = _read_headers(call, way, answer.headers)
        if answer.status >= 300:  # nobody follows a provider elsewhere: egress was checked for this one
            return await _refused(call, held, answer, headers)
        committed = Committed(held, answer, answer.status, headers)
        if way.translation is not None:
            return await _translated(plane, call, committed)
        if facts.stream and _is_stream(call, answer):
            reader = stream_reader(call.route.dialect, call.route.operation, strip_usage=ask_usage)
            return await _until_commit(plane, call, committed, reader)
        committed.body = way.masking.data(await answer.read(ANSWER_BYTES_MAX))
        if call.moves_refused_content:
            return sorted_whole(call, committed)
        return committed
    except BaseException:
        answer.close()
        raise


async def _translated(plane: DataPlane, call: Call, committed: Committed) -> Committed | Rejected:
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
    committed.body, committed.facts, committed.whole = whole.body, whole.facts, whole.answer
    if whole.declined:
        return refused_or_moved(call, committed, "policy", f"its content was filtered ({whole.declined})")
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
        body = way.reshaped(body) if way.is_reshaped else body
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
    if way.is_reshaped:
        body = way.reshaped(body)
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
) -> Committed | Rejected:
    """Hold a stream back until its first visible token, so that another target may still take over."""
    pending: list[bytes] = []
    held_bytes = 0
    is_seen = False
    while held_bytes < HELD_BYTES_MAX:
        data = await committed.answer.chunk()
        event = reader.feed(data) if data else reader.end()
        pending.append(committed.held.way.masking.data(event.data))
        held_bytes += len(event.data)
        if reader.error is not None and not event.commits:
            return broken_at_once(call, committed, reader.error)
        is_seen = event.commits
        if is_seen or reader.finished:
            break
        if not data:
            raise UpstreamError("the stream ended before its first token")
    held = committed.held
    latency_s = plane.clock.monotonic() - held.started_s
    held.health.observe(latency_s)
    call.first_token_ms = int((plane.clock.monotonic() - call.started_s) * 1000)
    committed.pending = b"".join(pending)
    committed.reader = reader
    if call.moves_refused_content and not is_seen:
        return sorted_stream(call, committed, reader)
    return committed


async def _refused(call: Call, held: Held, answer: Answer, headers: Headers) -> Committed | Rejected:
    """Sort a provider's error: the caller's own is passed on, any other is this target's failure."""
    body = await answer.read(ERROR_BYTES_MAX)
    dialect = held.way.endpoint.dialect
    named = error_kind(answer.headers, body) if dialect == "bedrock" else ""
    reason = reason_of(answer.status, body)
    kind = classify(dialect, answer.status, body, kind=named) if reason == "other" else "request"
    if kind == "request":
        body = held.way.masking.data(body)
        said = provider_message(dialect, body)
        if held.written is not None and held.way.translation is not None:
            headers = headers_of(call, as_stream=False)
            body = refusal_of(call, held.written, answer.status, body)
        committed = Committed(held, answer, answer.status, headers, body, code=name_of(reason))
        return refused_or_moved(call, committed, reason, said)
    said = provider_message(dialect, body)
    message = f"answered {answer.status}: {said}"
    wait_s = retry_after_s(answer.headers, body)
    fault: Fault
    if kind == "limited":
        fault = Limited(message, retry_after_s=wait_s)
    elif kind == "target" and call.route.operation == "count_tokens" and answer.status in COUNTS_NONE:
        fault = NotTranslatable(message)
    else:
        fault = UpstreamError(message, retry_after_s=wait_s)
    charge = refused(answer.status, held.bound, held.reserved_pico_usd)
    answer.close()
    return Rejected(fault, charge, retryable=kind in ("limited", "server"), status=answer.status)
