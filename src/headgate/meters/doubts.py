"""Meters of which this process may hold more than it knows, since the answer to a grant was lost. Pure.

Nothing is guessed of what was granted, nor in which window: clocks are set, and hosts' time zones differ. The
database is asked what it has on record for this boot, until it has said so.
Read next: `meters.returns`, which asks; `held_leases` in `store/migrations/0045_held_leases.sql`.
"""

from collections.abc import Iterable

from headgate.meters.scope import Meter

DOUBTS_MAX = 4096
"""Beyond so many the oldest is given up: its money comes back when this boot's journal is closed."""
AGAIN_MS = 1000


class Doubts:
    """The meters in doubt, and when each is to be asked after."""

    def __init__(self) -> None:
        self._due_ms: dict[Meter, int] = {}

    def __len__(self) -> int:
        return len(self._due_ms)

    def note(self, meters: Iterable[Meter], now_ms: int) -> None:
        """Note that the database may have granted something of each."""
        for meter in meters:
            self._due_ms[meter] = now_ms
        while len(self._due_ms) > DOUBTS_MAX:
            del self._due_ms[next(iter(self._due_ms))]

    def due(self, now_ms: int, most: int) -> list[Meter]:
        """The meters to ask after now; each once a second."""
        found = [meter for meter, due_ms in self._due_ms.items() if due_ms <= now_ms][:most]
        for meter in found:
            self._due_ms[meter] = now_ms + AGAIN_MS
        return found

    def end(self, meters: Iterable[Meter]) -> None:
        """The database has said what is on record of them."""
        for meter in meters:
            self._due_ms.pop(meter, None)
