"""What an exporter is answered, in the form that it asked in (opentelemetry.io/docs/specs/otlp, OTLP/HTTP).

Read next: `otlp.http`.
"""

from typing import Any, Final, Literal

import msgspec

from headgate.traces.otlp.decoding import Form
from headgate.traces.otlp.reasons import Reasons

Signal = Literal["spans", "logs", "metrics"]

MEDIA_TYPES: Final[dict[Form, str]] = {"protobuf": "application/x-protobuf", "json": "application/json"}

_REJECTED: Final[dict[Signal, str]] = {
    "spans": "rejectedSpans",
    "logs": "rejectedLogRecords",
    "metrics": "rejectedDataPoints",
}
_CODES: Final = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 8, 415: 3, 429: 8, 503: 14}
"""Codes of google.rpc.Code for statuses of HTTP."""
_UNKNOWN: Final = 2


def success(signal: Signal, form: Form, reasons: Reasons) -> bytes:
    """Return a response: empty where all was taken, else with what was not, and why."""
    said = reasons.text()
    if form == "json":
        if not said:
            return b"{}"
        partial: dict[str, Any] = {"errorMessage": said}
        if reasons.rejected:
            # 64-bit numbers are text in the JSON of protobuf.
            partial = {_REJECTED[signal]: str(reasons.rejected), **partial}
        return msgspec.json.encode({"partialSuccess": partial})
    if not said:
        return b""
    return _bytes_field(1, _number_field(1, reasons.rejected) + _bytes_field(2, said.encode()))


def failure(form: Form, status: int, message: str) -> bytes:
    """Return a google.rpc.Status."""
    code = _CODES.get(status, _UNKNOWN if status < 500 else 13)
    if form == "json":
        return msgspec.json.encode({"code": code, "message": message})
    return _number_field(1, code) + _bytes_field(2, message.encode())


def form_of(content_type: str) -> Form | None:
    """Return the form that a content type names; None for another one."""
    name = content_type.partition(";")[0].strip().lower()
    return next((form for form, media_type in MEDIA_TYPES.items() if media_type == name), None)


def _number_field(number: int, value: int) -> bytes:
    return bytes([number << 3]) + _varint(value) if value else b""


def _bytes_field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
