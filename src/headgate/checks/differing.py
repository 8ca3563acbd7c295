"""A difference of two targets by a judge, without the judge's errors, from what people marked of it. Pure.

The judge is taken to err in both targets' answers as in those that people marked. These are mostly of other
answers, so nothing is powered by predictions: what counts is which part of a difference the judge shows.
Read next: `statistics.judged_differences`, `checks.comparing`.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from headgate.checks.correcting import MARKS_LEAST, TOP, YES_NO, Judged, check_marks, confusion_of, marks_of
from headgate.core.faults import InvalidRequest
from headgate.statistics.judged_differences import (
    CASES_PART,
    Strength,
    strength_of_numbers,
    strength_of_preferences,
    strength_of_yes_and_no,
    without_errors,
)
from headgate.statistics.model import Interval

UNDECIDED: Final = 0.5
Find = Callable[[Sequence[float], Sequence[float], float], Interval]
"""Finds the difference of two targets' scores at an error."""


class ScoreDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A difference and its interval, in shares: the first's less the other's."""

    estimate: float
    low: float
    high: float


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """Scores of two targets, case by case, and which part of each case's calls failed, whose score is 0."""

    one: Sequence[float]
    other: Sequence[float]
    one_failed: Sequence[float]
    other_failed: Sequence[float]


class Discerned(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a difference by a judge: by its word, and without its errors.

    `known` is None where nothing is known of the errors, and `why` says why. `marks` is how many answers, or
    pairs, people have marked.
    """

    said: ScoreDifference
    known: ScoreDifference | None
    marks: int
    why: str = ""


def discern(judged: Judged, sides: Sides, find: Find, alpha: float) -> Discerned:
    """Return what a judge says of a difference at an error, and what is there."""
    said = difference_of_interval(find(sides.one, sides.other, alpha))
    try:
        known = known_difference(strength_of(judged), sides, find, alpha)
    except InvalidRequest as fault:
        return Discerned(said=said, known=None, marks=marks_of(judged), why=fault.message)
    return Discerned(said=said, known=known, marks=marks_of(judged))


def known_difference(strength: Strength, sides: Sides, find: Find, alpha: float) -> ScoreDifference:
    """Return a difference without the errors of a judge of this strength.

    A failed call counts as what the judge says of wrong answers: for each end as what speaks most against it.
    """

    def shown(one: float, other: float) -> Interval:
        first = with_failed(sides.one, sides.one_failed, one)
        second = with_failed(sides.other, sides.other_failed, other)
        return find(first, second, CASES_PART * alpha)

    middle = shown(strength.failed, strength.failed)
    low, high = middle.low, middle.high
    if any(sides.one_failed) or any(sides.other_failed):
        low = min(low, shown(strength.failed_low, strength.failed_high).low)
        high = max(high, shown(strength.failed_high, strength.failed_low).high)
    low, high = without_errors((low, high), strength)
    estimate = min(high, max(low, middle.estimate / strength.estimate))
    return ScoreDifference(estimate=estimate, low=low, high=high)


def strength_of(judged: Judged) -> Strength:
    """Return which part of a difference a judge shows. Raises InvalidRequest where that is not known."""
    check_marks(judged)
    if not judged.compares and judged.scale == YES_NO:
        return strength_of_yes_and_no(confusion_of(judged))
    said = [pair.said for pair in judged.pairs for _ in range(pair.count)]
    truth = [pair.truth for pair in judged.pairs for _ in range(pair.count)]
    if not judged.compares:
        return strength_of_numbers([_unit(each) for each in said], [_unit(each) for each in truth])
    told = sum(each != UNDECIDED for each in truth)
    if told < MARKS_LEAST:
        raise InvalidRequest(
            f"of {len(truth)} pairs that people marked they prefer one answer in {told}, and {MARKS_LEAST} "
            "such pairs are the least"
        )
    return strength_of_preferences(said, truth)


def with_failed(scores: Sequence[float], failed: Sequence[float], value: float) -> Sequence[float]:
    """Return scores in which calls that failed count for this value instead of 0."""
    if not any(failed):
        return scores
    return [score + part * value for score, part in zip(scores, failed, strict=True)]


def difference_of_interval(found: Interval) -> ScoreDifference:
    """Return a difference as it is told."""
    return ScoreDifference(estimate=found.estimate, low=found.low, high=found.high)


def _unit(value: float) -> float:
    return (value - 1) / (TOP - 1)
