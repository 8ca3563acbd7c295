"""Clocks: the system's, and one whose wall time is the database's.

Ids carry a time from which partitions are found, so all processes have to agree on it. Read next:
`core.identity`.
"""

import time

from headgate.store.database import Connection


class SystemClock:
    """This machine's own clocks."""

    __slots__ = ()

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class DatabaseClock:
    """The database's wall clock, carried on by this machine's monotonic one; the system's until synchronised.

    A step of this machine's wall clock does not show.
    """

    __slots__ = ("_offset_s", "synchronised")

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()
        self.synchronised = False

    def now_ms(self) -> int:
        """Unix time in milliseconds, as the database would say."""
        return int((time.monotonic() + self._offset_s) * 1000)

    monotonic = staticmethod(time.monotonic)
    """Seconds that never go back."""

    async def synchronise(self, connection: Connection) -> float:
        """Ask the database for its time; return by how many seconds this clock was moved.

        The error is at most half the round trip.
        """
        before = time.monotonic()
        cursor = await connection.execute("select extract(epoch from clock_timestamp())::float8")
        row = await cursor.fetchone()
        after = time.monotonic()
        if row is None:
            return 0.0
        offset_s = float(row[0]) - (before + after) / 2
        moved_s = offset_s - self._offset_s
        self._offset_s = offset_s
        self.synchronised = True
        return moved_s
