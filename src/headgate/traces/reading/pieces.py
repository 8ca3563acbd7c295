"""The pieces of a trace: spans and recorded calls as one, each call counted once. Pure.

Read next: `keeping.counting`, which decides what counts; `reading.tree`, which draws them.
"""

from collections.abc import Sequence, Set
from decimal import Decimal
from uuid import UUID

import msgspec

from headgate.records.model import UsageBuckets, fold
from headgate.traces.keeping.accounts import CountedSpan, RecordedCall
from headgate.traces.keeping.counting import Totals, count
from headgate.traces.model import Kind
from headgate.traces.reading.model import CallRow, SpanRow


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A span with the recorded call that it tells of, or a call that no span tells of. Times are Unix
    microseconds; empty text is unknown."""

    span: SpanRow | None
    call: CallRow | None
    counted: bool
    start_us: int
    end_us: int
    parent_id: int | None
    name: str
    kind: Kind
    provider: str
    model: str
    has_failed: bool
    message: str
    usage: UsageBuckets | None
    cost_usd: str | None
    first_token_ms: float | None


def count_parts(
    spans: Sequence[SpanRow], calls: Sequence[CallRow], elsewhere: Set[str] = frozenset()
) -> Totals:
    """Count each call of a trace once; those of answers `elsewhere` are another trace's."""
    told, recorded = [_counted(span) for span in spans], [_recorded(call) for call in calls]
    return count(told, recorded, elsewhere=elsewhere)


def joined_calls(totals: Totals, calls: Sequence[CallRow]) -> dict[int, CallRow]:
    """Return the recorded call that each span tells of, by the span's number."""
    by_id = {call.id: call for call in calls}
    return {span_id: by_id[str(call_id)] for span_id, call_id in totals.joined.items()}


def pieces_of(spans: Sequence[SpanRow], calls: Sequence[CallRow], totals: Totals) -> list[Piece]:
    """Return the pieces of a trace, spans before calls."""
    call_of = joined_calls(totals, calls)
    counted = {item.span for item in totals.items if item.span is not None} | set(call_of)
    found = [piece_of_span(span, call_of.get(span.span_id), span.span_id in counted) for span in spans]
    joined = {call.id for call in call_of.values()}
    found.extend(piece_of_call(call) for call in calls if call.id not in joined)
    return found


def piece_of_span(span: SpanRow, call: CallRow | None = None, counted: bool = False) -> Piece:
    """Return a span as a piece, with the recorded call that it tells of."""
    if call is not None:
        told = piece_of_call(call)
        message = span.status_message or told.message
        return msgspec.structs.replace(
            told,
            span=span,
            start_us=span.started_us,
            end_us=span.started_us + max(0, span.duration_us),
            parent_id=span.parent_id,
            name=span.name,
            kind=span.kind,
            has_failed=told.has_failed or span.status == "error",
            message=message,
        )
    return Piece(
        span=span,
        call=None,
        counted=counted,
        start_us=span.started_us,
        end_us=span.started_us + max(0, span.duration_us),
        parent_id=span.parent_id,
        name=span.name,
        kind=span.kind,
        provider=span.provider,
        model=span.model or span.request_model,
        has_failed=span.status == "error",
        message=span.status_message,
        usage=None if span.usage is None else fold(span.usage),
        cost_usd=span.cost_usd,
        first_token_ms=span.first_token_ms,
    )


def piece_of_call(call: CallRow) -> Piece:
    """Return a recorded call as a piece of its own."""
    provider, _, model = call.target.partition("/")
    has_failed = call.status >= 400
    return Piece(
        span=None,
        call=call,
        counted=True,
        start_us=call.started_us,
        end_us=call.started_us + max(0, call.duration_us),
        parent_id=call.parent_id,
        name=f"{call.operation} {call.model}".strip(),
        kind="embedding" if call.operation == "embeddings" else "llm",
        provider=provider,
        model=model or call.model,
        has_failed=has_failed,
        message=(call.message or call.code) if has_failed else "",
        usage=fold(call.usage),
        cost_usd=call.cost_usd,
        first_token_ms=call.first_token_ms,
    )


def _counted(span: SpanRow) -> CountedSpan:
    return CountedSpan(
        id=span.span_id,
        parent=span.parent_id,
        kind=span.kind,
        status=span.status,
        model=span.model,
        request_model=span.request_model,
        response_id=span.response_id,
        usage=span.usage,
        cost=_pico_usd(span.cost_usd),
        flags=span.flags,
        duration_us=span.duration_us,
    )


def _recorded(call: CallRow) -> RecordedCall:
    model = call.target.partition("/")[2]
    return RecordedCall(
        id=UUID(call.id),
        parent=call.parent_id,
        model=model or call.model,
        models=frozenset({call.model.lower(), call.target.lower(), model.lower()} - {""}),
        response_id=call.response_id,
        usage=call.usage,
        cost=_pico_usd(call.cost_usd),
        status=call.status,
        started_us=call.started_us,
        duration_us=call.duration_us,
    )


def _pico_usd(usd: str | None) -> int | None:
    return None if usd is None else int(Decimal(usd).scaleb(12))
