"""Units with calls that have no price: left out where arms have as many, else withheld."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from tests.unit.test_experiments_analysis import experiment, sums, traffic

from headgate.experiments.analysis import compare
from headgate.experiments.lacking import Came, Lacking, lacking_of, step_s, unequal_steps
from headgate.experiments.model import Metric
from headgate.statistics.model import Sample

DAYS = 20
UNITS_A_DAY = 60
COST = Metric(name="cost", measure="cost", better="lower")
OF = experiment(COST)
EXPERIMENTS = 400

Missing = Callable[[str, Sample], Sample]
"""The chance of a unit to lack a price, by its arm and the days on which units came."""


class Drawn:
    """An experiment's units: the day on which each came, what it cost, and whether that is known."""

    def __init__(self, rng: np.random.Generator, missing: Missing, lift: float = 0.0) -> None:
        self.days: dict[str, Sample] = {}
        self.costs: dict[str, Sample] = {}
        self.is_known: dict[str, Any] = {}
        for arm in ("now", "new"):
            days = np.sort(rng.integers(0, DAYS, DAYS * UNITS_A_DAY)).astype(np.float64)
            self.days[arm] = days
            self.costs[arm] = rng.exponential(1.0, len(days)) + lift * (arm == "new")
            self.is_known[arm] = rng.random(len(days)) >= missing(arm, days)

    def lacking(self) -> Lacking:
        came: dict[str, Came] = {
            arm: {
                day: (int((days == day).sum()), int(((days == day) & ~self.is_known[arm]).sum()))
                for day in range(DAYS)
            }
            for arm, days in self.days.items()
        }
        return lacking_of(OF, "price", came, 86400, {})

    def interval(self, lacking: Lacking) -> tuple[float, float]:
        out = [(begin.timestamp() / 86400, end.timestamp() / 86400) for begin, end in lacking.stretches]
        arms: dict[str, Any] = {}
        for arm, days in self.days.items():
            is_in = self.is_known[arm].copy()
            for begin, end in out:
                is_in &= ~((days >= begin) & (days < end))
            arms[arm] = sums(self.costs[arm][is_in])
        ((one,),) = [each.comparisons for each in compare(OF, {"cost": arms}, traffic())]
        assert one.low is not None and one.high is not None
        return one.low, one.high


def drawn(missing: Missing, lift: float = 0.0, count: int = EXPERIMENTS) -> list[tuple[Drawn, Lacking]]:
    rng = np.random.default_rng(20261123)
    made = [Drawn(rng, missing, lift) for _ in range(count)]
    return [(each, each.lacking()) for each in made]


def test_as_many_in_both_arms_are_left_out_and_intervals_hold_the_truth() -> None:
    found = drawn(lambda arm, days: np.full_like(days, 0.1), lift=0.2)
    flagged = sum(bool(lacking.unequal or lacking.stretches) for _, lacking in found)
    held = sum(low <= 0.2 <= high for low, high in (each.interval(told) for each, told in found))
    print(f"{held / len(found):.1%} hold the truth, {flagged / len(found):.1%} were flagged for nothing")
    assert held / len(found) >= 0.95
    assert flagged / len(found) <= 0.02


@pytest.mark.parametrize(("base", "share"), [(0.04, 0.12), (0.0, 0.04), (0.1, 0.4)])
def test_more_in_one_arm_all_along_are_flagged(base: float, share: float) -> None:
    found = drawn(lambda arm, days: np.full_like(days, share if arm == "new" else base))
    flagged = sum("new" in lacking.unequal for _, lacking in found)
    print(f"{flagged / len(found):.1%} of experiments with {share:.0%} and {base:.0%} are withheld")
    assert flagged / len(found) >= 0.98


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_costs_come_back_once_prices_are_known_again(share: float) -> None:
    """For four days nobody knew the new target's price: units of these days go, of both arms."""

    def missing(arm: str, days: Sample) -> Sample:
        return np.where((days >= 5) & (days < 9) & (arm == "new"), share, 0.0)

    found = drawn(missing, lift=0.2)
    assert not any(lacking.unequal for _, lacking in found)
    for _, lacking in found[:20]:
        ((begin, end),) = lacking.stretches
        assert begin <= datetime(1970, 1, 7, tzinfo=UTC) and end >= datetime(1970, 1, 9, tzinfo=UTC)
        assert (end - begin).days <= 10, "days that have nothing to tell may go with those that have"
    held = sum(low <= 0.2 <= high for low, high in (each.interval(told) for each, told in found))
    assert held / len(found) >= 0.95


def test_while_they_are_unknown_nothing_is_said() -> None:
    found = drawn(lambda arm, days: np.full_like(days, 1.0 if arm == "new" else 0.0), count=5)
    assert all(lacking.unequal == {"new"} for _, lacking in found)
    both = drawn(lambda arm, days: np.full_like(days, 1.0), count=5)
    assert all(lacking.unequal == {"new"} for _, lacking in both)


def test_an_arm_without_prices_leaves_the_others_as_they_are() -> None:
    of = experiment(COST, arms=("now", "new", "dear"))
    full: Came = dict.fromkeys(range(10), (50, 0))
    without: Came = dict.fromkeys(range(10), (50, 50))
    told = lacking_of(
        of, "price", {"now": full, "new": full, "dear": without}, 86400, {"dear": ("mock/dear",)}
    )
    assert (told.unequal, told.stretches) == ({"dear"}, ())
    told = lacking_of(of, "price", {"now": without, "new": full, "dear": full}, 86400, {})
    assert told.unequal == {"new", "dear"}


def test_a_few_units_are_no_difference_and_nobody_at_all_is_none() -> None:
    assert unequal_steps({0: (400, 0)}, {0: (400, 4)}) == set()
    assert unequal_steps({0: (400, 0)}, {0: (400, 20)}) == {0}
    assert unequal_steps({}, {0: (400, 400)}) == set()
    assert unequal_steps({}, {}) == set()


def test_steps_are_hours_at_first_and_longer_later() -> None:
    began = datetime(2026, 11, 1, tzinfo=UTC)
    assert step_s(began, datetime(2026, 11, 2, 8, tzinfo=UTC)) == 3600
    assert step_s(began, datetime(2026, 11, 2, 9, tzinfo=UTC)) == 7200
    assert step_s(began, datetime(2026, 11, 20, tzinfo=UTC)) == 16 * 3600
