"""Spans by OpenTelemetry: what `observe` and `context` do, once OpenTelemetry is loaded.

Uses the provider that the application has set up, and adds what sends to Headgate; else makes one. Nothing of
the application waits for any of it. Read next: `sdk.otlp`, `sdk.outbox`.
"""

import traceback
from collections.abc import Sequence
from typing import Any, Final, cast

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags

from headgate.offered import __version__
from headgate.sdk import installing
from headgate.sdk.border import attempted, guarded, say_once
from headgate.sdk.capturing import TEXT_BYTES_MAX, captured, captured_text
from headgate.sdk.delivering import Delivery
from headgate.sdk.installing import Options
from headgate.sdk.observing import Observed
from headgate.sdk.otlp import encode_spans, rejected
from headgate.sdk.outbox import Outbox, Outcome
from headgate.sdk.surroundings import Surroundings

STACK_CHARACTERS_MAX: Final = 16_384
MESSAGE_CHARACTERS_MAX: Final = 2000
_SPAN_BYTES: Final = 1000
"""About what a span takes beside its texts."""
_HERE: Final = otel.create_key("headgate-surroundings")
_SUPPRESSED: Final = str(getattr(otel, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation"))


class _Ids(RandomIdGenerator):
    """Ids of traces: those of business ids, where one is said."""

    def generate_trace_id(self) -> int:
        """Return the id of a trace that begins now."""
        said = _surroundings(None)
        if said is not None and said.trace_id:
            return int.from_bytes(said.trace_id, "big")
        return super().generate_trace_id()


class Sending(SpanProcessor):
    """Puts surroundings on spans as they begin, and spans into the outbox as they end."""

    def __init__(self, options: Options) -> None:
        self.delivery: Delivery | None = None
        self.outbox: Outbox[ReadableSpan] = Outbox("spans", self._deliver)
        self.point_to(options)

    def point_to(self, options: Options) -> None:
        """Send to this server from now on; nowhere without a key."""
        self.delivery = Delivery(options.url, options.key) if options.key else None

    def on_start(self, span: Any, parent_context: otel.Context | None = None) -> None:
        """Put on a span what `context` says."""
        said = _surroundings(parent_context)
        if said is not None:
            guarded(span.set_attributes, said.attributes)

    def on_end(self, span: ReadableSpan) -> None:
        """Put a span into the outbox."""
        if self.delivery is not None:
            guarded(self._put, span)

    def shutdown(self) -> None:
        """Send what waits, for two seconds at most."""
        guarded(self.outbox.close, installing.EXIT_S)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits."""
        return guarded(self.outbox.flush, timeout_millis / 1000) or False

    def _put(self, span: ReadableSpan) -> None:
        if span.context is None or not span.context.trace_flags.sampled:
            return
        size = _SPAN_BYTES
        for value in (span.attributes or {}).values():
            size += len(value) if isinstance(value, str | bytes | Sequence) else 8
        self.outbox.put(span, size)

    def _deliver(self, batch: Sequence[ReadableSpan]) -> Outcome:
        delivery = self.delivery
        if delivery is None:
            return Outcome("refused", "there is no key any more")
        # What other instrumentation would make of our own requests would be sent, and so on.
        token = otel.attach(otel.set_value(_SUPPRESSED, True))
        try:
            outcome, said = delivery.post("/v1/traces", encode_spans(batch))
        finally:
            otel.detach(token)
        if outcome.became == "taken":
            return Outcome("taken", rejected(said))
        return outcome


class Tracing:
    """What makes spans in this process."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._sending = Sending(options)
        found = trace.get_tracer_provider()
        self._owns_provider = isinstance(found, trace.ProxyTracerProvider)
        if self._owns_provider:
            attributes = {"service.name": options.service} if options.service else {}
            found = TracerProvider(
                resource=Resource.create(attributes), id_generator=_Ids(), shutdown_on_exit=False
            )
            trace.set_tracer_provider(found)
        add = getattr(found, "add_span_processor", None)
        if add is None:
            say_once(
                f"the application's {type(found).__name__} takes no processor: its spans don't reach Headgate"
            )
        else:
            add(self._sending)
        self._tracer = found.get_tracer("headgate", __version__)

    def point_to(self, options: Options) -> None:
        """Report to this server from now on."""
        self.options = options
        self._sending.point_to(options)

    def observe(self, observed: Observed, args: tuple[object, ...], kwargs: dict[str, object]) -> "SpanRun":
        """Begin a span with a function's arguments."""
        here = otel.get_current()
        span = self._tracer.start_span(observed.name, here, attributes=observed.attributes)
        run = SpanRun(
            span, trace.set_span_in_context(span, here), self.options.capture and observed.capture_output
        )
        if observed.capture_input and self.options.capture and span.is_recording():
            guarded(_capture_input, span, observed, args, kwargs)
        return run

    def surround(self, surroundings: Surroundings) -> "PlainRun":
        """Begin surroundings, without a span."""
        here = otel.get_current()
        said = surroundings.within(_surroundings(here))
        inside = otel.set_value(_HERE, said, here)
        if surroundings.trace_id:
            inside = self._in_trace(surroundings.trace_id, inside)
        return PlainRun(inside)

    def headers(self) -> dict[str, str]:
        """Return the headers of a call made now."""
        said = _surroundings(None)
        found = dict(said.headers) if said is not None else {}
        here = trace.get_current_span().get_span_context()
        if here.is_valid:
            flags = f"{int(here.trace_flags) & 0xFF:02x}"
            found["traceparent"] = f"00-{here.trace_id:032x}-{here.span_id:016x}-{flags}"
        return found

    def current(self) -> tuple[str, str] | None:
        """Return the ids of the current trace and span; None outside of any."""
        here = trace.get_current_span().get_span_context()
        return (f"{here.trace_id:032x}", f"{here.span_id:016x}") if here.is_valid else None

    def flush(self, timeout_s: float) -> bool:
        """Send what waits."""
        return self._sending.outbox.flush(timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Send what waits, for the last time."""
        return self._sending.outbox.close(timeout_s)

    def _in_trace(self, trace_id: bytes, inside: otel.Context) -> otel.Context:
        """Have the trace that begins here go by an id: our provider makes it so, others through a parent."""
        current = trace.get_current_span(inside).get_span_context()
        number = int.from_bytes(trace_id, "big")
        if current.is_valid:
            if current.trace_id != number:
                say_once(
                    "headgate.context: a business id names the trace that begins within; here is one already"
                )
            return inside
        if self._owns_provider:
            return inside
        parent = SpanContext(
            number, number & 0xFFFF_FFFF_FFFF_FFFF or 1, True, TraceFlags(TraceFlags.SAMPLED)
        )
        return trace.set_span_in_context(NonRecordingSpan(parent), inside)


class PlainRun:
    """A run within surroundings, without a span of its own."""

    __slots__ = ("_inside",)

    def __init__(self, inside: otel.Context) -> None:
        self._inside = inside

    def enter(self) -> object:
        """Make the run's context the current one."""
        return otel.attach(self._inside)

    def leave(self, token: Any) -> None:
        """Give way to the context before, and keep what it is now for when a generator goes on."""
        self._inside = otel.get_current()
        otel.detach(token)

    def yielded(self, item: object) -> None:
        """Nothing is kept."""

    def returned(self, value: object) -> None:
        """Nothing is kept."""

    def raised(self, error: BaseException) -> None:
        """Nothing is kept."""

    def closed(self) -> None:
        """Nothing is kept."""


class SpanRun(PlainRun):
    """A run that is a span."""

    __slots__ = ("_captures", "_left", "_span", "_yielded")

    def __init__(self, span: trace.Span, inside: otel.Context, captures: bool) -> None:
        super().__init__(inside)
        self._span = span
        self._captures = captures and span.is_recording()
        self._yielded: list[object] | None = None
        self._left = TEXT_BYTES_MAX

    def yielded(self, item: object) -> None:
        """Keep what a generator gives, up to the bound, as it was when it was given."""
        if self._captures:
            guarded(self._keep, item)

    def returned(self, value: object) -> None:
        """End the span, with what came out."""
        if self._captures:
            guarded(self._capture_output, value)
        guarded(self._span.end)

    def raised(self, error: BaseException) -> None:
        """End the span, with what went wrong."""
        guarded(self._say_error, error)
        self.closed()

    def closed(self) -> None:
        """End the span, with what came so far."""
        if self._captures and self._yielded is not None:
            guarded(self._capture_output, None)
        guarded(self._span.end)

    def _keep(self, item: object) -> None:
        if self._yielded is None:
            self._yielded = []
        if self._left > 0:
            kept = item[: self._left] if isinstance(item, str) else _Json(captured(item))
            self._left -= len(kept) + 8
            self._yielded.append(kept)

    def _capture_output(self, value: object) -> None:
        given = self._yielded
        if given is None:
            _capture(self._span, "output", value)
        elif all(type(each) is str for each in given):
            _capture(self._span, "output", "".join(cast("list[str]", given)))
        else:
            texts = [each if isinstance(each, _Json) else captured(each) for each in given]
            self._span.set_attribute("output.value", f"[{','.join(texts)}]")
            self._span.set_attribute("output.mime_type", "application/json")

    def _say_error(self, error: BaseException) -> None:
        kind = type(error).__name__
        message = attempted(str, error, "")[:MESSAGE_CHARACTERS_MAX]
        self._span.set_status(Status(StatusCode.ERROR, f"{kind}: {message}" if message else kind))
        stack = "".join(traceback.format_tb(error.__traceback__, limit=-50))
        self._span.set_attribute("error.type", kind)
        self._span.add_event(
            "exception",
            {
                "exception.type": f"{type(error).__module__}.{type(error).__qualname__}",
                "exception.message": message,
                "exception.stacktrace": stack[-STACK_CHARACTERS_MAX:],
            },
        )


class _Json(str):
    """JSON text, told apart from the texts that a generator gives."""

    __slots__ = ()


def install(options: Options) -> Tracing:
    """Set up tracing in this process, or point what is there to another server."""
    if _made:
        _made[0].point_to(options)
    else:
        _made.append(Tracing(options))
        installing.at_flush(_made[0].flush)
    return _made[0]


_made: list[Tracing] = []
"""The one of this process, once made: providers keep the processors that they were given."""


def _surroundings(context: otel.Context | None) -> Surroundings | None:
    return cast("Surroundings | None", otel.get_value(_HERE, context))


def _capture_input(
    span: trace.Span, observed: Observed, args: tuple[object, ...], kwargs: dict[str, object]
) -> None:
    named: dict[str, object] = dict(zip(observed.parameters, args, strict=False))
    named.pop("", None)
    rest = args[len(observed.parameters) :]
    if rest:
        named["args"] = rest
    if kwargs:
        named.update(kwargs)
    if named:
        span.set_attribute("input.value", captured(named))
        span.set_attribute("input.mime_type", "application/json")


def _capture(span: trace.Span, side: str, value: object) -> None:
    if value is None:
        return
    if type(value) is str:
        said, kind = captured_text(value), "text/plain"
    else:
        said, kind = captured(value), "application/json"
    span.set_attribute(f"{side}.value", said)
    span.set_attribute(f"{side}.mime_type", kind)
