"""Grants that the database may have made, and whose answer was lost. Pure.

A doubt is about one window: the database speaks of the window that it is in now, and its clock may have been
set meanwhile. So it ends when that very window has been answered for, and not with the next answer.
Read next: `meters.returns`, which asks; `meters.till`, which takes answers in.
"""

from collections.abc import Iterable, Sequence

from headgate.meters.asks import Ask, Want
from headgate.meters.leases import Answer
from headgate.meters.model import Budget
from headgate.meters.scope import Meter
from headgate.meters.windows import Edges

DOUBTS_MAX = 4096
"""Beyond so many the oldest is given up: its money comes back when this boot's journal is closed."""


class Doubts:
    """The windows of which this process may hold more than it knows."""

    def __init__(self) -> None:
        self._windows: dict[tuple[Meter, Edges], Budget] = {}

    def __len__(self) -> int:
        return len(self._windows)

    def note(self, wants: Sequence[Want], asks: Iterable[Ask]) -> None:
        """Note that the database may have granted what was asked for on behalf of these wants."""
        budgets = {want.meter: want.budget for want in wants}
        for ask in asks:
            meter = Meter(ask.budget, ask.subject)
            self._windows[meter, Edges(ask.starts_ms, ask.ends_ms)] = budgets[meter]
        while len(self._windows) > DOUBTS_MAX:
            del self._windows[next(iter(self._windows))]

    def settle(self, answers: Iterable[tuple[Meter, Answer]]) -> None:
        """Take in for which windows the database has answered; its edges may differ from those asked."""
        if not self._windows:
            return
        for meter, answer in answers:
            known = [
                (one, window)
                for one, window in self._windows
                if one == meter
                and window.starts_ms < answer.edges.ends_ms
                and answer.edges.starts_ms < window.ends_ms
            ]
            for key in known:
                del self._windows[key]

    def wants(self, wall_ms: int, most: int) -> list[Want]:
        """What to ask for, nothing of each, to learn what is on record of the windows that are now."""
        found = {
            meter: Want(budget, meter, 0)
            for (meter, window), budget in self._windows.items()
            if window.holds(wall_ms)
        }
        return list(found.values())[:most]
