"""What broken and hostile exporters send as logs and metrics: kept in part with a reason, or refused."""

import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.attack.fuzz.otlp_signal_targets import logs_or_refused, metrics_or_refused, seeds
from tests.contract.made_logs import NEW_LOGS, add_record, logs_of
from tests.contract.made_metrics import TOKENS, add_point, new_metrics
from tests.contract.otlp_messages import SPAN_ID, TRACE_ID, say

from headgate.traces.model import LogBatch
from headgate.traces.otlp.decoding import Form

FORMS: tuple[Form, ...] = ("protobuf", "json")
USER = ("gen_ai.user.message", {"body": {"content": "hi"}})


@pytest.mark.parametrize("form", FORMS)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(form: Form, data: bytes) -> None:
    logs_or_refused(data, form)
    metrics_or_refused(data, form)


def test_every_cut_of_a_request_is_refused_or_decoded() -> None:
    request = new_metrics()
    spread: dict[str, Any] = {"count": 2, "sum": 2.0, "explicit_bounds": [1.0], "bucket_counts": [1, 1]}
    add_point(request, "gen_ai.client.operation.duration", "histogram", **spread)
    for data in (logs_of(USER, USER), request.SerializeToString()):
        for end in range(len(data)):
            logs_or_refused(data[:end], "protobuf")
            metrics_or_refused(data[:end], "protobuf")


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANY = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
RECORD = ("traceId", "spanId", "eventName", "body", "attributes", "timeUnixNano", "severityNumber", "flags")
POINT = (
    *("attributes", "startTimeUnixNano", "timeUnixNano", "count", "sum", "min", "max", "flags", "asInt"),
    *("bucketCounts", "explicitBounds", "scale", "zeroCount", "zeroThreshold", "positive", "negative"),
)


@given(fields=st.dictionaries(st.sampled_from(RECORD), ANY, max_size=4))
def test_any_types_of_a_record_are_decoded_or_refused(fields: dict[str, Any]) -> None:
    ids = {"traceId": TRACE_ID.hex(), "spanId": SPAN_ID.hex(), "eventName": "gen_ai.choice"}
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{**ids, **fields}]}]}]}
    logs_or_refused(json.dumps(body).encode(), "json")


@given(
    fields=st.dictionaries(st.sampled_from(POINT), ANY, max_size=5),
    kind=st.sampled_from(("gauge", "sum", "histogram", "exponentialHistogram", "summary", "none")),
)
def test_any_types_of_a_point_are_decoded_or_refused(fields: dict[str, Any], kind: str) -> None:
    data = {"dataPoints": [fields], "aggregationTemporality": 2, "isMonotonic": True}
    metric = {"name": TOKENS, kind: data}
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    metrics_or_refused(json.dumps(body).encode(), "json")


def test_ten_megabytes_in_one_body_keep_head_and_tail() -> None:
    request = NEW_LOGS()
    add_record(request, "gen_ai.user.message", body={"content": "begin" + "x" * 10_000_000 + "end"})
    decoded = logs_or_refused(request.SerializeToString(), "protobuf")
    assert decoded is not None and "was cut to" in decoded.reasons.text()
    [event] = msgspec.msgpack.decode(decoded.entries[0], type=LogBatch).events
    content = json.loads(event.attributes)["body"]["content"]
    assert content.startswith("begin") and content.endswith("end") and len(content) < 1_100_000


def test_a_broken_record_is_refused_alone() -> None:
    request = NEW_LOGS()
    add_record(request, "gen_ai.user.message", body={"content": "kept"})
    add_record(request, "gen_ai.user.message", body={"content": "broken"})
    data = request.SerializeToString().replace(b"broken", b"\xff\xfe\xfd\xff\xff\xff")
    decoded = logs_or_refused(data, "protobuf")
    assert decoded is not None and decoded.reasons.rejected == 1 and len(decoded.entries) == 1


def test_a_hundred_thousand_points_and_what_is_more_are_bounded() -> None:
    request = new_metrics()
    add_point(request, TOKENS, "sum", as_int=1)
    data = request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points
    data.extend([data[0]] * 100_010)
    began = time.process_time()
    decoded = metrics_or_refused(request.SerializeToString(), "protobuf")
    assert decoded is not None and decoded.reasons.rejected == 11
    assert time.process_time() - began < 60


def test_a_million_names_of_attributes_tell_no_series_apart() -> None:
    request = new_metrics()
    point = add_point(request, TOKENS, "sum", as_int=1)
    for number in range(20_000):
        say(point.attributes, f"gen_ai.made.{number}", "x" * 1000)
    decoded = metrics_or_refused(request.SerializeToString(), "protobuf")
    assert decoded is not None and sum(map(len, decoded.entries)) < 10_000


def test_the_seeds_are_taken() -> None:
    for seed in seeds():
        read = logs_or_refused if seed[0] == 0 else metrics_or_refused
        decoded = read(seed[2:], FORMS[seed[1]])
        assert decoded is not None and decoded.entries
