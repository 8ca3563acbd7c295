"""A check's score by a judge, corrected by what people marked of the same judge's answers. Pure.

The judge is taken to err in a check as it did on those answers; what that leaves open, and how few they were,
is in the interval. Too few of them give no number. Read next: `statistics.judges`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from headgate.checks.model import Result
from headgate.core.faults import InvalidRequest
from headgate.statistics.judged_bounds import Confusion
from headgate.statistics.judges import Calibration, corrected_share, prediction_powered_mean
from headgate.statistics.model import Interval
from headgate.statistics.proportions import clustered_share

MARKS_LEAST: Final = 30
"""Fewer answers marked by people and judge tell nothing that is worth a number."""
TOP: Final = 5
YES_NO: Final = (0, 1)
ONE_TO_FIVE: Final = (1, TOP)
SCALES: Final = (YES_NO, ONE_TO_FIVE)
"""The scales on which people mark, too."""


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """So many answers got this mark of the judge and that of people, on the judge's own scale."""

    said: float
    truth: float
    count: int


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """A score without the judge's errors, from 0 to 1; None where it can't be told, and the sentence why.

    `by_judge` is what the judge says itself, `answers` of how many, `marks` how many people have marked.
    """

    scorer: str
    judge: str
    by_judge: float | None
    answers: int
    marks: int
    sentence: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A scorer, the name under which its judge is kept, its scale, and what people marked of its answers.

    `problem` says why it is not known what people marked, where it isn't. A judge that `compares` says which
    of two answers is better: 1 the first, 0 the second, a half neither.
    """

    scorer: str
    judge: str
    scale: tuple[int, int]
    pairs: tuple[Pairs, ...]
    problem: str = ""
    compares: bool = False


def correction(judged: Judged, results: Sequence[Result], clusters: Mapping[str, str]) -> Correction:
    """Return a scorer's corrected score; `clusters` are those of cases, where they have one."""
    scores: list[float] = []
    units: list[str] = []
    for result in results:
        mark = result.marks.get(judged.scorer)
        # What it said first, as in the pairs: a mean of several marks errs otherwise.
        first = None if mark is None else mark.said[0].score
        if first is not None:
            scores.append(first)
            units.append(clusters.get(result.case, f"case {result.case}"))
    known = Correction(
        scorer=judged.scorer,
        judge=judged.judge,
        by_judge=sum(scores) / len(scores) if scores else None,
        answers=len(scores),
        marks=marks_of(judged),
        sentence="",
    )
    try:
        found = corrected_mean(judged, scores, units)
    except InvalidRequest as fault:
        return msgspec.structs.replace(
            known, sentence=f"{judged.scorer} is its judge's word alone: {fault.message}."
        )
    told = msgspec.structs.replace(known, estimate=found.estimate, low=found.low, high=found.high)
    return msgspec.structs.replace(told, sentence=_sentence(told))


def marks_of(judged: Judged) -> int:
    """Return how many answers people have marked."""
    return sum(pair.count for pair in judged.pairs)


def check_marks(judged: Judged) -> None:
    """Raise InvalidRequest where what people marked tells nothing of how a judge errs."""
    if judged.problem:
        raise InvalidRequest(judged.problem)
    if judged.scale not in SCALES:
        low, high = judged.scale
        raise InvalidRequest(
            f"people mark with yes and no, or from 1 to {TOP}, and it marks from {low} to {high}; write "
            f"scale = [0, 1] or [1, {TOP}] to have it corrected"
        )
    marks = marks_of(judged)
    if marks < MARKS_LEAST:
        what = "pairs" if judged.compares else "answers"
        where = f" (`headgate reviews next --judge {judged.judge}`)" if judged.judge else ""
        raise InvalidRequest(
            f"people have marked {marks} of the {MARKS_LEAST} {what} that would tell how it errs{where}"
        )


def confusion_of(judged: Judged) -> Confusion:
    """Return how a judge of yes and no marked what people call right and wrong."""

    def count(truth: float, said: float) -> int:
        return sum(pair.count for pair in judged.pairs if (pair.truth, pair.said) == (truth, said))

    return Confusion(
        right_said_right=count(1, 1),
        right_said_wrong=count(1, 0),
        wrong_said_right=count(0, 1),
        wrong_said_wrong=count(0, 0),
    )


def corrected_mean(judged: Judged, scores: Sequence[float], units: Sequence[str]) -> Interval:
    """Return the mean of what people would say, where a judge gave these scores. Raises InvalidRequest."""
    check_marks(judged)
    if len(set(units)) < 2:
        raise InvalidRequest(
            f"it marked the answers to {len(set(units))} cases or clusters; two are the least"
        )
    if judged.scale == YES_NO:
        return _of_yes_and_no(judged, scores, units)
    return _of_numbers(judged.pairs, scores, units)


def _of_yes_and_no(judged: Judged, scores: Sequence[float], units: Sequence[str]) -> Interval:
    """By sensitivity and specificity: another share of good answers than where people marked does no harm.

    Several answers of one case or cluster count as the number of independent ones that would tell as much
    (Kish's design effect, as in `proportions.clustered_share`).
    """

    people = confusion_of(judged)
    right = people.right_said_right + people.right_said_wrong
    wrong = people.wrong_said_right + people.wrong_said_wrong
    if not right or not wrong:
        raise InvalidRequest(
            "people say the same of all answers that they marked, so one kind of error has no case"
        )
    calibration = Calibration(
        right=round(right),
        right_said_right=round(people.right_said_right),
        wrong=round(wrong),
        wrong_said_wrong=round(people.wrong_said_wrong),
    )
    share = sum(scores) / len(scores)
    error = clustered_share(scores, units).standard_error
    known = share * (1 - share) / error**2 if error > 0 and 0 < share < 1 else len(set(units))
    cases = max(1, min(len(scores), round(known)))
    return corrected_share(round(share * cases), cases, calibration)


def _of_numbers(pairs: Sequence[Pairs], scores: Sequence[float], units: Sequence[str]) -> Interval:
    """By the mean difference of people and judge, prediction-powered."""
    said = [_unit(pair.said) for pair in pairs for _ in range(pair.count)]
    truth = [_unit(pair.truth) for pair in pairs for _ in range(pair.count)]
    of_unit: dict[str, list[float]] = {}
    for unit, score in zip(units, scores, strict=True):
        of_unit.setdefault(unit, []).append(score)
    means = [sum(each) / len(each) for each in of_unit.values()]
    found = prediction_powered_mean(truth, said, means)
    return msgspec.structs.replace(
        found,
        estimate=min(1.0, max(0.0, found.estimate)),
        low=min(1.0, max(0.0, found.low)),
        high=max(0.0, min(1.0, found.high)),
    )


def _unit(value: float) -> float:
    return (value - 1) / (TOP - 1)


def _sentence(said: Correction) -> str:
    assert said.estimate is not None and said.low is not None and said.high is not None
    assert said.by_judge is not None
    shown = [f"{100 * value:.1f} %" for value in (said.estimate, said.low, said.high, said.by_judge)]
    return (
        f"{said.scorer}, corrected for its judge's errors: {shown[0]} ({shown[1]} to {shown[2]}), where the "
        f"judge says {shown[3]}; if it errs here as on the {said.marks} answers that people marked."
    )
