"""The score: as the judge says it, and corrected by the random sample that people marked. Pure.

Read next: `statistics.judges`.
"""

import statistics
from collections.abc import Sequence

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.judges.marked import Both, Marked
from headgate.judges.model import Scale
from headgate.judges.report import Finding
from headgate.judges.sentences import between, score_of
from headgate.statistics.judges import (
    Calibration,
    corrected_share,
    marks_for_half_the_width,
    prediction_powered_mean,
)
from headgate.statistics.model import Interval

REST_LEAST = 2


def uncorrected(scale: Scale, items: Sequence[Marked]) -> Finding:
    """Say what the judge says, without an interval: none would hold for what is true."""
    said = [value for item in items if (value := item.said()) is not None]
    if not said:
        raise InvalidRequest("the judge has marked nothing yet")
    mean = statistics.fmean(said)
    shown = f"{mean:.2f} of 5" if scale == "one_to_five" else f"{mean:.0%}"
    sentence = f"{shown} by the judge alone; how far that is from the truth only people's marks can tell."
    return Finding(name="score", scope="score", sentence=sentence, estimate=mean, n=len(said))


def corrected(scale: Scale, sample: Sequence[Both], rest: Sequence[Marked]) -> Finding:
    """Say what people would say of all answers: prediction-powered, for any judge."""
    found = prediction_powered_mean(*_values(sample, rest))
    bounds = (1.0, 5.0) if scale == "one_to_five" else (0.0, 1.0)
    found = _within(found, bounds)
    return between(
        "corrected score", "score", found, f"{score_of(scale, found)}, corrected for the judge's errors."
    )


def corrected_by_errors(scale: Scale, sample: Sequence[Both], rest: Sequence[Marked]) -> Finding:
    """Say the same by sensitivity and specificity (Rogan-Gladen): for yes and no, and pairs without ties."""
    name = "corrected by its errors"
    if scale == "one_to_five":
        raise InvalidRequest("marks from 1 to 5 are not right or wrong; the corrected score holds for them")
    truth, said, others = _values(sample, rest)
    if 0.5 in (*truth, *said, *others):
        raise InvalidRequest("there are ties, which are neither; the corrected score holds for them")
    right = [value for value, true in zip(said, truth, strict=True) if true == 1]
    wrong = [value for value, true in zip(said, truth, strict=True) if true == 0]
    if not right or not wrong:
        raise InvalidRequest(
            f"people say the same of all {len(truth)} answers, so one kind of error has no case; mark more"
        )
    calibration = Calibration(
        right=len(right),
        right_said_right=right.count(1.0),
        wrong=len(wrong),
        wrong_said_wrong=wrong.count(0.0),
    )
    found = corrected_share(others.count(1.0), len(others), calibration)
    return between(name, "score", found, f"{score_of(scale, found)}, by what it finds of good and bad ones.")


def more_marks(sample: Sequence[Both], rest: Sequence[Marked]) -> Finding:
    """Say how many more marks by people would halve the interval of the corrected score."""
    more = marks_for_half_the_width(*_values(sample, rest))
    name = "marks for half the width"
    if more is None:
        sentence = "no number of marks on these answers halves the interval; let the judge mark more answers."
        return Finding(name=name, scope="score", sentence=sentence, n=len(sample))
    sentence = f"{more} more marks by people would halve the interval of the corrected score."
    return Finding(name=name, scope="score", sentence=sentence, estimate=more, n=len(sample))


def _values(sample: Sequence[Both], rest: Sequence[Marked]) -> tuple[list[float], list[float], list[float]]:
    others = [value for item in rest if (value := item.said()) is not None]
    if len(others) < REST_LEAST:
        raise InvalidRequest(
            f"people have marked all but {len(others)} of the answers, so there is nothing to correct; let "
            "the judge mark more answers"
        )
    return [pair.truth for pair in sample], [pair.said for pair in sample], others


def _within(found: Interval, bounds: tuple[float, float]) -> Interval:
    """Cut what lies outside of the scale."""
    low, high = bounds
    return msgspec.structs.replace(
        found,
        estimate=min(high, max(low, found.estimate)),
        low=min(high, max(low, found.low)),
        high=max(low, min(high, found.high)),
    )
