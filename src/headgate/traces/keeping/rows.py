"""From a span to its row, as the wire of COPY has it: cleaned, bounded, in the database's units. Pure.

Values are made ready for binary COPY here, since the driver would take several times as long for dates,
times and arrays: a time is the number of microseconds since 2000, a uuid its 16 bytes, an array its bytes.
Read next: `keeping.sink`.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from headgate.core.call import Usage
from headgate.core.money import PICO_PER_USD
from headgate.records.rows import clean, instant, name
from headgate.traces.model import Span, SpanBatch, span_number

MESSAGE_CHARACTERS_MAX: Final = 8192
NAMES_MAX: Final = 100
"""How many tags, reasons or flags of one span are kept."""

YEAR_2000_US: Final = 946_684_800_000_000
YEAR_2000: Final = date(2000, 1, 1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_US: Final = 253_370_764_800_000_000
"""The year 9999, about: beyond it lies no time that Python knows."""
BIGINT_MAX: Final = 2**63 - 1

_TEXT_OID: Final = 25
_LENGTH: Final = struct.Struct(">i")
_ARRAY: Final = struct.Struct(">iiiii")
_EMPTY_ARRAY: Final = struct.pack(">iii", 0, 0, _TEXT_OID)
_JSONB: Final = b"\x01"

COLUMN_TYPES: Final = (
    *("int4", "text", "bytea", "int8", "int8", "text", "text", "text", "text", "int8", "int8", "text"),
    *("text", "text", "text", "text", "text", "text", "text", "text", "text", "bytea", "text", "text"),
    *("text", "text", "text", "bytea", "numeric", "text", "float8", "bytea", "bytea", "text", "text"),
    *("text", "text", "text", "text"),
)
"""The types that values are sent as, in the order of `copy_spans`; each has the bytes of the column's own."""


class SpanPlace(NamedTuple):
    """Where a span is, or would be if it came on that day."""

    project: str
    trace_id: bytes
    number: int
    day: date


class KeptSpan(msgspec.Struct, frozen=True):
    """A span that is to be written: where it belongs, and itself."""

    project: str
    trace_id: bytes
    number: int
    day: date
    key: str
    span: Span

    @property
    def identity(self) -> tuple[str, bytes, int]:
        """What tells it from all others."""
        return self.project, self.trace_id, self.number

    @property
    def place(self) -> SpanPlace:
        """Where it is."""
        return SpanPlace(self.project, self.trace_id, self.number, self.day)


def kept_spans(batch: SpanBatch) -> list[KeptSpan]:
    """Return the spans of a batch. Raises ValueError for ids of another length than 16 and 8 bytes."""
    project, key, day = name(batch.project), name(batch.key), instant(batch.received_ms).date()
    found: list[KeptSpan] = []
    for span in batch.spans:
        if len(span.trace_id) != 16 or len(span.span_id) != 8:
            raise ValueError(f"{span.trace_id.hex()}/{span.span_id.hex()} are no ids of 16 and 8 bytes")
        found.append(KeptSpan(project, span.trace_id, span_number(span.span_id), day, key, span))
    return found


def started_us(span: Span) -> int:
    """Return when a span began, in Unix microseconds, within the years that are known."""
    return min(max(0, span.start_ns // 1000), LATEST_US)


def duration_us(span: Span) -> int:
    """Return how long it took; 0 where it ended before it began."""
    return min(max(0, (span.end_ns - span.start_ns) // 1000), LATEST_US)


def span_row(kept: KeptSpan) -> tuple[Any, ...]:
    """Return the values of `copy_spans`, as COLUMN_TYPES."""
    span = kept.span
    return (
        *((kept.day - YEAR_2000).days, kept.project, kept.trace_id, kept.number),
        *(span_number(span.parent_id) if len(span.parent_id) == 8 else None, kept.key),
        *(_name(span.name), span.kind, _name(span.operation)),
        *(started_us(span) - YEAR_2000_US, duration_us(span)),
        *(span.status, clean(span.status_message[:MESSAGE_CHARACTERS_MAX])),
        *(_name(span.provider), _name(span.model), _name(span.request_model), _name(span.response_id)),
        *(_name(span.agent), _name(span.tool), _name(span.user), _name(span.session), _names(span.tags)),
        *(_name(span.release), _name(span.environment), _name(span.service), _name(span.prompt)),
        *(_name(span.prompt_version), _usage(span.usage), usd(span.cost_pico_usd), span.cost_source),
        *(span.first_token_ms, _names(span.finish_reasons), _names(span.flags), _name(span.convention)),
        *(clean(span.input), clean(span.output), clean(span.system), _details(span), clean(span.attributes)),
    )


def has_text(span: Span) -> bool:
    """Say whether there is anything in it that could be searched for."""
    return bool(span.input or span.output or span.system or span.documents or span.status_message)


def _name(text: str) -> str:
    """Return a name as `records.rows` does; most of them are empty."""
    return name(text) if text else ""


def _names(values: Sequence[str]) -> bytes:
    """Return an array of text as PostgreSQL sends it (array_send)."""
    if not values:
        return _EMPTY_ARRAY
    pieces = [_ARRAY.pack(1, 0, _TEXT_OID, len(values[:NAMES_MAX]), 1)]
    for value in values[:NAMES_MAX]:
        data = name(value).encode()
        pieces += (_LENGTH.pack(len(data)), data)
    return b"".join(pieces)


def usage_json(usage: Usage | None) -> bytes | None:
    """Return a usage as JSON."""
    if usage is None:
        return None
    if usage.units:
        units = {name(unit): count for unit, count in list(usage.units.items())[:NAMES_MAX]}
        usage = msgspec.structs.replace(usage, units=units)
    return msgspec.json.encode(usage)


def _usage(usage: Usage | None) -> bytes | None:
    text = usage_json(usage)
    return None if text is None else _JSONB + text


def usd(pico_usd: int | None) -> Decimal | None:
    """Return an amount in the database's unit."""
    return None if pico_usd is None else Decimal(pico_usd) / PICO_PER_USD


_JSON_DETAILS: Final = ("usage_raw", "tools", "parameters", "documents", "events", "links", "resource")
_SYNTAX: Final = msgspec.json.Decoder(msgspec.Raw)


def _details(span: Span) -> str:
    """Return what is shown with one span alone, as one object; parts that it lacks are left out."""
    parts: dict[str, msgspec.Raw | str] = {}
    for field in _JSON_DETAILS:
        text: str = getattr(span, field)
        if text:
            parts[field] = detail_json(text)
    if span.scope:
        parts["scope"] = clean(span.scope)
    return msgspec.json.encode(parts).decode()


def detail_json(text: str) -> msgspec.Raw | str:
    """Return JSON as it is; what is none, as text."""
    data = text.encode()
    try:
        _SYNTAX.decode(data)
    except msgspec.DecodeError:
        return clean(text)
    return msgspec.Raw(data)


def moment(unix_us: int) -> datetime:
    """Return a point in time."""
    return _EPOCH + timedelta(microseconds=unix_us)
