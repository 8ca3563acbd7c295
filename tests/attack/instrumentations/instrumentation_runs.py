"""Runs the programs, each with its instrumentation, in an environment of their own, and hears their spans.

python -m tests.attack.instrumentations.instrumentation_runs PROGRAM ...   # writes fixtures
"""

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from tests.attack.instrumentations.answering import answering

from headgate.access.model import Key
from headgate.traces.model import LogBatch, RawEvent, RawSpan, Status
from headgate.traces.otlp.logs import decode_logs

KEY: Final = Key(id="k", name="k", digest=b"")
HERE: Final = Path(__file__).parent
PROGRAMS: Final = HERE / "programs"
ROOT: Final = HERE.parents[2]
FIXTURES: Final = ROOT / "tests" / "fixtures" / "instrumentations"
ENVIRONMENT: Final = Path(os.environ.get("HEADGATE_INSTRUMENTATIONS", ROOT / ".venv-instrumentations"))
"""Made by `make attack`: the instrumentations and what they need, apart from everything else."""
RUN_S: Final = 120
NAMES: Final = tuple(sorted(path.stem.removesuffix("_program") for path in PROGRAMS.glob("*_program.py")))


def exported_by(name: str) -> list[RawSpan]:
    """Run a program against the provider with two answers; what its own exporter sends, in order of time."""
    with answering() as server:
        done = run_program(name, server.url, server.url, "anything")
        assert done.returncode == 0, done.stderr[-3000:]
        spans = sorted((span for body in server.exported for span in spans_of(body)), key=started)
        return [with_events(span, server.logged) for span in spans]


def with_events(span: RawSpan, logged: list[bytes]) -> RawSpan:
    """A span with what log records say of it, in their order, as its own events."""
    found: list[tuple[int, RawEvent]] = []
    for body in logged:
        for entry in decode_logs(body, "protobuf", KEY, span.start_ns // 1_000_000).entries:
            for event in msgspec.msgpack.decode(entry, type=LogBatch).events:
                if (event.trace_id, event.span_id) == (span.trace_id, span.span_id):
                    said = msgspec.json.decode(event.attributes)
                    raw = RawEvent(name=event.name, at_ns=event.at_ns, attributes=said)
                    found.append((event.at_ns, raw))
    found.sort(key=at)
    return msgspec.structs.replace(span, events=[*span.events, *(event for _, event in found)])


def at(found: tuple[int, RawEvent]) -> int:
    return found[0]


def run_program(name: str, provider: str, collector: str, key: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the environment that holds the instrumentations."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PROGRAMS),
        "OPENAI_API_KEY": key,
        "OPENAI_BASE_URL": f"{provider}/v1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {key}",
        "OTEL_SERVICE_NAME": "weather",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
        "LANGFUSE_OTEL_TRACES_EXPORT_PATH": "v1/traces",
        "LANGSMITH_TRACING": "false",
        "HAYSTACK_TELEMETRY_ENABLED": "false",
        "TRACELOOP_TRACE_CONTENT": "true",
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(
        [ENVIRONMENT / "bin" / "python", _program(name)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )


def _program(name: str) -> Path:
    """One whose spans are fixtures, else one by its whole name."""
    known = PROGRAMS / f"{name}_program.py"
    return known if known.exists() else PROGRAMS / f"{name}.py"


def started(span: RawSpan) -> int:
    return span.start_ns


def spans_of(body: bytes) -> list[RawSpan]:
    """The spans of an exporter's request."""
    request = ExportTraceServiceRequest.FromString(body)
    found: list[RawSpan] = []
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                found.append(
                    RawSpan(
                        trace_id=span.trace_id,
                        span_id=span.span_id,
                        parent_id=span.parent_span_id,
                        name=span.name,
                        kind=int(span.kind),
                        start_ns=span.start_time_unix_nano,
                        end_ns=span.end_time_unix_nano,
                        status=STATUSES[int(span.status.code)],
                        status_message=span.status.message,
                        attributes=values_of(span.attributes),
                        events=[
                            RawEvent(
                                name=event.name,
                                at_ns=event.time_unix_nano,
                                attributes=values_of(event.attributes),
                            )
                            for event in span.events
                        ],
                        resource=values_of(resource.resource.attributes),
                        scope=scope.scope.name,
                        scope_version=scope.scope.version,
                    )
                )
    return found


STATUSES: Final[tuple[Status, ...]] = ("unset", "ok", "error")


def values_of(pairs: Any) -> dict[str, Any]:
    named: list[KeyValue] = list(pairs)
    return {pair.key: value_of(pair.value) for pair in named}


def value_of(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "array_value":
            return [value_of(item) for item in value.array_value.values]
        case "kvlist_value":
            return values_of(value.kvlist_value.values)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case None:
            return None
        case which:
            return getattr(value, which)


def write(name: str) -> None:
    """Keep what a program exports as a fixture."""
    FIXTURES.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(exported_by(name)), indent=1)
    (FIXTURES / f"{name}.json").write_bytes(text + b"\n")


if __name__ == "__main__":
    for program in sys.argv[1:] or NAMES:
        write(program)
