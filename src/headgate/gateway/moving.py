"""What becomes of a call that a provider refuses for what it says: told to the client, or tried elsewhere.

Too long for the target's context, or against its policy; as an error, as an answer of which everything was
filtered, or as a stream that begins with either. The alias decides (`when_context_overflows`,
`when_content_refused`); what was told is kept, for the client hears it where no other target answers. A
refusal is never its target's failure. Never here: how it is recognised (`wire.refusals`, `wire.declining`).
"""

from typing import Final

from headgate.catalog.model import Target
from headgate.core.faults import RequestTooLarge, UpstreamError
from headgate.gateway.call import NO_USAGE, Call
from headgate.gateway.held import Committed, Held, Refusal, Rejected
from headgate.gateway.settlement import by_usage, in_full, refused
from headgate.wire.answers import read_answer
from headgate.wire.declining import declined_stream, declined_whole
from headgate.wire.model import AnswerFacts, StreamReader
from headgate.wire.refusals import Reason, name_of, reason_in, told_refusal
from headgate.wire.translated_stream import TranslatedStream

REFUSED: Final = 400
"""What a client is answered where a provider refuses within a stream of status 200."""


def refused_or_moved(call: Call, committed: Committed, reason: Reason, said: str) -> Committed | Rejected:
    """Return a refusal as it goes to the client, or as the reason to try the next target."""
    held = committed.held
    if not _goes_on(call, held, reason):
        return committed
    committed.answer.close()
    facts = _facts(call, committed)
    usage = None if facts is None else facts.usage
    reserved = held.reserved_pico_usd
    if committed.status >= 400:
        settlement = refused(committed.status, held.bound, reserved)
    elif facts is None or usage is None:
        settlement = in_full(held.bound, reserved)
    else:
        settlement = by_usage(held.way.tariff, usage, facts.service_tier, reserved)
    kept = Refusal(
        target=held.way.name,
        status=committed.status,
        code=name_of(reason),
        headers=committed.headers,
        body=committed.body if committed.reader is None else committed.pending,
        is_stream=committed.reader is not None,
        message=said,
        provider_request_id=call.provider_request_id,
        context_window=held.way.target.facts.context_window if reason == "context" else None,
        written=held.written,
        usage=usage or NO_USAGE,
        usage_raw=facts.usage_raw if facts is not None else b"",
        response_id=held.way.masking.text(facts.response_id or "") if facts is not None else "",
    )
    fault = UpstreamError(f"answered {committed.status}: {said}")
    fault.code = kept.code
    return Rejected(fault, settlement, retryable=False, status=committed.status, refusal=kept)


def sorted_whole(call: Call, committed: Committed) -> Committed | Rejected:
    """The same for a whole answer that is passed on as it is, where it is a refusal in truth."""
    word = declined_whole(call.route.dialect, committed.body) if call.route.operation == "chat" else ""
    return committed if not word else refused_or_moved(call, committed, "policy", _filtered(word))


def sorted_stream(call: Call, committed: Committed, reader: StreamReader) -> Committed | Rejected:
    """The same for a stream that has ended before anything of it could be seen."""
    if isinstance(reader, TranslatedStream):
        word = reader.declined
    elif call.route.operation == "chat":
        word = declined_stream(call.route.dialect, committed.pending)
    else:
        word = ""
    return committed if not word else refused_or_moved(call, committed, "policy", _filtered(word))


def broken_at_once(call: Call, committed: Committed, error: str) -> Committed | Rejected:
    """Sort a stream that began with an error. Raises UpstreamError where that is the target's failure."""
    reason = reason_in(error)
    if reason == "other":
        raise UpstreamError(f"the stream began with an error: {error}")
    said = committed.held.way.masking.text(error)
    committed.status, committed.code = REFUSED, name_of(reason)
    committed.headers = [field for field in committed.headers if field[0] != b"content-type"]
    committed.headers.append((b"content-type", b"application/json"))
    committed.body = told_refusal(
        call.route.dialect,
        REFUSED,
        reason,
        said,
        request_id=call.request_id,
        provider_request_id=call.provider_request_id,
    )
    return refused_or_moved(call, committed, reason, said)


def remember(call: Call, refusal: Refusal) -> None:
    """Keep what a target said, and how long a conversation it did not take."""
    call.refusal = refusal
    window = refusal.context_window
    if window is not None:
        call.overflowed_tokens = max(window, call.overflowed_tokens or 0)


def check_window(call: Call, target: Target) -> None:
    """Raise RequestTooLarge for a target that has no more room than one that the call did not fit in."""
    window, least = target.facts.context_window, call.overflowed_tokens
    if window is not None and least is not None and window <= least:
        raise RequestTooLarge(
            f"its context window of {window:,} tokens is no larger than one that the call did not fit in"
        )


def _goes_on(call: Call, held: Held, reason: Reason) -> bool:
    """Whether the alias wants a call that is refused for this to be tried elsewhere, and has where."""
    alias = call.alias
    assert alias is not None
    match reason:
        case "context":
            wanted = alias.when_context_overflows
        case "policy":
            wanted = alias.when_content_refused
        case _:
            return False
    if wanted == "reject":
        return False
    names = [target.name for target in call.targets]
    rest = call.targets[names.index(held.way.name) + 1 :]
    window = held.way.target.facts.context_window
    if reason == "policy" or window is None:
        return bool(rest)
    sizes = [target.facts.context_window for target in rest]
    return any(size is None or size > window for size in sizes)


def _facts(call: Call, committed: Committed) -> AnswerFacts | None:
    """What a refusal that came as an answer says of itself; None for one that came as an error."""
    if committed.status >= 400:
        return None
    if committed.facts is not None:
        return committed.facts
    reader = committed.reader
    if reader is not None:
        return AnswerFacts(
            usage=reader.usage,
            usage_raw=reader.usage_raw,
            service_tier=reader.service_tier,
            response_id=reader.response_id,
        )
    return read_answer(call.route.dialect, call.route.operation, committed.body)


def _filtered(word: str) -> str:
    return f"its content was filtered ({word})"
