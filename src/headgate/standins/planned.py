"""An answer as it is planned before a byte of it is sent: status, headers, and the pieces in order.

Pure. Made by the `answers_*` modules, sent in its own time by `standins.paced`.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from headgate.core.call import Usage
from headgate.core.ports import Headers

_ENCODER = msgspec.json.Encoder()

NO_USAGE = Usage()


class Piece(msgspec.Struct, frozen=True):
    """Bytes that go out together, and how many output tokens they hold: what a pace is kept by."""

    data: bytes
    tokens: int = 0


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer. `usage` is what it is billed with once it has been sent; `stream` says that it may
    be cut between its pieces."""

    status: int = 200
    headers: Headers
    pieces: tuple[Piece, ...]
    usage: Usage = NO_USAGE
    stream: bool = False
    model: str = ""


def encode(value: Any) -> bytes:
    """Write a value as JSON, its keys in their order."""
    return _ENCODER.encode(value)


def whole(value: Any, *, status: int = 200, usage: Usage = NO_USAGE, model: str = "") -> Planned:
    """Plan an answer of one JSON value."""
    return raw(encode(value), b"application/json", status=status, usage=usage, model=model)


def raw(
    body: bytes, content_type: bytes, *, status: int = 200, usage: Usage = NO_USAGE, model: str = ""
) -> Planned:
    """Plan an answer of these bytes."""
    return Planned(
        status=status,
        headers=[(b"content-type", content_type), (b"content-length", str(len(body)).encode())],
        pieces=(Piece(body, usage.total_output),),
        usage=usage,
        model=model,
    )


def events(
    pieces: Iterable[Piece], *, usage: Usage, model: str, content_type: bytes = b"text/event-stream"
) -> Planned:
    """Plan a stream of events."""
    return Planned(
        headers=[(b"content-type", content_type), (b"cache-control", b"no-cache")],
        pieces=tuple(pieces),
        usage=usage,
        stream=True,
        model=model,
    )


def data_event(value: Any, tokens: int = 0) -> Piece:
    """Write a server-sent event that has data only."""
    return Piece(b"data: " + encode(value) + b"\n\n", tokens)


def named_event(name: str, value: Any, tokens: int = 0) -> Piece:
    """Write a server-sent event with its name."""
    return Piece(b"event: " + name.encode() + b"\ndata: " + encode(value) + b"\n\n", tokens)
