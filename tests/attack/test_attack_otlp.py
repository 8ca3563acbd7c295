"""What broken and hostile exporters send: kept in part with a reason, or refused; nothing else is raised."""

import contextlib
import json
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.attack.fuzz.otlp_targets import decoded_or_refused
from tests.contract.otlp_messages import (
    END_NS,
    NEW_REQUEST,
    RECEIVED_MS,
    SPAN_ID,
    START_NS,
    add_span,
    fill,
    json_of,
    request_of,
    say,
)

from headgate.access.model import Key
from headgate.journal.format import PAYLOAD_BYTES_MAX
from headgate.traces.model import Span, SpanBatch
from headgate.traces.otlp.bounds import (
    ATTRIBUTES_MAX,
    EVENTS_MAX,
    FIELDS_MAX,
    ITEMS_MAX,
    LINKS_MAX,
    NESTING_MAX,
)
from headgate.traces.otlp.decoding import Decoded, Form, decode_spans
from headgate.traces.otlp.reasons import Malformed

KEY = Key(id="k", name="k", digest=b"")
DAY_NS = 24 * 3600 * 1_000_000_000


def take(request: Any) -> tuple[list[Span], Decoded]:
    """Decode a request, and what it became."""
    data = request if isinstance(request, bytes) else request.SerializeToString()
    decoded = decode_spans(data, "protobuf", KEY, RECEIVED_MS)
    batches = [msgspec.msgpack.decode(entry, type=SpanBatch) for entry in decoded.entries]
    return [span for batch in batches for span in batch.spans], decoded


def test_ten_megabytes_in_one_attribute_keep_head_and_tail() -> None:
    request = NEW_REQUEST()
    span = add_span(request)
    say(span.attributes, "made.up", "head" + "x" * 10_000_000 + "tail")
    [kept], decoded = take(request)
    assert "cut" in kept.flags
    assert decoded.reasons.rejected == 0
    assert "made.up has 10000008 bytes and was cut" in decoded.reasons.text()
    said = json.loads(kept.attributes)["made.up"]
    assert said.startswith("head")
    assert len(decoded.entries[0]) < PAYLOAD_BYTES_MAX


def test_what_grows_when_it_is_written_fits_the_journal_still() -> None:
    request = NEW_REQUEST()
    span = add_span(request)
    for number in range(12):
        say(span.attributes, f"name.{number}", "\x01" * 900_000)
    spans, decoded = take(request)
    assert len(spans) + decoded.reasons.rejected == 1
    assert all(len(entry) < PAYLOAD_BYTES_MAX for entry in decoded.entries)
    assert decoded.reasons.text()


def test_a_million_names_of_attributes_are_bounded() -> None:
    request = NEW_REQUEST()
    for number in range(10):
        span = add_span(request, span_id=(number + 1).to_bytes(8, "big"))
        for name in range(100_000):
            span.attributes.add(key=f"a{number}.{name}")
    tracemalloc.start()
    spans, decoded = take(request)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(spans) == 10
    assert all(len(json.loads(span.attributes or "{}")) <= ATTRIBUTES_MAX for span in spans)
    assert f"beyond {ATTRIBUTES_MAX} were left out" in decoded.reasons.text()
    assert most < 200 * 1024 * 1024


def test_a_hundred_thousand_events_and_links_are_bounded() -> None:
    request = NEW_REQUEST()
    span = add_span(request)
    for number in range(100_000):
        span.events.add(name="token", time_unix_nano=START_NS + number)
    for _ in range(LINKS_MAX + 5):
        span.links.add(trace_id=bytes(15) + b"1", span_id=SPAN_ID)
    [kept], decoded = take(request)
    assert len(json.loads(kept.events)) <= EVENTS_MAX
    assert "cut" in kept.flags
    assert f"beyond {EVENTS_MAX} were left out" in decoded.reasons.text()


def test_deep_values_end_at_the_bound() -> None:
    value: Any = "deepest"
    for _ in range(NESTING_MAX + 5):
        value = [value]
    request = NEW_REQUEST()
    fill(add_span(request).attributes.add(key="made.up").value, value)
    [kept], decoded = take(request)
    assert f"deeper than {NESTING_MAX}" in decoded.reasons.text()
    assert "deepest" not in kept.attributes


@pytest.mark.parametrize("depth", [60, 500, 5_000, 200_000])
def test_json_of_any_depth_refuses_its_span_or_itself(depth: int) -> None:
    inner = '{"arrayValue":{"values":[' * depth + '{"stringValue":"x"}' + "]}}" * depth
    text = json.dumps(json_of()).replace('{"stringValue": "chat"}', inner)
    try:
        decoded = decode_spans(text.encode(), "json", KEY, RECEIVED_MS)
    except Malformed:
        return
    assert decoded.reasons.rejected == 1
    assert "refused" in decoded.reasons.text()


def test_a_broken_span_is_refused_alone() -> None:
    """A text that is no UTF-8 breaks its own message, and not those beside it."""
    request = NEW_REQUEST()
    add_span(request, name="good")
    add_span(request, name="bad one")
    add_span(request, name="good")
    spans, decoded = take(request.SerializeToString().replace(b"bad one", b"bad \xff\xfe\xfd"))
    assert [span.name for span in spans] == ["good", "good"]
    assert decoded.reasons.rejected == 1
    assert "no UTF-8" in decoded.reasons.text()


@pytest.mark.parametrize(
    ("fields", "flag"),
    [
        ({"parent_span_id": SPAN_ID}, "own_parent"),
        ({"end_time_unix_nano": START_NS - 1}, "ends_before_start"),
        ({"start_time_unix_nano": 0, "end_time_unix_nano": 0}, "no_time"),
        ({"start_time_unix_nano": START_NS - 2 * DAY_NS}, "clock_off"),
        ({"start_time_unix_nano": START_NS + 2 * DAY_NS, "end_time_unix_nano": 0}, "clock_off"),
        ({"start_time_unix_nano": 2**64 - 1, "end_time_unix_nano": 1}, "clock_off"),
    ],
)
def test_a_span_that_contradicts_itself_is_kept_with_a_flag(fields: dict[str, Any], flag: str) -> None:
    request = NEW_REQUEST()
    add_span(request, **fields)
    [kept], decoded = take(request)
    assert flag in kept.flags
    assert kept.end_ns >= kept.start_ns
    assert kept.parent_id == b""
    assert decoded.reasons.rejected == 0


def test_spans_without_their_parents_and_in_a_circle_are_kept() -> None:
    request = NEW_REQUEST()
    add_span(request, span_id=b"aaaaaaaa", parent_span_id=b"bbbbbbbb")
    add_span(request, span_id=b"bbbbbbbb", parent_span_id=b"aaaaaaaa")
    add_span(request, span_id=b"cccccccc", parent_span_id=b"nowhere!")
    spans, _ = take(request)
    assert [span.parent_id for span in spans] == [b"bbbbbbbb", b"aaaaaaaa", b"nowhere!"]


def test_only_so_many_spans_and_fields_are_read() -> None:
    scope = b"\x12\x00" * (ITEMS_MAX + 3)
    inner = b"\x12" + _length(scope) + scope
    _, decoded = take(b"\x0a" + _length(inner) + inner)
    assert decoded.reasons.rejected == ITEMS_MAX + 3
    with pytest.raises(Malformed, match="smaller batches"):
        take(b"\x0a\x00" * (FIELDS_MAX + 1))


def _length(data: bytes) -> bytes:
    value, found = len(data), bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def test_every_cut_of_a_request_is_refused_or_decoded() -> None:
    data = request_of(2)
    for length in range(len(data)):
        with pytest.raises(Malformed) if length else contextlib.nullcontext():
            take(data[:length])


@pytest.mark.parametrize("form", ["protobuf", "json"])
@given(data=st.binary(max_size=400))
@example(data=b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
@example(data=b'{"resourceSpans":[null]}')
@example(data=b'{"resourceSpans":[{"scopeSpans":[{"spans":[null,1,"a",[]]}]}]}')
def test_any_bytes_are_decoded_or_refused(form: Form, data: bytes) -> None:
    decoded_or_refused(data, form)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["stringValue", "intValue", "arrayValue", "values", "kvlistValue", "key", "value"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)
_NAMES = ["traceId", "spanId", "parentSpanId", "name", "kind", "attributes", "events", "links", "status"]


@given(fields=st.dictionaries(st.sampled_from([*_NAMES, "startTimeUnixNano", "endTimeUnixNano"]), _VALUES))
def test_any_types_are_decoded_or_refused_by_name(fields: dict[str, Any]) -> None:
    data = json.dumps(json_of(**fields)).encode()
    decoded = decoded_or_refused(data, "json")
    if decoded is not None:
        assert len(decoded.entries) + decoded.reasons.rejected == 1
        assert bool(decoded.reasons.rejected) <= bool(decoded.reasons.text())


def test_the_samples_are_taken() -> None:
    """What the tests above break is whole otherwise."""
    [span], decoded = take(request_of())
    assert (span.end_ns, decoded.reasons.text(), span.flags) == (END_NS, "", ())
