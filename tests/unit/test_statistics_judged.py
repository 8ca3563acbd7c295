"""Bounds on what a judge says: wrong verdicts are rare at every look, and judges that err still decide."""

import numpy as np
import pytest

from headgate.core.faults import InvalidRequest
from headgate.statistics.judged_bounds import Bounds, Confusion, bounds_of_numbers, bounds_of_yes_and_no
from headgate.statistics.requirements import Requirement, Verdict

ERROR = 0.05
SHARE = 0.8
JUDGES = {"good": (0.95, 0.1), "fair": (0.85, 0.3), "poor": (0.7, 0.45)}
"""How many of the right it calls right, and how many of the wrong."""


def confusion(rng: np.random.Generator, judge: str, marks: int, right: float = 0.8) -> Confusion:
    found, alarms = JUDGES[judge]
    good = int(rng.binomial(marks, right))
    said, alarmed = int(rng.binomial(good, found)), int(rng.binomial(marks - good, alarms))
    return Confusion(
        right_said_right=said,
        right_said_wrong=good - said,
        wrong_said_right=alarmed,
        wrong_said_wrong=marks - good - alarmed,
    )


def verdict_of(bounds: Bounds, said: np.ndarray) -> tuple[Verdict, int]:
    """The verdict of looking after every case, and after how many."""
    met = Requirement(share=min(1 - 1e-6, bounds.high), error=bounds.for_cases)
    missed = Requirement(share=max(1e-6, bounds.low), error=bounds.for_cases)
    for number, each in enumerate(said.tolist(), 1):
        met, missed = met.observe(each), missed.observe(each)
        if met.verdict == "met":
            return "met", number
        if missed.verdict == "not met":
            return "not met", number
    return "open", len(said)


@pytest.mark.parametrize("marks", [50, 100, 400])
@pytest.mark.parametrize("judge", list(JUDGES))
def test_at_the_margin_wrong_verdicts_are_rare_however_often_one_looks(judge: str, marks: int) -> None:
    rng = np.random.default_rng(marks)
    found, alarms = JUDGES[judge]
    says = SHARE * found + (1 - SHARE) * alarms
    verdicts = [
        verdict_of(
            bounds_of_yes_and_no(SHARE, confusion(rng, judge, marks), error=ERROR),
            (rng.random(400) < says).astype(float),
        )[0]
        for _ in range(120)
    ]
    for wrong in ("met", "not met"):
        assert verdicts.count(wrong) <= ERROR * len(verdicts), (judge, marks)


@pytest.mark.parametrize("judge", list(JUDGES))
@pytest.mark.parametrize("share", [0.6, 0.8, 0.95])
def test_marks_may_come_and_be_looked_at_again_though_cases_have_no_end(judge: str, share: float) -> None:
    rng = np.random.default_rng(7)
    found, alarms = JUDGES[judge]
    says = share * found + (1 - share) * alarms
    met = missed = 0
    for _ in range(500):
        people = confusion(rng, judge, 0)
        was_met = was_missed = False
        for more in (50, 50, 100, 200):
            next_ones = confusion(rng, judge, more)
            people = Confusion(
                **{
                    name: getattr(people, name) + getattr(next_ones, name)
                    for name in people.__struct_fields__
                }
            )
            bounds = bounds_of_yes_and_no(share, people, error=ERROR)
            was_met |= says > bounds.high
            was_missed |= says < bounds.low
        met, missed = met + was_met, missed + was_missed
    # What chance adds to a share of so many is at most two points.
    assert max(met, missed) <= (ERROR + 0.02) * 500


@pytest.mark.parametrize(
    ("judge", "marks", "truth", "least"),
    [
        ("good", 50, 0.95, 0.35),
        ("good", 100, 0.95, 0.8),
        ("good", 100, 0.6, 0.75),
        ("good", 400, 0.9, 0.6),
        ("good", 400, 0.6, 0.97),
        ("fair", 400, 0.6, 0.35),
    ],
)
def test_what_is_far_from_the_margin_is_decided_rightly(
    judge: str, marks: int, truth: float, least: float
) -> None:
    rng = np.random.default_rng(11)
    found, alarms = JUDGES[judge]
    says = truth * found + (1 - truth) * alarms
    right: Verdict = "met" if truth > SHARE else "not met"
    decided = [
        verdict_of(
            bounds_of_yes_and_no(SHARE, confusion(rng, judge, marks)),
            (rng.random(600) < says).astype(float),
        )
        for _ in range(60)
    ]
    power = sum(verdict == right for verdict, _ in decided) / len(decided)
    cases = int(np.median([number for _, number in decided]))
    print(f"{judge} judge, {marks} marks, {truth:.0%} right: {power:.0%} decided, median {cases} cases")
    assert power >= least


def test_a_judge_not_shown_to_be_better_than_chance_decides_nothing() -> None:
    worse = Confusion(right_said_right=40, right_said_wrong=40, wrong_said_right=15, wrong_said_wrong=5)
    alone = Confusion(right_said_right=80, right_said_wrong=2, wrong_said_right=0, wrong_said_wrong=0)
    for people in (worse, alone):
        bounds = bounds_of_yes_and_no(SHARE, people)
        assert (bounds.low, bounds.high) == (0.0, 1.0)


def test_more_marks_bring_the_bounds_together_and_a_known_number_of_cases_adds_the_judges_chance() -> None:
    few = Confusion(right_said_right=76, right_said_wrong=4, wrong_said_right=2, wrong_said_wrong=18)
    many = Confusion(**{name: 100 * getattr(few, name) for name in few.__struct_fields__})
    says = SHARE * 0.95 + (1 - SHARE) * 0.1
    wide, near = bounds_of_yes_and_no(SHARE, few), bounds_of_yes_and_no(SHARE, many)
    assert wide.low < near.low < says < near.high < wide.high
    assert near.high - near.low < 0.03
    assert 0.1 < near.failed < wide.failed
    known = bounds_of_yes_and_no(SHARE, many, cases=100)
    assert known.low < near.low - 0.05 and near.high + 0.05 < known.high
    assert known.for_cases < near.for_cases < ERROR


def test_a_number_is_off_by_as_much_here_as_where_people_marked() -> None:
    rng = np.random.default_rng(3)
    off = {-0.25: 60.0, 0.0: 340.0}  # three of twenty marks are one of five too high
    bounds = bounds_of_numbers(SHARE, off)
    assert bounds.low < SHARE + 0.15 * 0.25 < bounds.high < 0.9
    assert bounds.failed > 0 and bounds.drop == 0
    wrong = 0
    for _ in range(100):
        marks = rng.random(100) < 0.15
        found = bounds_of_numbers(SHARE, {-0.25: float(marks.sum()), 0.0: float((~marks).sum())})
        wrong += not found.low <= SHARE + 0.15 * 0.25 <= found.high
    assert wrong <= ERROR * 100
    harsh = bounds_of_numbers(SHARE, {0.25: 100.0}, cases=50)
    assert harsh.drop > 0.25 and harsh.failed == 0
    assert bounds_of_numbers(SHARE, {}).high == 1
    with pytest.raises(InvalidRequest, match="scale marks to 0 to 1"):
        bounds_of_numbers(SHARE, {-4.0: 1.0})


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="right_said_right is -1"):
        Confusion(right_said_right=-1, right_said_wrong=0, wrong_said_right=0, wrong_said_wrong=0)
    nobody = Confusion(right_said_right=0, right_said_wrong=0, wrong_said_right=0, wrong_said_wrong=0)
    with pytest.raises(InvalidRequest, match="the share lies between 0 and 1"):
        bounds_of_yes_and_no(1.0, nobody)
