"""Identifiers: UUIDv7 (RFC 9562, section 5.7) made from a clock that is passed in.

Never reads a clock of its own: partitions are found from an id's time, which has to be the database's.
"""

import hashlib
import os
import uuid

from headgate.core.ports import Clock

UNIX_MS_MAX = (1 << 48) - 1
RANDOM_BITS = (1 << 62) - 1
RANDOM_BYTES_AHEAD = 4000


class IdentitySource:
    """Makes UUIDv7s that grow within this process, even within one millisecond."""

    __slots__ = ("_clock", "_counter", "_last_ms", "_random", "_used")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_ms = 0
        self._counter = 0
        self._random = b""
        self._used = 0

    def next(self) -> uuid.UUID:
        """Return the next id; ids of one source sort by the time of their making."""
        return uuid.UUID(bytes=self.next_bytes(self._clock.now_ms()))

    def next_bytes(self, now_ms: int) -> bytes:
        """Return the next id as its 16 bytes, made at a time that the caller has just read."""
        used = self._used
        if used >= len(self._random):
            # Asked for in advance: a call to the operating system costs more than an id.
            self._random = os.urandom(RANDOM_BYTES_AHEAD)
            used = 0
        self._used = used + 10
        bits = int.from_bytes(self._random[used : used + 10], "big")
        if now_ms > self._last_ms:
            self._last_ms = now_ms
            self._counter = bits >> 69
        else:
            self._counter += 1
            if self._counter > 0xFFF:
                self._last_ms += 1
                self._counter = 0
        whole = (self._last_ms & UNIX_MS_MAX) << 80 | 0x7 << 76 | self._counter << 64 | 0b10 << 62
        return (whole | bits & RANDOM_BITS).to_bytes(16, "big")


def text_of(identity: bytes) -> str:
    """Return an id as people and clients see it: 36 characters."""
    digits = identity.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def time_ms_of(identity: uuid.UUID) -> int:
    """Return the Unix time in milliseconds that a UUIDv7 carries."""
    return identity.int >> 80


def span_number(span_id: bytes) -> int:
    """Return a span's id as the database keeps it: a signed 64-bit number."""
    return int.from_bytes(span_id, "big", signed=True)


def span_bytes(number: int) -> bytes:
    """Return a span's id as it was before `span_number`: 8 bytes."""
    return number.to_bytes(8, "big", signed=True)


def span_text(number: int) -> str:
    """Return a span's id as people see it: 16 hex digits."""
    return (number & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "big").hex()


def trace_id_of(business_id: str) -> bytes:
    """Return the 16 bytes of the trace that goes by an id of the application's own, such as an order's.

    The first half of the SHA-256 of `headgate:` and the id, so that whoever knows the one knows the other.
    """
    return hashlib.sha256(f"headgate:{business_id}".encode()).digest()[:16]
