"""How many marks by people a wanted interval takes: what is planned is what comes out."""

import numpy as np
import pytest

from headgate.core.faults import InvalidRequest
from headgate.statistics.judges import likeness_of, marks_for_width, prediction_powered_mean


@pytest.mark.parametrize(("share", "sensitivity", "specificity"), [(0.5, 0.9, 0.9), (0.8, 0.8, 0.6)])
def test_so_many_marks_bring_an_interval_of_the_planned_width(
    share: float, sensitivity: float, specificity: float
) -> None:
    likeness = likeness_of(share, sensitivity, specificity)
    deviation = (share * (1 - share)) ** 0.5
    marks = marks_for_width(0.06, deviation=deviation, likeness=likeness, judged=3000)
    alone = marks_for_width(0.06, deviation=deviation, likeness=0, judged=10**9)
    assert marks is not None and alone is not None
    assert marks < alone
    rng = np.random.default_rng(4)
    halves: list[float] = []
    for _ in range(200):
        truth = rng.random(3000) < share
        said = np.where(truth, rng.random(3000) < sensitivity, rng.random(3000) < 1 - specificity)
        values = truth.astype(float), said.astype(float)
        found = prediction_powered_mean(values[0][:marks], values[1][:marks], values[1][marks:])
        halves.append((found.high - found.low) / 2)
    assert np.mean(halves) == pytest.approx(0.06, rel=0.05)


def test_the_likeness_is_the_correlation_of_two_yes_and_no() -> None:
    rng = np.random.default_rng(5)
    truth = rng.random(200_000) < 0.7
    said = np.where(truth, rng.random(200_000) < 0.85, rng.random(200_000) < 0.3)
    assert likeness_of(0.7, 0.85, 0.7) == pytest.approx(np.corrcoef(truth, said)[0, 1], abs=0.01)
    assert likeness_of(0.5, 1, 1) == pytest.approx(1)
    assert likeness_of(0.5, 0.5, 0.5) == 0
    assert likeness_of(0.5, 0.2, 0.2) == 0, "a judge that says the contrary explains nothing that is used"
    assert likeness_of(0.5, 1, 0) == 0, "one that always says yes"


def test_too_narrow_an_interval_and_nonsense_are_said() -> None:
    assert marks_for_width(0.01, deviation=0.5, likeness=0.5, judged=200) is None
    assert marks_for_width(0.2, deviation=1.0, likeness=0.6, judged=1000, is_share=False) is not None
    for half, deviation, likeness in ((0, 0.5, 0.5), (0.1, 0, 0.5), (0.1, 0.5, 1.5)):
        with pytest.raises(InvalidRequest):
            marks_for_width(half, deviation=deviation, likeness=likeness, judged=100)
    with pytest.raises(InvalidRequest):
        likeness_of(1, 0.5, 0.5)
