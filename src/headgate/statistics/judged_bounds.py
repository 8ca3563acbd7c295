"""What a judge says of cases of which just a share is right: bounds, from what people marked. Pure.

So a requirement on what is right becomes two on what the judge says: it is met once the judge's mean is shown
to be at least `high`, and not met once it is shown to be below `low` (`statistics.requirements`). A union
bound joins the two errors, so the verdict holds at every look at the cases, and though some of the marked
answers be among them. Read next: `checks.erring`.
"""

import math
from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from scipy.special import betaincinv

from headgate.core.faults import InvalidRequest
from headgate.statistics.model import Sample, check_alpha
from headgate.statistics.requirements import BETS

MARKS_PART: Final = 0.3
"""The part of the error that is left to what people marked.

So small that a requirement may be looked at again as marks come: at 50, 100, 200 and 400 of them, and however
many cases, it is decided wrongly in less than the whole error (`tests/unit/test_statistics_judged.py`).
"""
CHANCE_PART: Final = 0.25
"""The part that is left to the judge's own chance, where the requirement is on a known number of cases."""
FAILED_PART: Final = 0.1
"""The part of the former that goes to what failed answers would have been said to be."""
HALVINGS: Final = 40


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """How many answers that people call right, and wrong, the judge called right and wrong.

    Fractions are taken, too, to say what more marks would tell.
    """

    right_said_right: float
    right_said_wrong: float
    wrong_said_right: float
    wrong_said_wrong: float

    def __post_init__(self) -> None:
        """Raise InvalidRequest for counts that can't be."""
        for name in self.__struct_fields__:
            count = getattr(self, name)
            if not 0 <= count < math.inf:
                raise InvalidRequest(f"{name} is {count}; give a number of answers from 0 on")

    @property
    def marks(self) -> float:
        """How many answers people have marked."""
        return self.right_said_right + self.right_said_wrong + self.wrong_said_right + self.wrong_said_wrong


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Between which means of the judge's scores the requirement is not known.

    `for_cases` is the error that is left to the judge's scores. A failed answer is wrong without a judge: it
    counts as `-drop` where `high` is to be shown, and as `failed` where `low` is.
    """

    low: float
    high: float
    for_cases: float
    drop: float = 0.0
    failed: float = 1.0


def bounds_of_yes_and_no(
    share: float, people: Confusion, *, error: float = 0.05, cases: int | None = None
) -> Bounds:
    """Return the bounds where the judge says yes or no, by what it finds of the right and of the wrong.

    With sensitivity a and false alarms c the judge's mean is `share a + (1 - share) c`. That sum of two
    shares is bounded by the distances to the ends of their own intervals (Clopper and Pearson's). A judge
    not shown to be better than chance leaves open what its word means: the bounds then hold no share. About
    `cases` in all, the judge's chance on these is added. Source: Rogan, Gladen, American Journal of
    Epidemiology 107(1), 1978; Zou, Huang, Zhang, "A note on confidence interval estimation for a linear
    function of binomial proportions", Computational Statistics and Data Analysis 53(4), 2009; the judge's
    chance: Hoeffding, JASA 58, 1963, Theorem 1.
    """
    marks, chance, left = _parts(share, error, cases)
    right: Counts = (people.right_said_right, people.right_said_wrong)
    wrong: Counts = (people.wrong_said_right, people.wrong_said_wrong)
    if not sum(right) or not sum(wrong) or upper_of_sum((-1.0, right), (1.0, wrong), marks) >= 0:
        return Bounds(low=0.0, high=1.0, for_cases=left)
    high = upper_of_sum((share, right), (1 - share, wrong), marks)
    # The least that it calls right is the most that it calls wrong.
    low = upper_of_sum((share, turned(right)), (1 - share, turned(wrong)), (1 - FAILED_PART) * marks)
    noise = None if cases is None else (chance, cases)
    return Bounds(
        low=1 - _with_noise(low, noise),
        high=_with_noise(high, noise),
        for_cases=left,
        failed=upper_of_share(wrong, FAILED_PART * marks),
    )


def bounds_of_numbers(
    share: float,
    differences: Mapping[float, float],
    *,
    error: float = 0.05,
    cases: int | None = None,
) -> Bounds:
    """Return the bounds where the judge gives numbers, by how people's differ from them in the mean.

    `differences` counts what people said less what the judge said, from -1 to 1: the judge is taken to be off
    by as much here as there. The mean difference is bounded by a mixture of bets, which the order of the
    marks does not touch. About `cases` in all, their own chance is added. Source: Waudby-Smith, Ramdas, JRSS
    B 86(1), 2024, section 4; the cases' chance: Hoeffding, JASA 58, 1963, Theorem 2.
    """
    marks, chance, left = _parts(share, error, cases)
    noise = 0.0 if cases is None else math.sqrt(-2 * math.log(chance) / cases)
    upwards = {(1 + value) / 2: count for value, count in differences.items()}
    downwards = {1 - value: count for value, count in upwards.items()}
    least = 2 * _least_mean(upwards, marks / 2) - 1
    most = 1 - 2 * _least_mean(downwards, marks / 2)
    return Bounds(
        low=max(0.0, share - most - noise),
        high=min(1.0, share - least + noise),
        for_cases=left,
        drop=max(0.0, most),
        failed=max(0.0, -least),
    )


def _parts(share: float, error: float, cases: int | None) -> tuple[float, float, float]:
    """The parts of an error: for people's marks, for the judge's own chance, and for its scores."""
    check_alpha(error)
    if not 0 < share < 1 or (cases is not None and cases < 1):
        raise InvalidRequest(
            f"share {share}, cases {cases}: the share lies between 0 and 1, cases are 1 or more"
        )
    chance = 0.0 if cases is None else CHANCE_PART
    return MARKS_PART * error, chance * error, (1 - MARKS_PART - chance) * error


Counts = tuple[float, float]
"""How often yes came, and how often no."""


def turned(counts: Counts) -> Counts:
    """Return how often no came, and how often yes."""
    return counts[1], counts[0]


def upper_of_sum(one: tuple[float, Counts], other: tuple[float, Counts], error: float) -> float:
    """Return the upper end of a weighted sum of two shares: from those of each, as if at right angles.

    Source: as `judged_bounds.bounds_of_yes_and_no` (Zou, Huang, Zhang).
    """
    estimate = distance = 0.0
    for weight, (yes, no) in (one, other):
        share = yes / (yes + no)
        end = upper_of_share((yes, no), error) if weight > 0 else 1 - upper_of_share(turned((yes, no)), error)
        estimate += weight * share
        distance = math.hypot(distance, weight * (end - share))
    return min(1.0, estimate + distance)


def upper_of_share(counts: Counts, error: float) -> float:
    """Return the upper end of a share's own interval, also of fractions. Source: as `proportions.exact`."""
    yes, no = counts
    return float(betaincinv(yes + 1, no, 1 - error)) if no > 0 else 1.0


def _with_noise(mean: float, noise: tuple[float, int] | None) -> float:
    """The largest mean that so many yes and no with this mean show, but for an error, by Hoeffding."""
    if noise is None:
        return mean
    error, cases = noise
    enough = -math.log(error) / cases
    low, high = mean, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _divergence(middle, mean) < enough else (low, middle)
    return high


def _divergence(one: float, other: float) -> float:
    """Of Kullback and Leibler, of two chances."""
    parts = ((one, other), (1 - one, 1 - other))
    if any(first > 0 and second <= 0 for first, second in parts):
        return math.inf
    return math.fsum(first * math.log(first / second) for first, second in parts if first > 0)


def _least_mean(counted: Mapping[float, float], error: float) -> float:
    """The largest mean against which bets on a larger one have won enough, of counted values from 0 to 1."""
    if not counted:
        return 0.0
    values: Sample = np.asarray(list(counted), dtype=np.float64)
    counts: Sample = np.asarray(list(counted.values()), dtype=np.float64)
    if values.min() < 0 or values.max() > 1:
        raise InvalidRequest(
            f"differences lie between {2 * values.min() - 1:g} and {2 * values.max() - 1:g}; scale marks to "
            "0 to 1 first"
        )
    fractions: Sample = np.arange(1, BETS + 1, dtype=np.float64)[:, None] / (BETS + 1)
    enough = math.log(BETS / error)
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        won = (np.log1p(fractions * (values - middle) / middle) * counts).sum(axis=1)
        is_refuted = float(np.logaddexp.reduce(won)) >= enough
        low, high = (middle, high) if is_refuted else (low, middle)
    return low
