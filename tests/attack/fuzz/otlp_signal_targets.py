"""Fuzzes what reads log records and metrics of exporters."""

import json
import math
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from tests.attack.fuzz.fuzz_target import Draw, Target
from tests.attack.fuzz.wire_targets import JSON_WORDS
from tests.contract.made_logs import EVALUATION, logs_of
from tests.contract.made_metrics import DURATION, TOKENS, add_point, new_metrics
from tests.contract.otlp_messages import RECEIVED_MS, SPAN_ID, START_NS, TRACE_ID

from headgate.access.model import Key
from headgate.journal.format import PAYLOAD_BYTES_MAX
from headgate.traces.conventions.logged import told_by_logs
from headgate.traces.metrics.model import MetricBatch, MetricPoint
from headgate.traces.metrics.streams import follow
from headgate.traces.model import LogBatch, RawEvent, Span
from headgate.traces.otlp.decoding import Decoded, Form
from headgate.traces.otlp.logs import decode_logs
from headgate.traces.otlp.metrics import decode_metrics
from headgate.traces.otlp.reasons import Malformed

KEY: Final = Key(id="k", name="k", digest=b"")
FORMS: Final[tuple[Form, ...]] = ("protobuf", "json")
_SPAN: Final = Span(
    trace_id=TRACE_ID,
    span_id=SPAN_ID,
    parent_id=b"",
    name="chat",
    kind="llm",
    start_ns=START_NS,
    end_ns=START_NS,
)


def logs_or_refused(data: bytes, form: Form) -> Decoded | None:
    """Any bytes are refused whole, or become events that the journal takes and that join a span."""
    try:
        decoded = decode_logs(data, form, KEY, RECEIVED_MS)
    except Malformed as error:
        assert str(error)
        return None
    for entry in decoded.entries:
        assert len(entry) <= PAYLOAD_BYTES_MAX
        events = msgspec.msgpack.decode(entry, type=LogBatch).events
        raw: list[RawEvent] = []
        for event in events:
            assert len(event.trace_id) == 16 and -(2**63) <= event.at_ns < 2**63
            if event.score is None:
                assert len(event.span_id) == 8 and len(event.digest) == 16
                said = msgspec.json.decode(event.attributes, type=dict[str, Any])
                raw.append(RawEvent(name=event.name, at_ns=event.at_ns, attributes=said))
        logged = told_by_logs(_SPAN, (), raw)
        assert told_by_logs(logged.span, logged.told, raw).span.input == logged.span.input
    return decoded


def metrics_or_refused(data: bytes, form: Form) -> Decoded | None:
    """Any bytes are refused whole, or become points that add up."""
    try:
        decoded = decode_metrics(data, form, KEY, RECEIVED_MS)
    except Malformed as error:
        assert str(error)
        return None
    for entry in decoded.entries:
        assert len(entry) <= PAYLOAD_BYTES_MAX
        for point in msgspec.msgpack.decode(entry, type=MetricBatch).points:
            _check(point)
    return decoded


def _check(point: MetricPoint) -> None:
    assert math.isfinite(point.total) and 0 <= point.count < 2**63 and 0 <= point.at_ns < 2**63
    assert not point.buckets or sum(count for _, _, count in point.buckets) == point.count
    state, _ = follow(None, point)
    assert follow(state, point)[1] is None


def read_signal(data: bytes) -> None:
    """Of either signal, in either form."""
    draw = Draw(data)
    read = (logs_or_refused, metrics_or_refused)[draw.number(2)]
    form = FORMS[draw.number(2)]
    read(draw.rest(), form)


def seeds() -> Iterable[bytes]:
    """Requests that are taken: signal, form, and the body."""
    said = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.5}
    yield b"\x00\x00" + logs_of(
        ("gen_ai.user.message", {"body": {"content": "hi"}}), (EVALUATION, {"attributes": said})
    )
    record = {"traceId": TRACE_ID.hex(), "spanId": SPAN_ID.hex(), "eventName": "gen_ai.choice"}
    yield b"\x00\x01" + json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()
    request = new_metrics()
    spread: dict[str, Any] = {"count": 2, "sum": 2.0, "explicit_bounds": [1.0], "bucket_counts": [1, 1]}
    add_point(request, DURATION, "histogram", **spread)
    fine = {"offset": -3, "bucket_counts": [1, 0, 1]}
    add_point(request, DURATION, "exponential_histogram", count=3, scale=5, zero_count=1, positive=fine)
    add_point(request, TOKENS, "gauge", as_double=1.5)
    yield b"\x01\x00" + request.SerializeToString()
    metric = {"name": TOKENS, "sum": {"aggregationTemporality": 2, "dataPoints": [{"asInt": "7"}]}}
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    yield b"\x01\x01" + json.dumps(body).encode()


_WORDS: Final = (
    *(b'"resourceLogs":[', b'"scopeLogs":[', b'"logRecords":[', b'"eventName":"gen_ai.', b'"body":'),
    *(b'"resourceMetrics":[', b'"scopeMetrics":[', b'"metrics":[', b'"dataPoints":[', b'"bucketCounts":['),
    *(b"gen_ai.choice", b"gen_ai.evaluation.result", b"gen_ai.client.token.usage", b'"explicitBounds":['),
)

TARGETS: Final = (Target(name="otlp-signals", run=read_signal, seeds=seeds, words=(*_WORDS, *JSON_WORDS)),)
