"""How much one side of HTTP may hold, and for how long. Plain values, and what follows from them alone."""

from collections.abc import Callable
from typing import Final

import msgspec

WRITE_AT_ONCE_BYTES_MAX: Final = 64 * 1024
"""Up to here head and body leave in one write; above it the body is written piece by piece."""

_FRAMING_BYTES_PER_BYTE: Final = 8
_FRAMING_BYTES_MAX: Final = 64 * 1024
"""A chunk of one byte takes six on the wire. What takes more is padding: chunk extensions, trailers."""


class ClientLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a client pool. Connections are counted while they open, serve and idle."""

    connections_per_origin_max: int = 1024
    connections_max: int = 8192
    idle_s: float = 30.0
    header_bytes_max: int = 64 * 1024
    header_fields_max: int = 256
    unread_bytes_max: int = 256 * 1024
    stale_retry_s: float = 1.0
    """A reused connection that dies later than this after the request left was no stale one: the provider
    may have worked on the request, which is then not sent again."""


class ServerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a server towards its clients."""

    connections_max: int = 8192
    header_bytes_max: int = 32 * 1024
    header_fields_max: int = 200
    target_bytes_max: int = 16 * 1024
    head_s: float = 60.0
    """From a head's first bytes to its end, however slowly they come."""
    keep_alive_s: float = 75.0
    stalled_request_s: float = 60.0
    """A client that has begun a request and sends nothing for so long is cut off."""
    unread_answer_s: float = 30.0
    """A client that does not read its answer for so long has hung up."""
    discarded_body_bytes_max: int = 4 * 1024 * 1024
    """So much of a refused body is still read, so that the client sees the refusal instead of a reset."""
    linger_s: float = 10.0


LimitsGiven = ServerLimits | Callable[[], ServerLimits] | None
"""Limits as a server is given them: fixed, asked for again and again, or the usual ones."""


def limits_source(given: LimitsGiven) -> Callable[[], ServerLimits]:
    """Return where to ask for the limits that hold now."""
    if callable(given):
        return given
    fixed = given or ServerLimits()
    return lambda: fixed


def is_padding(message_bytes: int, body_bytes: int) -> bool:
    """Say whether what a body took on the wire is far more than any honest framing of it takes."""
    return message_bytes > _FRAMING_BYTES_PER_BYTE * body_bytes + _FRAMING_BYTES_MAX
