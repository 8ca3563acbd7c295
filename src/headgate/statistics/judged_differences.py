"""A difference of two means by a judge that errs: how much of it is there, from what people marked. Pure.

If a judge finds the share a of what is right and calls the share c of what is wrong right, its mean is
`c + (a - c) share`: of a true difference it shows `a - c`, and the same part of either side, so that
difference is `shown / (a - c)`. The part has an interval of its own, from the marks by people; a union bound
joins it to that of what is shown, so it holds at every look at which the latter does. Read next:
`checks.differing`, `statistics.judged_bounds`.
"""

import math
from typing import Final

import msgspec
import numpy as np
from scipy.special import stdtrit

from headgate.core.faults import InvalidRequest
from headgate.statistics.judged_bounds import MARKS_PART, Confusion, turned, upper_of_share, upper_of_sum
from headgate.statistics.model import Values, check_alpha, sample
from headgate.statistics.proportions import clustered_share

CASES_PART: Final = 1 - MARKS_PART
"""The part of the error that is left to what is shown; its interval takes it."""
FAILED_PART: Final = 0.1
"""The part of the marks' error that goes to what the judge would say of an answer that never came."""


class Strength(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a true difference a judge shows, between `low` and `high`; 1 is all of it.

    An answer that never came is wrong, whoever judges: it counts as what the judge says of wrong answers,
    between `failed_low` and `failed_high`.
    """

    estimate: float
    low: float
    high: float
    failed: float
    failed_low: float
    failed_high: float


def strength_of_yes_and_no(people: Confusion, *, error: float = 0.05) -> Strength:
    """Return the strength of a judge that says yes or no: what it finds of the right less its false alarms.

    `error` is the whole one, of which the marks have their part. Source: as
    `judged_bounds.bounds_of_yes_and_no`: Rogan, Gladen, taken of a difference, and for the interval of a sum
    of two shares Zou, Huang, Zhang. Raises InvalidRequest where people call all answers the same, or the
    judge is not shown to be better than chance.
    """
    check_alpha(error)
    right = people.right_said_right, people.right_said_wrong
    wrong = people.wrong_said_right, people.wrong_said_wrong
    if not sum(right) or not sum(wrong):
        raise InvalidRequest(
            "people say the same of all answers that they marked, so one kind of error has no case"
        )
    each, of_failed = _parts(error)
    found, alarms = right[0] / sum(right), wrong[0] / sum(wrong)
    return _shown_to_discern(
        Strength(
            estimate=found - alarms,
            low=-upper_of_sum((-1.0, right), (1.0, wrong), each),
            high=upper_of_sum((1.0, right), (-1.0, wrong), each),
            failed=alarms,
            failed_low=1 - upper_of_share(turned(wrong), of_failed),
            failed_high=upper_of_share(wrong, of_failed),
        )
    )


def strength_of_numbers(said: Values, truth: Values, *, error: float = 0.05) -> Strength:
    """Return the strength of a judge that gives numbers: by how much they rise where people's rise.

    Marks lie from 0 to 1. The slope and the height at 0 of the line through them, by least squares, with
    errors that the spread may differ along it. Source: Carroll, Ruppert, Stefanski, Crainiceanu, "Measurement
    Error in Nonlinear Models", 2006, section 2 (linear calibration); the errors: MacKinnon, White, Journal of
    Econometrics 29(3), 1985 (HC3). Raises InvalidRequest as `strength_of_yes_and_no`.
    """
    check_alpha(error)
    people, judge = sample(truth, "truth", 3), sample(said, "said", 3)
    if len(people) != len(judge):
        raise InvalidRequest(f"people gave {len(people)} marks and the judge {len(judge)}; give both of each")
    if float(np.ptp(people)) == 0:
        raise InvalidRequest("people gave one and the same mark to all answers, which tells no slope")
    design = np.column_stack((np.ones(len(people)), people))
    inverse = np.linalg.inv(design.T @ design)
    height, slope = (float(each) for each in inverse @ design.T @ judge)
    leverage = np.clip(np.einsum("ij,jk,ik->i", design, inverse, design), 0.0, 0.999)
    off = (judge - design @ np.asarray((height, slope))) / (1 - leverage)
    spread = inverse @ (design.T * off**2) @ design @ inverse
    each, of_failed = _parts(error)
    freedom, never = len(people) - 2, (0.0, float(len(people)))
    # Never yet off is not the same as never: a share of answers may be off by all of the scale.
    half = max(_half(freedom, each, spread[1, 1]), upper_of_share(never, each))
    half_of_height = max(_half(freedom, of_failed, spread[0, 0]), upper_of_share(never, of_failed))
    return _shown_to_discern(
        Strength(
            estimate=slope,
            low=slope - half,
            high=slope + half,
            failed=_share(height),
            failed_low=_share(height - half_of_height),
            failed_high=_share(height + half_of_height),
        )
    )


def strength_of_preferences(said: Values, truth: Values, *, error: float = 0.05) -> Strength:
    """Return the strength of a judge of pairs: how much oftener it takes the better one than the other.

    1 is the first of a pair, 0 the second, a half neither; what the judge says is the same in both orders,
    or a half. Which of two stands first says nothing, so its errors are taken to be alike for both, and it
    shows the same part of any preference; pairs that people call alike tell nothing of it. Source: as
    `strength_of_yes_and_no`, with a found for one side and c for the other, and a + c = 1 where it decides;
    the interval: `proportions.clustered_share`. Raises InvalidRequest as `strength_of_yes_and_no`.
    """
    check_alpha(error)
    people, judge = sample(truth, "truth"), sample(said, "said")
    if len(people) != len(judge):
        raise InvalidRequest(
            f"people marked {len(people)} pairs and the judge {len(judge)}; give both of each"
        )
    is_told = people != 0.5
    if not bool(is_told.any()):
        raise InvalidRequest("people prefer neither answer in all pairs that they marked")
    agreed = 0.5 + (judge[is_told] - 0.5) * np.sign(people[is_told] - 0.5)
    found = clustered_share(agreed, alpha=MARKS_PART * error)
    estimate, low, high = (2 * share - 1 for share in (found.estimate, found.low, found.high))
    # Whoever did not answer has lost for sure, where the judge would say so in this part alone.
    return _shown_to_discern(
        Strength(
            estimate=estimate,
            low=low,
            high=high,
            failed=1 - estimate,
            failed_low=1 - high,
            failed_high=1 - low,
        )
    )


def without_errors(shown: tuple[float, float], strength: Strength) -> tuple[float, float]:
    """Return between which true differences it lies, if between these a judge shows it.

    Source: as `strength_of_yes_and_no`: what is shown, divided by the strength.
    """
    low, high = shown
    return (
        max(-1.0, low / (strength.high if low > 0 else strength.low)),
        min(1.0, high / (strength.low if high > 0 else strength.high)),
    )


def _parts(error: float) -> tuple[float, float]:
    """The error of each end of the strength, and of each end of what counts for failed answers."""
    marks = MARKS_PART * error
    return (1 - FAILED_PART) * marks / 2, FAILED_PART * marks / 2


def _half(freedom: int, error: float, variance: float) -> float:
    return float(stdtrit(freedom, 1 - error)) * math.sqrt(float(variance))


def _shown_to_discern(strength: Strength) -> Strength:
    if strength.low <= 0:
        raise InvalidRequest(
            "what people marked does not show that its judge tells good from bad better than by chance; mark "
            "more, or improve the judge first"
        )
    return strength


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))
