"""Differences by a judge that errs: intervals cover what is right, where its word does not."""

import numpy as np
import pytest

from headgate.core.faults import InvalidRequest
from headgate.statistics.judged_bounds import Confusion
from headgate.statistics.judged_differences import (
    CASES_PART,
    Strength,
    strength_of_numbers,
    strength_of_preferences,
    strength_of_yes_and_no,
    without_errors,
)
from headgate.statistics.proportions import paired_shares

ERROR = 0.05
TIMES = 400
JUDGES = {"good": (0.95, 0.1), "fair": (0.85, 0.3), "poor": (0.75, 0.4)}
"""How many of the right it calls right, and how many of the wrong."""


def confusion(rng: np.random.Generator, judge: str, marks: int) -> Confusion:
    found, alarms = JUDGES[judge]
    good = int(rng.binomial(marks, 0.7))
    said, alarmed = int(rng.binomial(good, found)), int(rng.binomial(marks - good, alarms))
    return Confusion(
        right_said_right=said,
        right_said_wrong=good - said,
        wrong_said_right=alarmed,
        wrong_said_wrong=marks - good - alarmed,
    )


def shown_of(rng: np.random.Generator, judge: str, truths: np.ndarray, alpha: float) -> tuple[float, float]:
    """Between which ends what a judge says of two targets' answers to the same cases lies."""
    found, alarms = JUDGES[judge]
    says = rng.random(truths.shape) < np.where(truths, found, alarms)
    one, other = says
    cells = ((one & other).sum(), (one & ~other).sum(), (~one & other).sum(), (~one & ~other).sum())
    interval = paired_shares(*(int(cell) for cell in cells), alpha=alpha)
    return interval.low, interval.high


@pytest.mark.parametrize("marks", [60, 200])
@pytest.mark.parametrize("judge", list(JUDGES))
def test_a_difference_is_covered_whatever_the_judge(judge: str, marks: int) -> None:
    rng = np.random.default_rng(marks)
    covered = told = by_word = 0
    for _ in range(TIMES):
        common = rng.random(300) < 0.5
        truths = np.stack([np.where(common, rng.random(300) < share, True) for share in (0.7, 0.3)])
        low, high = shown_of(rng, judge, truths, ERROR)
        by_word += low <= 0.2 <= high
        try:
            strength = strength_of_yes_and_no(confusion(rng, judge, marks))
        except InvalidRequest:
            continue
        told += 1
        low, high = without_errors(shown_of(rng, judge, truths, CASES_PART * ERROR), strength)
        covered += low <= 0.2 <= high
    print(
        f"{judge} judge, {marks} marks: told {told}, covered {covered / max(1, told):.1%}, its word {by_word}"
    )
    assert covered >= 0.95 * told
    if judge != "poor" or marks == 200:
        assert told > 0.3 * TIMES
    if judge != "good":
        assert by_word < 0.75 * TIMES, "its word shrinks a difference"


@pytest.mark.parametrize("agrees", [0.95, 0.8, 0.65])
def test_a_preference_is_covered_though_the_judge_errs_and_often_decides_nothing(agrees: float) -> None:
    rng = np.random.default_rng(int(100 * agrees))

    def said_of(truth: np.ndarray) -> np.ndarray:
        """A fifth it can't decide; of the others it takes the better one as often as it agrees."""
        side = np.where(rng.random(truth.shape) < agrees, truth, 1 - truth)
        side = np.where(truth == 0.5, rng.integers(0, 2, truth.shape), side)
        return np.where(rng.random(truth.shape) < 0.2, 0.5, side)

    def pairs_of(count: int, first: float) -> np.ndarray:
        return rng.choice([1.0, 0.5, 0.0], size=count, p=[first, 0.1, 0.9 - first])

    covered = told = by_word = 0
    preference = 0.6 - 0.3
    for _ in range(TIMES):
        truth = pairs_of(100, 0.45)
        shown = 2 * said_of(pairs_of(400, 0.6)) - 1
        mean, error = float(shown.mean()), float(shown.std(ddof=1)) / 20
        by_word += abs(mean - preference) < 1.96 * error
        try:
            strength = strength_of_preferences(said_of(truth), truth)
        except InvalidRequest:
            continue
        told += 1
        half = 2.12 * error
        low, high = without_errors((mean - half, mean + half), strength)
        covered += low <= preference <= high
    print(f"agrees in {agrees:.0%}: told {told}, covered {covered / told:.1%}, its word {by_word}")
    assert told > 0.3 * TIMES
    assert covered >= 0.95 * told
    assert by_word < 0.8 * TIMES


def test_a_judge_of_numbers_shows_what_its_marks_rise_by() -> None:
    rng = np.random.default_rng(4)

    def said_of(truth: np.ndarray) -> np.ndarray:
        """It shies from the ends: of a step by people it makes six tenths."""
        return np.clip(0.3 + 0.6 * truth + rng.normal(0, 0.12, truth.shape), 0, 1)

    covered = told = 0
    for _ in range(TIMES):
        truth = rng.integers(0, 5, 80) / 4
        strength = strength_of_numbers(said_of(truth), truth)
        told += 1
        one, other = (rng.choice(5, 300, p=p) / 4 for p in ((0.1, 0.1, 0.2, 0.3, 0.3), (0.2,) * 5))
        differences = said_of(one) - said_of(other)
        half = 2.12 * float(differences.std(ddof=1)) / np.sqrt(300)
        mean = float(differences.mean())
        low, high = without_errors((mean - half, mean + half), strength)
        covered += low <= 0.15 <= high
    assert covered >= 0.95 * told
    strength = strength_of_numbers(said_of(truth := rng.integers(0, 5, 4000) / 4), truth)
    assert strength.estimate == pytest.approx(0.6, abs=0.03)
    assert strength.failed_low < 0.3 < strength.failed_high


def test_what_marks_do_not_tell_is_no_number() -> None:
    chance = Confusion(right_said_right=30, right_said_wrong=30, wrong_said_right=20, wrong_said_wrong=20)
    with pytest.raises(InvalidRequest, match="better than by chance"):
        strength_of_yes_and_no(chance)
    with pytest.raises(InvalidRequest, match="one kind of error has no case"):
        strength_of_yes_and_no(
            Confusion(right_said_right=30, right_said_wrong=3, wrong_said_right=0, wrong_said_wrong=0)
        )
    with pytest.raises(InvalidRequest, match="one and the same mark"):
        strength_of_numbers([0.5, 0.7, 0.2], [1.0, 1.0, 1.0])
    with pytest.raises(InvalidRequest, match="give both of each"):
        strength_of_numbers([0.5, 0.7, 0.2], [1.0, 1.0, 0.0, 0.5])
    with pytest.raises(InvalidRequest, match="give both of each"):
        strength_of_preferences([0.5], [1.0, 1.0])
    with pytest.raises(InvalidRequest, match="prefer neither answer in all"):
        strength_of_preferences([0.5, 1.0], [0.5, 0.5])
    with pytest.raises(InvalidRequest, match="better than by chance"):
        strength_of_preferences([1.0, 0.0] * 30, [1.0, 1.0] * 30)


def test_a_judge_that_never_erred_may_still_err() -> None:
    truth = [0.0, 0.25, 0.5, 0.75, 1.0] * 8
    never = strength_of_numbers(truth, truth)
    assert 0.7 < never.low < 1 < never.high
    pairs = strength_of_preferences([1.0, 0.0] * 20, [1.0, 0.0] * 20)
    assert 0.7 < pairs.low < 1 == pairs.high
    assert (pairs.failed_low, pairs.failed_high) == (0.0, pytest.approx(1 - pairs.low))


def test_ends_of_either_sign_are_divided_by_what_widens_them() -> None:
    half = Strength(estimate=0.5, low=0.4, high=0.8, failed=0.2, failed_low=0.1, failed_high=0.3)
    assert without_errors((0.08, 0.16), half) == (pytest.approx(0.1), pytest.approx(0.4))
    assert without_errors((-0.16, -0.08), half) == (pytest.approx(-0.4), pytest.approx(-0.1))
    assert without_errors((-0.2, 0.9), half) == (pytest.approx(-0.5), 1.0)
