"""Clocks: the system's, and one whose wall time is the database's, so that all processes date things alike."""

import time

from headgate.store.database import Connection


class SystemClock:
    """This machine's clocks."""

    __slots__ = ()

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class DatabaseClock:
    """The database's wall time as last heard, carried on by this machine's monotonic clock."""

    __slots__ = ("_base_ms",)

    def __init__(self) -> None:
        self._base_ms = time.time_ns() / 1_000_000 - time.monotonic() * 1000

    def now_ms(self) -> int:
        """Unix time in milliseconds, in step with the database."""
        return int(self._base_ms + time.monotonic() * 1000)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def synchronise(self, connection: Connection) -> None:
        """Take over the database's time; half the round trip counts as the way back."""
        sent_s = time.monotonic()
        cursor = await connection.execute("select extract(epoch from clock_timestamp()) * 1000")
        row = await cursor.fetchone()
        heard_s = time.monotonic()
        assert row is not None
        self._base_ms = float(row[0]) - (sent_s + heard_s) / 2 * 1000
