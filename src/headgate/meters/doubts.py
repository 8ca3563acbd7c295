"""Grants that the database may have made, and whose answer was lost. Pure.

A doubt is about one window: the database speaks of the window that it is in now, and its clock may have been
set meanwhile. So it ends when that very window has been answered for, not with the next answer, and is asked
after until then, whatever window this process takes for the present one: hosts' time zones may differ.
Read next: `meters.returns`, which asks; `meters.till`, which takes answers in.
"""

from collections.abc import Iterable, Sequence

from headgate.meters.asks import Ask, Want
from headgate.meters.leases import Answer
from headgate.meters.model import Budget
from headgate.meters.scope import Meter
from headgate.meters.windows import HOUR_MS, Edges

DOUBTS_MAX = 4096
"""Beyond so many the oldest is given up: its money comes back when this boot's journal is closed."""
AGAIN_MS = 1000
KEPT_MS = HOUR_MS
"""So long after its window, and after it came up, a doubt is given up in the same way; by then no clock is
set back into it, and this host has heard from the database what time it is."""


class _Doubt:
    __slots__ = ("budget", "due_ms", "since_ms")

    def __init__(self, budget: Budget, since_ms: int) -> None:
        self.budget = budget
        self.since_ms = since_ms
        self.due_ms = 0


class Doubts:
    """The windows of which this process may hold more than it knows."""

    def __init__(self) -> None:
        self._windows: dict[tuple[Meter, Edges], _Doubt] = {}

    def __len__(self) -> int:
        return len(self._windows)

    def note(self, wants: Sequence[Want], asks: Iterable[Ask], now_ms: int) -> None:
        """Note that the database may have granted what was asked for on behalf of these wants."""
        budgets = {want.meter: want.budget for want in wants}
        for ask in asks:
            meter = Meter(ask.budget, ask.subject)
            self._windows[meter, Edges(ask.starts_ms, ask.ends_ms)] = _Doubt(budgets[meter], now_ms)
        while len(self._windows) > DOUBTS_MAX:
            del self._windows[next(iter(self._windows))]

    def settle(self, answers: Iterable[tuple[Meter, Answer]]) -> None:
        """Take in for which windows the database has answered.

        Its edges may differ from those asked, where time zones do: what of a doubt lies outside stays.
        """
        if not self._windows:
            return
        for meter, answer in answers:
            edges = answer.edges
            known = [
                (one, window)
                for one, window in self._windows
                if one == meter and window.starts_ms < edges.ends_ms and edges.starts_ms < window.ends_ms
            ]
            for key in known:
                doubt, window = self._windows.pop(key), key[1]
                if window.starts_ms < edges.starts_ms:
                    self._windows[meter, Edges(window.starts_ms, edges.starts_ms)] = doubt
                if edges.ends_ms < window.ends_ms:
                    self._windows[meter, Edges(edges.ends_ms, window.ends_ms)] = doubt

    def wants(self, now_ms: int, wall_ms: int, most: int) -> list[Want]:
        """What to ask for now, nothing of each meter, to learn what is on record; each once a second."""
        given_up = [
            key
            for key, doubt in self._windows.items()
            if wall_ms >= key[1].ends_ms + KEPT_MS and now_ms >= doubt.since_ms + KEPT_MS
        ]
        for key in given_up:
            del self._windows[key]
        found: dict[Meter, Want] = {}
        for (meter, _), doubt in self._windows.items():
            if doubt.due_ms <= now_ms and len(found) < most:
                found[meter] = Want(doubt.budget, meter, 0)
                doubt.due_ms = now_ms + AGAIN_MS
        return list(found.values())
