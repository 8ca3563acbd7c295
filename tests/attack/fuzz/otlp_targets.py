"""Fuzzes what reads requests of exporters: protobuf, JSON, and what inflates them."""

import gzip
import json
import zlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from tests.attack.fuzz.fuzz_target import Draw, Target
from tests.attack.fuzz.wire_targets import JSON_WORDS
from tests.contract.otlp_messages import NEW_REQUEST, RECEIVED_MS, add_span, json_of, request_of, say

from headgate.access.model import Key
from headgate.core.faults import InvalidRequest, RequestTooLarge
from headgate.journal.format import PAYLOAD_BYTES_MAX
from headgate.traces.model import SpanBatch
from headgate.traces.otlp.decoding import Decoded, Form, decode_spans
from headgate.traces.otlp.reasons import Malformed
from headgate.traces.otlp.receiving import inflate

KEY: Final = Key(id="k", name="k", digest=b"", may_assert=True)
FORMS: Final[tuple[Form, ...]] = ("protobuf", "json")


def decoded_or_refused(data: bytes, form: Form) -> Decoded | None:
    """Any bytes are refused whole, or become entries that the journal takes and the sink reads."""
    try:
        decoded = decode_spans(data, form, KEY, RECEIVED_MS)
    except Malformed as error:
        assert str(error)
        return None
    for entry in decoded.entries:
        assert len(entry) <= PAYLOAD_BYTES_MAX
        for span in msgspec.msgpack.decode(entry, type=SpanBatch).spans:
            assert len(span.trace_id) == 16
            assert len(span.span_id) == 8
            assert span.end_ns >= span.start_ns
    return decoded


def read_request(data: bytes) -> None:
    """In either form."""
    draw = Draw(data)
    form = FORMS[draw.number(2)]
    decoded_or_refused(draw.rest(), form)


def read_compressed(data: bytes) -> None:
    """Any bytes inflate within the bound, or are refused."""
    draw = Draw(data)
    try:
        inflate(draw.rest() if draw.number(2) else data, ("gzip", "deflate")[draw.number(2)])
    except (InvalidRequest, RequestTooLarge) as fault:
        assert fault.message


def _requests() -> Iterable[bytes]:
    yield b"\x00" + request_of(2)
    request = NEW_REQUEST()
    span = add_span(request, parent_span_id=b"parent!!")
    values: tuple[Any, ...] = ("text", 7, 1.5, True, b"bytes", ["a", 1], {"a": {"b": []}})
    for value in values:
        say(span.attributes, "value", value)
    say(span.events.add(name="gen_ai.choice", time_unix_nano=1).attributes, "message", '{"content":"a"}')
    span.links.add(trace_id=bytes(15) + b"1", span_id=b"linked!!")
    span.status.code = 2
    yield b"\x00" + request.SerializeToString()
    yield b"\x01" + json.dumps(json_of()).encode()
    yield b"\x01" + json.dumps(json_of(events=[{"name": "gen_ai.choice"}], status={"code": 2})).encode()


def _compressed() -> Iterable[bytes]:
    for number, pack in enumerate((gzip.compress, zlib.compress)):
        yield bytes([1, number]) + pack(request_of())
    yield b"\x01\x00" + gzip.compress(b"") * 3


_WORDS: Final = (
    *(b'"resourceSpans":[', b'"scopeSpans":[', b'"spans":[', b'"traceId":', b'"attributes":[{"key":'),
    *(b'"value":{"stringValue":', b'"arrayValue":{"values":[', b'"kvlistValue":', b'"intValue":"1"'),
    *(b"\x0a\x10", b"\x12\x08", b"\x4a\x02", b"gen_ai.input.messages", b"gen_ai.usage.input_tokens"),
)

TARGETS: Final = (
    Target(name="otlp-requests", run=read_request, seeds=_requests, words=(*_WORDS, *JSON_WORDS)),
    Target(name="otlp-compressed", run=read_compressed, seeds=_compressed),
)
