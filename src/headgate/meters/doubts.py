"""Meters of which this process may hold more than it knows, since the answer to a grant was lost. Pure.

Nothing is guessed of what was granted, nor in which window: clocks are set, and hosts' time zones differ. The
database is asked what it has on record for this boot, until what was asked can't reach it any more.
Read next: `meters.returns`, which asks; `held_leases` in `store/migrations/0045_held_leases.sql`.
"""

from collections.abc import Iterable

from headgate.meters.scope import Meter

DOUBTS_MAX = 4096
"""Beyond so many the oldest is given up: its money comes back when this boot's journal is closed."""
AGAIN_MS = 1000
LATE_MS = 20_000
"""So long after its answer was lost, no grant is made any more: the connection that it went by is closed."""


class Doubts:
    """The meters in doubt, and when each is to be asked after."""

    def __init__(self) -> None:
        self._since_ms: dict[Meter, int] = {}
        self._due_ms: dict[Meter, int] = {}

    def __len__(self) -> int:
        return len(self._due_ms)

    def note(self, meters: Iterable[Meter], now_ms: int) -> None:
        """Note that the database may have granted something of each, or may yet do so."""
        for meter in meters:
            self._since_ms[meter] = self._due_ms[meter] = now_ms
        while len(self._due_ms) > DOUBTS_MAX:
            self._drop(next(iter(self._due_ms)))

    def due(self, now_ms: int, most: int) -> list[Meter]:
        """The meters to ask after now; each once a second."""
        found = [meter for meter, due_ms in self._due_ms.items() if due_ms <= now_ms][:most]
        for meter in found:
            self._due_ms[meter] = now_ms + AGAIN_MS
        return found

    def learned(self, meters: Iterable[Meter], asked_ms: int) -> None:
        """The database has said what is on record of them; it was asked at `asked_ms`."""
        for meter in meters:
            since_ms = self._since_ms.get(meter)
            if since_ms is not None and asked_ms >= since_ms + LATE_MS:
                self._drop(meter)

    def _drop(self, meter: Meter) -> None:
        del self._since_ms[meter]
        del self._due_ms[meter]
