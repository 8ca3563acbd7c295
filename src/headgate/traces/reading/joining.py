"""Which recorded call a span tells of, and what of both counts. Pure.

Follows docs/design/006-traces.md, "One call, once". Read next: `reading.tree`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from headgate.traces.reading.model import CallRow, SpanRow

MODEL_CALLS: Final = frozenset({"llm", "embedding", "reranker"})


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """`call_of` says by span id which call it tells of; `counted` are spans whose own usage or cost counts.
    Every recorded call counts."""

    call_of: Mapping[int, CallRow]
    counted: frozenset[int]


def join(spans: Sequence[SpanRow], calls: Sequence[CallRow]) -> Joined:
    """Join calls with spans, and choose the spans that count."""
    by_response: dict[str, SpanRow] = {}
    parents = {span.span_id: span.parent_id for span in spans}
    for span in spans:
        if span.response_id:
            known = by_response.get(span.response_id)
            if known is None or known.span_id in _above(span.span_id, parents):
                by_response[span.response_id] = span
    call_of: dict[int, CallRow] = {}
    by_id = {span.span_id: span for span in spans}
    for call in calls:
        span = by_response.get(call.response_id) if call.response_id else None
        if span is None and call.parent_id is not None:
            span = by_id.get(call.parent_id)
            if span is not None and not _is_same_call(span, call):
                span = None
        if span is not None and span.span_id not in call_of:
            call_of[span.span_id] = call
    joined_ids = {call.id for call in call_of.values()}
    alone = [call.parent_id for call in calls if call.id not in joined_ids and call.parent_id is not None]
    claims = [span.span_id for span in spans if span.usage is not None or span.cost_usd is not None]
    covered = _covered((*claims, *call_of, *alone), alone, parents)
    shadowed = {
        span.span_id
        for span in spans
        if span.response_id and by_response[span.response_id].span_id != span.span_id
    }
    counted = frozenset(claims) - covered - shadowed - frozenset(call_of)
    return Joined(call_of=call_of, counted=counted)


def _is_same_call(span: SpanRow, call: CallRow) -> bool:
    if span.kind not in MODEL_CALLS:
        return False
    named = {span.model, span.request_model} - {""}
    return bool(named & {call.model, call.target, call.target.partition("/")[2]})


def _above(span_id: int, parents: Mapping[int, int | None]) -> Iterable[int]:
    seen = {span_id}
    above = parents.get(span_id)
    while above is not None and above not in seen:
        seen.add(above)
        yield above
        above = parents.get(above)


def _covered(claims: Iterable[int], alone: Iterable[int], parents: Mapping[int, int | None]) -> set[int]:
    """The spans below which something counts already."""
    covered = {span_id for span_id in alone if span_id in parents}
    for claim in (*claims, *covered):
        for above in _above(claim, parents):
            if above in covered:
                break
            covered.add(above)
    return covered
