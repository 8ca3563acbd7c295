"""One span of OTLP as a `RawSpan`. Pure.

What can't be named (no trace id, no span id) is refused; everything else is kept as well as it can be, and a
flag says what was not as it must be. Read next: `traces.model`, `otlp.decoding`.
"""

from typing import Any, Final

import msgspec
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from headgate.traces.model import RawEvent, RawLink, RawSpan, Status
from headgate.traces.otlp.bounds import CLOCK_MS_OFF_MAX, EVENTS_MAX, LINKS_MAX
from headgate.traces.otlp.reasons import Wrong
from headgate.traces.otlp.values import CUT, Kept, attributes

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8

OWN_PARENT = "own_parent"
ENDS_BEFORE_START = "ends_before_start"
NO_TIME = "no_time"
CLOCK_OFF = "clock_off"

_STATUS: Final[dict[int, Status]] = {1: "ok", 2: "error"}
_KIND_MAX: Final = 5
new_message: Any = SpanMessage


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around a span: its resource and scope, and when it arrived (Unix milliseconds)."""

    resource: dict[str, Any] = {}
    scope: str = ""
    scope_version: str = ""
    received_ms: int = 0


class Read(msgspec.Struct, frozen=True):
    """A span, and flags of what was not as it must be."""

    span: RawSpan
    flags: tuple[str, ...]


def read_span(message: Any, source: Source, kept: Kept) -> Read:
    """Return a message as a span. Raises Wrong that names the field which makes that impossible."""
    flags: list[str] = []
    trace_id = identity(message.trace_id, TRACE_ID_BYTES, "trace_id")
    span_id = identity(message.span_id, SPAN_ID_BYTES, "span_id")
    start_ns, end_ns = _times(message, source.received_ms, flags)
    span = RawSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_parent(message.parent_span_id, span_id, flags),
        name=kept.name(message.name),
        kind=message.kind if 0 <= message.kind <= _KIND_MAX else 0,
        start_ns=start_ns,
        end_ns=end_ns,
        status=_STATUS.get(message.status.code, "unset"),
        status_message=kept.text(message.status.message, "status.message"),
        attributes=attributes(message.attributes, kept),
        events=_events(message.events, kept),
        links=_links(message.links, kept),
        resource=source.resource,
        scope=source.scope,
        scope_version=source.scope_version,
    )
    if kept.left_out:
        flags.append(CUT)
    return Read(span, tuple(flags))


def identity(value: bytes, length: int, field: str) -> bytes:
    """Return an id. Raises Wrong for one of another length, and for one of zeros."""
    if len(value) != length:
        raise Wrong(field, f"has {len(value)} bytes; it must have {length}")
    if not any(value):
        raise Wrong(field, "is all zeros; it must not be")
    return value


def _parent(value: bytes, span_id: bytes, flags: list[str]) -> bytes:
    if not value or not any(value):
        return b""
    if len(value) != SPAN_ID_BYTES:
        raise Wrong("parent_span_id", f"has {len(value)} bytes; it must have {SPAN_ID_BYTES}, or none")
    if value == span_id:
        flags.append(OWN_PARENT)
        return b""
    return value


def _times(message: Any, received_ms: int, flags: list[str]) -> tuple[int, int]:
    start_ns, end_ns = message.start_time_unix_nano, message.end_time_unix_nano
    if not start_ns:
        flags.append(NO_TIME)
        start_ns = end_ns or received_ms * 1_000_000
    if end_ns < start_ns:
        if end_ns:
            flags.append(ENDS_BEFORE_START)
        elif NO_TIME not in flags:
            flags.append(NO_TIME)
        end_ns = start_ns
    if abs(start_ns // 1_000_000 - received_ms) > CLOCK_MS_OFF_MAX:
        flags.append(CLOCK_OFF)
    return start_ns, end_ns


def _events(messages: Any, kept: Kept) -> list[RawEvent]:
    if len(messages) > EVENTS_MAX:
        kept.left_out.append(f"events: {len(messages) - EVENTS_MAX} beyond {EVENTS_MAX} were left out")
        messages = messages[:EVENTS_MAX]
    return [
        RawEvent(
            name=kept.name(event.name),
            at_ns=event.time_unix_nano,
            attributes=attributes(event.attributes, kept, "attributes of an event"),
        )
        for event in messages
    ]


def _links(messages: Any, kept: Kept) -> list[RawLink]:
    links: list[RawLink] = []
    for link in messages:
        if len(link.trace_id) != TRACE_ID_BYTES or len(link.span_id) != SPAN_ID_BYTES:
            kept.left_out.append("links: one with ids of a wrong length was left out")
        elif len(links) == LINKS_MAX:
            kept.left_out.append(f"links: {len(messages) - LINKS_MAX} beyond {LINKS_MAX} were left out")
            break
        else:
            said = attributes(link.attributes, kept, "attributes of a link")
            links.append(RawLink(trace_id=link.trace_id, span_id=link.span_id, attributes=said))
    return links
