"""One request to a collector, and what its answer means, by the specification of OTLP over HTTP.

Everything leaves through the egress port, which holds it against the label. Read next: `traces.sending.job`.
"""

import asyncio
import zlib
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from headgate.core.faults import Fault
from headgate.core.labels import Label
from headgate.core.ports import Egress, Headers, Outgoing, Timeouts
from headgate.core.secret import Secret
from headgate.traces.sending.model import Exporter, Signal
from headgate.traces.sending.protobuf import fields
from headgate.wire.answers import retry_after_s

TIMEOUTS: Final = Timeouts(connect_s=5.0, first_byte_s=20.0, idle_s=20.0, total_s=30.0)
ANSWER_BYTES_MAX: Final = 64 * 1024
SAID_CHARACTERS_MAX: Final = 300
REFUSES_DATA: Final = frozenset({400, 415, 422, 500, 501})
"""What says that this request is wrong and won't be taken another time."""
TOO_LARGE: Final = 413

Meaning = Literal["taken", "later", "refused", "too large"]
Secrets = Callable[[str], Secret]
"""Resolves `env:NAME` and `file:PATH`. Raises Misconfigured."""


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request. `rejected` counts what a collector refused of what it took."""

    meaning: Meaning
    said: str = ""
    rejected: int = 0
    wait_s: float | None = None


async def deliver(
    egress: Egress, secrets: Secrets, exporter: Exporter, signal: Signal, body: bytes, *, label: Label
) -> Answered:
    """Send one request; never raises for what a collector does."""
    try:
        packed = await asyncio.to_thread(_gzipped, body)
        headers = _headers(secrets, exporter)
        request = Outgoing(
            origin=exporter.origin,
            method="POST",
            target=f"{exporter.path}/v1/{signal}".encode("ascii", "replace"),
            headers=[*headers, (b"content-type", b"application/x-protobuf"), (b"content-encoding", b"gzip")],
            body=packed,
            content_length=len(packed),
            timeouts=TIMEOUTS,
        )
        answer = await egress.send(request, regions=exporter.regions, label=label)
        try:
            said = await answer.read(ANSWER_BYTES_MAX)
        finally:
            answer.close()
    except Fault as fault:
        return Answered(meaning="later", said=_short(fault.message))
    return _meaning(answer.status, answer.headers, said)


def _gzipped(body: bytes) -> bytes:
    packing = zlib.compressobj(level=5, wbits=31)
    return packing.compress(body) + packing.flush()


def _headers(secrets: Secrets, exporter: Exporter) -> Headers:
    own = [
        (name.encode("ascii"), secrets(place).reveal().encode()) for name, place in exporter.headers.items()
    ]
    return [(b"user-agent", b"headgate"), *own]


def _meaning(status: int, headers: Headers, said: bytes) -> Answered:
    if 200 <= status < 300:
        return _partial(said)
    words = f"it answered {status}"
    shown = _words(said)
    if shown:
        words += f": {shown}"
    if status == TOO_LARGE:
        return Answered(meaning="too large", said=words)
    if status in REFUSES_DATA:
        return Answered(meaning="refused", said=words)
    # 429, 502, 503 and 504 say so; an address or a credential that does not serve can be mended.
    return Answered(meaning="later", said=words, wait_s=retry_after_s(headers, b""))


def _partial(said: bytes) -> Answered:
    """Read `partial_success` of an export's answer: how many were refused, and why."""
    rejected, message = 0, ""
    try:
        for field, value in fields(said):
            if field != 1 or not isinstance(value, bytes):
                continue
            for inner, part in fields(value):
                if inner == 1 and isinstance(part, int):
                    rejected = part
                elif inner == 2 and isinstance(part, bytes):
                    message = part.decode("utf-8", "replace")
    except ValueError:
        return Answered(meaning="taken")  # an answer in JSON, or in words: it was taken all the same
    return Answered(meaning="taken", said=_short(message), rejected=rejected)


def _words(said: bytes) -> str:
    """What an error's `google.rpc.Status` says, or the text that it is."""
    try:
        for field, value in fields(said):
            if field == 2 and isinstance(value, bytes):
                return _short(value.decode("utf-8", "replace"))
    except ValueError:
        return _short(said.decode("utf-8", "replace"))
    return ""


def _short(text: str) -> str:
    return " ".join(text.split())[:SAID_CHARACTERS_MAX]
