"""Spans as the journal holds them, with whatever a test wants to say of them."""

import itertools
from typing import Any

import msgspec
from tests.contract.made_entries import BOOT, now_ms

from headgate.core.call import Usage
from headgate.core.ports import Envelope
from headgate.traces.model import SPANS, Span, SpanBatch

_numbers = itertools.count(1)


def new_trace() -> bytes:
    return b"\x01trace" + next(_numbers).to_bytes(10, "big")


def make_span(trace_id: bytes, span_id: int, parent: int | None = None, **changes: Any) -> Span:
    start_ns = now_ms() * 1_000_000
    span = Span(
        trace_id=trace_id,
        span_id=span_id.to_bytes(8, "big"),
        parent_id=b"" if parent is None else parent.to_bytes(8, "big"),
        name=f"step {span_id}",
        kind="span",
        start_ns=start_ns,
        end_ns=start_ns + 5_000_000,
        service="shop",
    )
    return msgspec.structs.replace(span, **changes)


def make_model_span(trace_id: bytes, span_id: int, parent: int | None = None, **changes: Any) -> Span:
    said: dict[str, Any] = {
        "kind": "llm",
        "model": "gpt-5-mini",
        "provider": "openai",
        "usage": Usage(input=10, output=5),
        "cost_pico_usd": 2_000_000,
        "cost_source": "reported",
        "input": '[{"role": "user", "parts": [{"type": "text", "content": "where is my parcel"}]}]',
    }
    return make_span(trace_id, span_id, parent, **{**said, **changes})


def make_batch(*spans: Span, **changes: Any) -> SpanBatch:
    batch = SpanBatch(project="default", key="k1", received_ms=now_ms(), spans=spans)
    return msgspec.structs.replace(batch, **changes)


def span_envelope(batch: SpanBatch) -> Envelope:
    return Envelope(BOOT.bytes, SPANS, msgspec.msgpack.encode(batch))
