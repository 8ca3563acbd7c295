"""Identifiers: UUIDv7 (RFC 9562, section 5.7) made from a clock that is passed in.

Never reads a clock of its own: partitions are found from an id's time, which has to be the database's.
"""

import os
import uuid

from headgate.core.ports import Clock

UNIX_MS_MAX = (1 << 48) - 1


class IdentitySource:
    """Makes UUIDv7s that grow within this process, even within one millisecond."""

    __slots__ = ("_clock", "_counter", "_last_ms")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_ms = 0
        self._counter = 0

    def next(self) -> uuid.UUID:
        """Return the next id; ids of one source sort by the time of their making."""
        now_ms = self._clock.now_ms()
        if now_ms > self._last_ms:
            self._last_ms = now_ms
            self._counter = int.from_bytes(os.urandom(2), "big") & 0x7FF
        else:
            self._counter += 1
            if self._counter > 0xFFF:
                self._last_ms += 1
                self._counter = 0
        random_bits = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
        time_bits = (self._last_ms & UNIX_MS_MAX) << 80
        return uuid.UUID(int=time_bits | 0x7 << 76 | self._counter << 64 | 0b10 << 62 | random_bits)


def time_ms_of(identity: uuid.UUID) -> int:
    """Return the Unix time in milliseconds that a UUIDv7 carries."""
    return identity.int >> 80
