"""A request of an exporter to entries of the journal. Pure: no loop, no clock, nothing outside.

What can't be taken is refused by itself, in words; the rest is kept. Read next: `otlp.wire`, `otlp.spans`,
`conventions.resolve`, `otlp.receiving`.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from headgate.access.model import Key
from headgate.traces.conventions.priced import priced
from headgate.traces.conventions.resolve import resolve
from headgate.traces.model import Span
from headgate.traces.otlp import json_form, wire
from headgate.traces.otlp.bounds import (
    BATCH_BYTES_MAX,
    ITEM_BYTES_MAX,
    ITEMS_MAX,
    SPAN_BYTES_MAX,
)
from headgate.traces.otlp.owning import Owner
from headgate.traces.otlp.reasons import Reasons, Wrong
from headgate.traces.otlp.spans import Source, new_message, read_span
from headgate.traces.otlp.values import Kept, attributes
from headgate.traces.otlp.withholding import without_content

Form = Literal["protobuf", "json"]
Item = bytes | msgspec.Raw

_ENCODE: Final = msgspec.msgpack.Encoder().encode
_new_resource: Any = Resource
_new_scope: Any = InstrumentationScope


class Decoded(msgspec.Struct, frozen=True):
    """Entries for the journal, and what is said of the rest."""

    entries: list[bytes]
    reasons: Reasons


def decode_spans(data: bytes, form: Form, key: Key, received_ms: int) -> Decoded:
    """Return the spans of a request as `SpanBatch`es, in the key's record mode. Raises Malformed."""
    reasons = Reasons("spans")
    reader = _SpanReader(Owner(key, reasons), reasons, with_content=key.record != "metadata")
    entries = batches(reader.read(items(data, form, reasons, received_ms), form), key, received_ms)
    return Decoded(list(entries), reasons)


def items(data: bytes, form: Form, reasons: Reasons, received_ms: int) -> Iterator[tuple[Source, Item]]:
    """Return what a request of any signal holds, with what stands around each. Raises Malformed."""
    found = wire.groups(data) if form == "protobuf" else json_form.groups(data)
    count, resource_text, resource = 0, b"", dict[str, Any]()
    for group in found:
        room = ITEMS_MAX - count
        if len(group.items) > room:
            reasons.reject("the last", f"more than {ITEMS_MAX} in one request", len(group.items) - room)
        if group.resource != resource_text:
            resource_text, resource = group.resource, _resource(group.resource, form, reasons)
        source = _source(group.scope, resource, form, reasons, received_ms)
        for item in group.items[:room]:
            yield source, item
        count += min(room, len(group.items))


def parse(message: Any, item: Item, form: Form) -> Any:
    """Read one message. Raises Wrong."""
    if form == "json":
        json_form.fill(message, item)
        return message
    try:
        message.ParseFromString(item)
    except DecodeError:
        raise Wrong("the message", "is none of its type: a field is broken, or a text is no UTF-8") from None
    return message


def batches(encoded: Iterator[bytes], key: Key, received_ms: int) -> Iterator[bytes]:
    """Put encoded entries together as batches `(project, key, received_ms, entries)`, each not too long."""
    pieces: list[msgspec.Raw] = []
    length = 0
    for piece in encoded:
        if pieces and length + len(piece) > BATCH_BYTES_MAX:
            yield _ENCODE((key.project, key.id, received_ms, pieces))
            pieces, length = [], 0
        pieces.append(msgspec.Raw(piece))
        length += len(piece)
    if pieces:
        yield _ENCODE((key.project, key.id, received_ms, pieces))


class _SpanReader:
    """Reads the spans of one request, one at a time."""

    def __init__(self, owner: Owner, reasons: Reasons, *, with_content: bool) -> None:
        self._owner = owner
        self._with_content = with_content
        self._reasons = reasons

    def read(self, found: Iterator[tuple[Source, Item]], form: Form) -> Iterator[bytes]:
        """Return encoded spans."""
        for number, (source, item) in enumerate(found):
            message = new_message()
            try:
                check_length(item)
                parse(message, item, form)
                yield self._kept(message, source)
            except Wrong as wrong:
                self._reasons.reject(span_label(message, number), str(wrong))

    def _kept(self, message: Any, source: Source) -> bytes:
        kept = Kept()
        encoded = _ENCODE(self._span(message, source, kept))
        if len(encoded) > SPAN_BYTES_MAX:
            # What is read as JSON, or said twice, may grow when it is written: once more, within less.
            kept = Kept(is_small=True)
            encoded = _ENCODE(self._span(message, source, kept))
            if len(encoded) > SPAN_BYTES_MAX:
                raise Wrong("the span", f"takes {len(encoded)} bytes even when its values are cut")
        if kept.left_out:
            more = f" and {len(kept.left_out) - 1} more" if len(kept.left_out) > 1 else ""
            self._reasons.mention(span_label(message, 0), kept.left_out[0] + more)
        return encoded

    def _span(self, message: Any, source: Source, kept: Kept) -> Span:
        found = read_span(message, source, kept)
        span = priced(resolve(found.span))
        flags = tuple(dict.fromkeys((*span.flags, *found.flags)))
        span = msgspec.structs.replace(span, flags=flags, **self._owner.own(span))
        return span if self._with_content else without_content(span)


def check_length(item: Item) -> None:
    """Raise Wrong for an item that is too long to be read."""
    length = memoryview(item).nbytes
    if length > ITEM_BYTES_MAX:
        raise Wrong("the message", f"has {length} bytes; at most {ITEM_BYTES_MAX} are read")


def span_label(message: Any, number: int) -> str:
    """Return how a span is called where something is said of it."""
    identity = message.span_id.hex()[:16]
    name = f" {message.name[:60]!r}" if message.name else ""
    return f"span{name} {identity or f'number {number + 1}'}"


def _resource(text: bytes, form: Form, reasons: Reasons) -> dict[str, Any]:
    if not text:
        return {}
    kept = Kept()
    try:
        check_length(text)
        found = attributes(parse(_new_resource(), text, form).attributes, kept, "attributes of the resource")
    except Wrong as wrong:
        reasons.mention("resource", f"left out: {wrong}")
        return {}
    if kept.left_out:
        reasons.mention("resource", kept.left_out[0])
    return found


def _source(text: bytes, resource: dict[str, Any], form: Form, reasons: Reasons, received_ms: int) -> Source:
    scope = _new_scope()
    try:
        check_length(text)
        if text:
            parse(scope, text, form)
    except Wrong as wrong:
        reasons.mention("scope", f"left out: {wrong}")
        scope = _new_scope()
    kept = Kept(is_small=True)
    return Source(
        resource=resource,
        scope=kept.name(scope.name),
        scope_version=kept.name(scope.version),
        received_ms=received_ms,
    )


Decode = Callable[[bytes, Form, Key, int], Decoded]
"""What reads the requests of one signal."""
