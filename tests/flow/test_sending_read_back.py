"""What is sent of a call, read as any house reads spans, is that call: nothing is lost or made up."""

import json
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from tests.flow.collector import value_of

from headgate.core.call import Usage
from headgate.core.labels import Label
from headgate.core.ports import Origin
from headgate.traces.conventions.resolve import resolve
from headgate.traces.model import RawSpan, Span
from headgate.traces.sending.model import Exporter, SentAttempt, SentCall, Spoken
from headgate.traces.sending.protobuf import any_value, fields, number, text, varint
from headgate.traces.sending.spans import traces_request

EXPORTER = Exporter(name="c", origin=Origin("http", "127.0.0.1", 1), path="", content=True)
COUNT = st.integers(0, 10**6)


def call(**changes: Any) -> SentCall:
    plain: dict[str, Any] = {
        "id": bytes(range(16)),
        "project": "default",
        "key": "k1",
        "user": "anna",
        "session": "s-1",
        "tags": ("red", "blue"),
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "parent_span_id": bytes.fromhex("00f067aa0ba902b7"),
        "response_id": "chatcmpl-7",
        "started_ms": 1_700_000_000_123,
        "duration_ms": 456,
        "first_token_ms": 78,
        "dialect": "openai-chat",
        "operation": "chat",
        "stream": True,
        "model": "assistant",
        "target": "openai/gpt-5-mini",
        "status": 200,
        "code": "",
        "message": "",
        "attempts": (),
        "truncated": False,
        "estimated": False,
        "release": "r-7",
        "environment": "prod",
        "usage": Usage(input=10, output=5),
        "cost_pico_usd": 1_500_000,
        "label": Label(),
        "parameters": {"temperature": 0.5, "max_output": 20},
        "spoken": Spoken(
            input=json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Which flower?"}]}]),
            output=json.dumps(
                [
                    {
                        "role": "assistant",
                        "parts": [{"type": "text", "content": "A rose"}],
                        "finish_reason": "stop",
                    }
                ]
            ),
            finish_reasons=("stop",),
        ),
    }
    return SentCall(**{**plain, **changes})


def read_back(one: SentCall) -> list[Span]:
    """Send a call, decode it by OpenTelemetry's schema, and read its names."""
    request = ExportTraceServiceRequest.FromString(traces_request(EXPORTER, [one], "1.2.3"))
    (sent,) = request.resource_spans
    found: list[Span] = []
    for scope in sent.scope_spans:
        assert (scope.scope.name, scope.scope.version) == ("headgate", "1.2.3")
        for span in scope.spans:
            raw = RawSpan(
                trace_id=span.trace_id,
                span_id=span.span_id,
                parent_id=span.parent_span_id,
                name=span.name,
                kind=span.kind,
                start_ns=span.start_time_unix_nano,
                end_ns=span.end_time_unix_nano,
                status="error" if span.status.code == 2 else "unset",
                attributes={each.key: _plain(value_of(each.value)) for each in span.attributes},
                resource={each.key: value_of(each.value) for each in sent.resource.attributes},
                scope=scope.scope.name,
            )
            found.append(resolve(raw))
    return found


def _plain(value: Any) -> Any:
    return list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value


def test_a_call_is_read_back_as_it_was() -> None:
    (span,) = read_back(call())
    assert (span.kind, span.operation, span.provider) == ("llm", "chat", "openai")
    assert (span.request_model, span.model) == ("assistant", "gpt-5-mini")
    assert (span.trace_id.hex(), span.parent_id.hex()) == (call().trace_id, "00f067aa0ba902b7")
    assert (span.response_id, span.user, span.session) == ("chatcmpl-7", "anna", "s-1")
    assert (span.tags, span.release, span.environment) == (("red", "blue"), "r-7", "prod")
    assert (span.start_ns, span.end_ns - span.start_ns) == (1_700_000_000_123 * 10**6, 456 * 10**6)
    assert (span.cost_pico_usd, span.cost_source) == (1_500_000, "reported")
    assert (span.first_token_ms, span.finish_reasons) == (78.0, ("stop",))
    assert (span.status, span.flags, span.service) == ("unset", (), "headgate")
    assert json.loads(span.input)[0]["parts"][0]["content"] == "Which flower?"
    assert json.loads(span.output)[0]["parts"][0]["content"] == "A rose"


@given(
    st.builds(
        Usage,
        input=COUNT,
        cache_read=COUNT,
        cache_write=COUNT,
        output=st.integers(1, 10**6),
        reasoning=COUNT,
    ),
    st.integers(0, 10**15),
)
def test_tokens_and_cost_come_back_to_the_last_one(usage: Usage, cost_pico_usd: int) -> None:
    (span,) = read_back(call(usage=usage, cost_pico_usd=cost_pico_usd))
    assert span.usage == usage and span.flags == ()
    assert span.cost_pico_usd == pytest.approx(cost_pico_usd, rel=1e-12, abs=1)


def test_attempts_are_read_as_no_calls() -> None:
    tried = [
        {"attempt": n, "target": "openai/gpt-5-mini", "status": status, "duration_ms": 5, "started_at": at}
        for n, status, at in ((1, 503, "2026-11-22T00:00:00Z"), (2, 200, "2026-11-22T00:00:01Z"))
    ]
    one = call(attempts=tuple(msgspec.convert(tried, list[SentAttempt])))
    whole, *parts = read_back(one)
    assert whole.usage is not None and [part.parent_id for part in parts] == [whole.span_id] * 2
    assert all(part.usage is None and part.cost_pico_usd is None for part in parts)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=8,
)


@given(VALUES)
def test_a_value_is_written_as_opentelemetry_reads_it(value: Any) -> None:
    found = value_of(AnyValue.FromString(any_value(value)))
    assert found == value and isinstance(found, bool) == isinstance(value, bool)


@given(st.binary(max_size=40))
def test_whatever_a_collector_answers_ends(answer: bytes) -> None:
    try:
        assert all(field >= 0 for field, _ in fields(answer))
    except ValueError:
        return


def test_fields_are_read_as_they_were_written() -> None:
    written = number(1, 300) + text(2, "two")
    assert list(fields(written)) == [(1, 300), (2, b"two")]
    assert varint(0) == b"\x00" and varint(-1) == b"\xff" * 9 + b"\x01"
