"""Budgets over recorded calls, in the order in which they began: which would be refused, and when. Pure.

A call is refused when what is left of a budget is less than the call needs: its reservation where one is on
record, at least its cost. What was refused spends nothing. Calls in flight at one time are taken one after
the other, and another target is never tried in place of a refusal. Read next: `releases.whatif`.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec

from headgate.meters.model import Budget, Subject
from headgate.meters.scope import counts
from headgate.meters.windows import Edges, edges

REFUSED_SHOWN = 20
METERS_SHOWN = 100

Meter = tuple[str, str, int]
"""A budget's id, the subject that it counts apart, and where its window starts (Unix milliseconds)."""


class Charge(NamedTuple):
    """One call as budgets see it: what it needs free and what it then costs, in pico-USD."""

    call: str
    started_ms: int
    subject: Subject
    needs_pico_usd: int
    costs_pico_usd: int


class MeterState(msgspec.Struct, kw_only=True):
    """What a budget's window has come to."""

    budget: Budget
    subject: str
    window: Edges
    spent_pico_usd: int = 0
    refused: int = 0
    refused_pico_usd: int = 0
    first_refused_ms: int | None = None


class Replay:
    """Charges calls to budgets, one after the other. At most `meters_max` meters are kept apart."""

    def __init__(self, budgets: Sequence[Budget], *, meters_max: int = 100_000) -> None:
        self.budgets = budgets
        self.meters: dict[Meter, MeterState] = {}
        self.refused = 0
        self.refused_calls: list[str] = []
        self._meters_max = meters_max
        self._edges: dict[tuple[str, str], Edges] = {}

    def seed(self, begin_ms: int, subject: Subject, pico_usd: int, budgets: Collection[str]) -> None:
        """Count what was spent before the period in the windows of these budgets that hold its beginning."""
        for meter in self._meters_for(subject, begin_ms):
            if meter.budget.id in budgets:
                meter.spent_pico_usd += pico_usd

    def take(self, charge: Charge) -> bool:
        """Charge a call to all budgets that count it; say whether they let it through."""
        meters = list(self._meters_for(charge.subject, charge.started_ms))
        short = [
            each for each in meters
            if each.spent_pico_usd + charge.needs_pico_usd > each.budget.limit_pico_usd
        ]  # fmt: skip
        for meter in short:
            meter.refused += 1
            meter.refused_pico_usd += charge.costs_pico_usd
            if meter.first_refused_ms is None:
                meter.first_refused_ms = charge.started_ms
        if short:
            self.refused += 1
            if len(self.refused_calls) < REFUSED_SHOWN:
                self.refused_calls.append(charge.call)
            return False
        for meter in meters:
            meter.spent_pico_usd += charge.costs_pico_usd
        return True

    def shown(self) -> list[MeterState]:
        """Return the meters that count most, those that refused first, at most 100."""
        ordered = sorted(
            self.meters.values(),
            key=lambda each: (-each.refused, -each.spent_pico_usd, each.budget.name, each.subject),
        )
        return ordered[:METERS_SHOWN]

    def _meters_for(self, subject: Subject, instant_ms: int) -> Iterable[MeterState]:
        for budget in self.budgets:
            for counted in counts(budget, subject):
                window = self._window(budget, instant_ms)
                place = (budget.id, counted, window.starts_ms)
                meter = self.meters.get(place)
                if meter is None:
                    if len(self.meters) >= self._meters_max:
                        continue
                    meter = self.meters[place] = MeterState(budget=budget, subject=counted, window=window)
                yield meter

    def _window(self, budget: Budget, instant_ms: int) -> Edges:
        known = self._edges.get((budget.window, budget.timezone))
        if known is None or not known.holds(instant_ms):
            known = edges(budget.window, budget.timezone, instant_ms)
            self._edges[budget.window, budget.timezone] = known
        return known
