"""A trace as lines: of OTLP's file format, or JSON Lines. Lines are made beside the loop, a few at a time.

A line of OTLP is an `ExportTraceServiceRequest` of one trace, short enough to be sent as it is to /v1/traces
(opentelemetry.io/docs/specs/otel/protocol/file-exporter). Read next: `exporting.otlp`, `exporting.reading`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final
from uuid import UUID

import msgspec

from headgate import __version__
from headgate.core.money import format_usd
from headgate.core.pages import format_ms
from headgate.records.model import fold
from headgate.traces.exporting.model import CallContent, CallLine, Format, ScoreLine, SpanLine, StoredSpan
from headgate.traces.exporting.otlp import Around, call_span, request_of, span_of
from headgate.traces.exporting.reading import TraceReader, exporter_of
from headgate.traces.model import span_text
from headgate.traces.reading.content import as_json, span_detail
from headgate.traces.scores.model import Feedback
from headgate.traces.sending.model import Exporter, SentCall
from headgate.traces.sending.spans import span_id_of, told_spans

REQUEST_BYTES_MAX: Final = 4 * 1024 * 1024
"""A line of OTLP ends where it has as much: a quarter of what our own /v1/traces takes at once."""
REQUEST_SPANS_MAX: Final = 5_000

_ENCODE: Final = msgspec.json.Encoder().encode
Told = tuple[Around, msgspec.Raw]


async def lines_of(reader: TraceReader, project: str, form: Format) -> AsyncIterator[bytes]:
    """Yield a trace as lines of a format, in pieces that end with a line."""
    exporter = exporter_of(project)
    lines = _otlp(reader, exporter) if form == "otlp" else _json(reader, exporter)
    async for piece in lines:
        yield piece


async def _otlp(reader: TraceReader, exporter: Exporter) -> AsyncIterator[bytes]:
    waiting: list[Told] = []
    length = 0
    async for told in _told(reader, exporter):
        waiting += told
        length += sum(len(memoryview(span)) for _, span in told)
        if length >= REQUEST_BYTES_MAX or len(waiting) >= REQUEST_SPANS_MAX:
            yield await asyncio.to_thread(_request, waiting)
            waiting, length = [], 0
    if waiting:
        yield await asyncio.to_thread(_request, waiting)


async def _told(reader: TraceReader, exporter: Exporter) -> AsyncIterator[list[Told]]:
    name = await reader.said_name()
    said: dict[str | None, list[Feedback]] = {}
    for score in await reader.scores():
        said.setdefault(score.span_id, []).append(score)
    async for spans in reader.spans():
        yield await asyncio.to_thread(_span_told, reader.trace_id, spans, said, name)
        name = ""
    async for calls in reader.calls(exporter):
        yield await asyncio.to_thread(_calls_told, exporter, calls)


def _span_told(
    trace_id: str, spans: Sequence[StoredSpan], said: dict[str | None, list[Feedback]], name: str
) -> list[Told]:
    found: list[Told] = []
    for span in spans:
        around, written = span_of(trace_id, span, said.get(span_text(span.number), ()), name)
        found.append((around, msgspec.Raw(_ENCODE(written))))
        name = ""
    return found


def _calls_told(exporter: Exporter, calls: Iterable[SentCall]) -> list[Told]:
    spans = [call_span(span, __version__) for call in calls for span in told_spans(exporter, call)]
    return [(around, msgspec.Raw(_ENCODE(written))) for around, written in spans]


def _request(told: Sequence[Told]) -> bytes:
    return request_of(told) + b"\n"


async def _json(reader: TraceReader, exporter: Exporter) -> AsyncIterator[bytes]:
    async for spans in reader.spans():
        yield await asyncio.to_thread(_span_lines, reader.trace_id, spans)
    async for calls in reader.calls(exporter):
        yield await asyncio.to_thread(_call_lines, reader.trace_id, calls)
    scores = [ScoreLine(**msgspec.structs.asdict(score)) for score in await reader.scores()]
    if scores:
        yield _lines(scores)


def _span_lines(trace_id: str, spans: Iterable[StoredSpan]) -> bytes:
    found: list[SpanLine] = []
    for span in spans:
        row = (span.parent, *msgspec.structs.astuple(span)[3:])
        detail = span_detail(trace_id, span_text(span.number), row)
        found.append(SpanLine(**msgspec.structs.asdict(detail)))
    return _lines(found)


def _call_lines(trace_id: str, calls: Iterable[SentCall]) -> bytes:
    return _lines([call_line(trace_id, call) for call in calls])


def call_line(trace_id: str, call: SentCall) -> CallLine:
    """Return a recorded call as it stands in JSON Lines."""
    spoken = call.spoken
    return CallLine(
        trace_id=trace_id,
        span_id=span_id_of(call.id).hex(),
        parent_id=call.parent_span_id.hex() or None,
        request_id=str(UUID(bytes=call.id)),
        project=call.project,
        key=call.key,
        operation=call.operation,
        started_at=format_ms(call.started_ms),
        duration_ms=float(call.duration_ms),
        status="error" if call.is_error else "ok",
        status_code=call.status,
        status_message=call.message or None,
        model=call.model,
        target=call.target or None,
        response_id=call.response_id or None,
        user=call.user or None,
        session=call.session or None,
        tags=list(call.tags),
        release=call.release or None,
        environment=call.environment or None,
        usage=fold(call.usage),
        cost_usd=None if call.cost_pico_usd is None else format_usd(call.cost_pico_usd),
        estimated=call.estimated,
        first_token_ms=call.first_token_ms,
        finish_reasons=list(spoken.finish_reasons),
        content=CallContent(
            input=as_json(spoken.input),
            output=as_json(spoken.output),
            system=as_json(spoken.system),
            tools=as_json(spoken.tools),
            parameters=call.parameters or None,
        ),
    )


def _lines(items: Iterable[msgspec.Struct]) -> bytes:
    return b"".join([_line(item) + b"\n" for item in items])


def _line(item: msgspec.Struct) -> bytes:
    line = _ENCODE(item)
    # JSON that a span said is passed on as it came, which may have been on several lines.
    return msgspec.json.format(line, indent=-1) if b"\n" in line or b"\r" in line else line
