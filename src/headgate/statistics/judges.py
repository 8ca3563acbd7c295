"""Scores of a judge that errs, corrected by a set of cases that people marked too; agreement; bias. Pure.

The calibration set's own uncertainty is part of each interval. Calibration cases are a random sample of the
cases that the judge marks; chosen otherwise, they correct for other cases than these.
"""

import math
from collections.abc import Hashable, Sequence

import msgspec
import numpy as np
from scipy.special import ndtri, stdtrit

from headgate.core.faults import InvalidRequest
from headgate.statistics.model import (
    Interval,
    Values,
    check_alpha,
    check_count,
    mean_and_error,
    places,
    sample,
)
from headgate.statistics.proportions import exact, paired_shares


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """How a judge marked cases that people call wrong and right: `right_said_right` of `right`, and so on."""

    right: int
    right_said_right: int
    wrong: int
    wrong_said_wrong: int

    def __post_init__(self) -> None:
        """Raise InvalidRequest for counts that can't be, or where a kind of case is missing."""
        for said, marked, kind in (
            (self.right_said_right, self.right, "right"),
            (self.wrong_said_wrong, self.wrong, "wrong"),
        ):
            check_count(marked, f"calibration cases that people call {kind}", 1)
            check_count(said, f"those that the judge calls {kind} too")
            if said > marked:
                raise InvalidRequest(
                    f"the judge calls {said} of {marked} cases {kind} that people call {kind}; count each "
                    "case once"
                )


def corrected_share(
    said_right: int, cases: int, calibration: Calibration, *, alpha: float = 0.05
) -> Interval:
    """Return the true share of right answers, given that the judge said so of `said_right` of `cases`.

    Rogan-Gladen with the errors of both sets, shares shrunk as by Agresti and Coull. Source: Rogan, Gladen,
    American Journal of Epidemiology 107(1), 1978; its interval: Lee et al., "How to Correctly Report
    LLM-as-a-Judge Evaluations", arXiv 2511.21140. Raises InvalidRequest where the judge
    tells right from wrong no better than by chance; `prediction_powered_mean` works with any judge.
    """
    check_alpha(alpha)
    check_count(cases, "cases", 1)
    check_count(said_right, "cases that the judge calls right")
    if said_right > cases:
        raise InvalidRequest(f"the judge calls {said_right} of {cases} cases right; count each case once")
    specificity = calibration.wrong_said_wrong / calibration.wrong
    sensitivity = calibration.right_said_right / calibration.right
    if specificity + sensitivity <= 1:
        raise InvalidRequest(
            f"the judge finds {sensitivity:.0%} of the right and {specificity:.0%} of the wrong answers: no "
            "better than by chance, so its marks say nothing; improve the judge first"
        )
    estimate = (said_right / cases + specificity - 1) / (specificity + sensitivity - 1)
    z = float(ndtri(1 - alpha / 2))
    share = (said_right + z**2 / 2) / (cases + z**2)
    wrong_share = (calibration.wrong_said_wrong + 1) / (calibration.wrong + 2)
    right_share = (calibration.right_said_right + 1) / (calibration.right + 2)
    strength = wrong_share + right_share - 1
    if strength <= 0:
        raise InvalidRequest(
            f"{calibration.right + calibration.wrong} calibration cases are too few to tell the judge from "
            "chance; mark more"
        )
    middle = (share + wrong_share - 1) / strength
    inside = min(1.0, max(0.0, middle))
    drift = (
        2
        * z**2
        * (
            -(1 - inside) * wrong_share * (1 - wrong_share) / (calibration.wrong + 2)
            + inside * right_share * (1 - right_share) / (calibration.right + 2)
        )
    )
    variance = (
        share * (1 - share) / (cases + z**2)
        + (1 - inside) ** 2 * wrong_share * (1 - wrong_share) / (calibration.wrong + 2)
        + inside**2 * right_share * (1 - right_share) / (calibration.right + 2)
    )
    error = math.sqrt(variance) / strength
    return Interval(
        estimate=min(1.0, max(0.0, estimate)),
        low=min(1.0, max(0.0, middle + drift - z * error)),
        high=max(0.0, min(1.0, middle + drift + z * error)),
        alpha=alpha,
        standard_error=error,
        n=cases,
    )


def prediction_powered_mean(
    marked: Values, judged_of_marked: Values, judged: Values, *, alpha: float = 0.05
) -> Interval:
    """Return the mean of what people would say: few cases are marked by people and judge, many by the judge.

    The judge's weight is chosen so that a useless judge costs nothing. Source: Angelopoulos, Duchi, Zrnic,
    "PPI++: Efficient Prediction-Powered Inference", arXiv 2311.01453; the weight: section 6.
    """
    check_alpha(alpha)
    truth, said = sample(marked, "marked", 2), sample(judged_of_marked, "judged_of_marked", 2)
    other = sample(judged, "judged", 2)
    if len(truth) != len(said):
        raise InvalidRequest(
            f"people marked {len(truth)} cases and the judge {len(said)} of them; give both for each"
        )
    few, many = len(truth), len(other)
    spread = float(np.concatenate((said, other)).var(ddof=1))
    covariance = float(np.cov(truth, said, ddof=1)[0, 1])
    weight = min(1.0, max(0.0, covariance / ((1 + few / many) * spread))) if spread > 0 else 0.0
    corrections, error_of_few = mean_and_error(truth - weight * said, "differences of people and judge")
    error_of_many = weight * float(other.std(ddof=1)) / math.sqrt(many)
    error = math.hypot(error_of_few, error_of_many)
    # The normal quantile of the source is a little short for few marked cases.
    half = float(stdtrit(few - 1, 1 - alpha / 2)) * error
    if len(np.unique(truth)) == 2:
        # Continuity: without it, yes or no for 100 cases costs half a point of coverage.
        half += float(np.ptp(truth)) / (2 * few)
    estimate = corrections + weight * float(other.mean())
    return Interval(
        estimate=estimate,
        low=estimate - half,
        high=estimate + half,
        alpha=alpha,
        standard_error=error,
        n=few + many,
    )


def marks_for_half_the_width(
    marked: Values, judged_of_marked: Values, judged: Values, *, alpha: float = 0.05
) -> int | None:
    """Return how many more marks by people would halve the interval of `prediction_powered_mean`.

    None where more marks than there are judged cases would be needed. The variance after n marks is
    `(var(truth) - cov^2 / ((1 + n/N) var(judge))) / n`. Source: Angelopoulos, Duchi, Zrnic, arXiv
    2311.01453, with the best weight of its section 6 put in.
    """
    now = prediction_powered_mean(marked, judged_of_marked, judged, alpha=alpha)
    truth, said = sample(marked, "marked", 2), sample(judged_of_marked, "judged_of_marked", 2)
    other = sample(judged, "judged", 2)
    spread = float(np.concatenate((said, other)).var(ddof=1))
    explained = max(0.0, float(np.cov(truth, said, ddof=1)[0, 1])) ** 2 / spread if spread > 0 else 0.0
    variance, many = float(truth.var(ddof=1)), len(other)
    stepped = float(np.ptp(truth)) / 2 if len(np.unique(truth)) == 2 else 0.0
    wanted = (now.high - now.low) / 4

    few = len(truth)
    expected = _Expected(variance=variance, explained=explained, judged=many, stepped=stepped, alpha=alpha)
    marks = expected.marks_for(wanted, least=few, most=few + many)
    return None if marks is None else marks - few


def marks_for_width(
    half_width: float,
    *,
    deviation: float,
    likeness: float,
    judged: int,
    is_share: bool = True,
    alpha: float = 0.05,
) -> int | None:
    """Return how many marks by people bring `prediction_powered_mean` within this of its estimate.

    Before anybody marks: `deviation` is the standard deviation of what people would say, `likeness` its
    correlation with what the judge says, `judged` how many answers it marks besides; `is_share` adds what yes
    and no take for continuity. None where so many marks as there are answers would not do. Source: as
    `marks_for_half_the_width`; with likeness 0 the textbook's number for a mean of people's marks alone.
    """
    check_alpha(alpha)
    check_count(judged, "answers that the judge marks", 2)
    if not (0 < half_width < math.inf and 0 < deviation < math.inf and 0 <= likeness <= 1):
        raise InvalidRequest(
            f"half the width is {half_width}, the deviation {deviation}, the likeness {likeness}: the first "
            "two are above 0, the likeness lies from 0 to 1"
        )
    variance = deviation**2
    expected = _Expected(
        variance=variance,
        explained=likeness**2 * variance,
        judged=judged,
        stepped=0.5 * is_share,
        alpha=alpha,
    )
    return expected.marks_for(half_width, least=1, most=judged)


def likeness_of(share: float, sensitivity: float, specificity: float) -> float:
    """Return the correlation of yes and no by people and by a judge that finds so many of good and bad.

    The phi coefficient; 0 for a judge of chance or worse. Source: Yule, Journal of the Royal Statistical
    Society 75(6), 1912.
    """
    if not (0 < share < 1 and 0 <= sensitivity <= 1 and 0 <= specificity <= 1):
        raise InvalidRequest(
            f"share {share}, sensitivity {sensitivity}, specificity {specificity}: the share lies between 0 "
            "and 1, the others from 0 to 1"
        )
    says_good = share * sensitivity + (1 - share) * (1 - specificity)
    spread = says_good * (1 - says_good)
    if spread <= 0:
        return 0.0
    covariance = share * (sensitivity - says_good)
    return min(1.0, max(0.0, covariance / math.sqrt(share * (1 - share) * spread)))


class _Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the prediction-powered interval is expected to be after so many marks by people."""

    variance: float
    explained: float
    judged: int
    stepped: float
    alpha: float

    def half_width(self, marks: int) -> float:
        left = max(0.0, self.variance - self.explained / (1 + marks / self.judged))
        error = math.sqrt(left / marks)
        return float(stdtrit(marks - 1, 1 - self.alpha / 2)) * error + self.stepped / marks

    def marks_for(self, wanted: float, *, least: int, most: int) -> int | None:
        """The fewest above `least` that do; None where `most` don't."""
        if self.half_width(most) > wanted:
            return None
        while most - least > 1:
            middle = (least + most) // 2
            least, most = (least, middle) if self.half_width(middle) <= wanted else (middle, most)
        return most


def kappa(one: Sequence[Hashable], other: Sequence[Hashable], *, alpha: float = 0.05) -> Interval:
    """Return how far two markers agree beyond chance: 1 is always, 0 as by chance.

    Source: Cohen, Educational and Psychological Measurement 20(1), 1960, page 40; the error of Fleiss, Cohen,
    Everitt, Psychological Bulletin 72(5), 1969. Where they agree on all cases that error is 0; the interval
    is then that of the agreement (Clopper and Pearson), for marks as frequent as these. Raises InvalidRequest
    where both gave one and the same mark to every case.
    """
    check_alpha(alpha)
    if len(one) != len(other) or not one:
        raise InvalidRequest(f"{len(one)} marks against {len(other)}; give both markers' for each case")
    index, names = places([*one, *other])
    cases, kinds = len(one), len(names)
    if kinds == 1:
        raise InvalidRequest(
            f"all {cases} marks of both are {names[0]!r}: whether they agree beyond chance can't be told; "
            "add cases that deserve another mark"
        )
    table = np.zeros((kinds, kinds))
    np.add.at(table, (index[:cases], index[cases:]), 1 / cases)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    diagonal = np.diag(table)
    agreed, by_chance = float(diagonal.sum()), float(rows @ columns)
    estimate = (agreed - by_chance) / (1 - by_chance)
    rest = 1 - estimate
    weighted = table * (columns[:, None] + rows[None, :]) ** 2
    variance = (
        float((diagonal * (1 - (rows + columns) * rest) ** 2).sum())
        + rest**2 * float(weighted.sum() - np.diag(weighted).sum())
        - (estimate - by_chance * rest) ** 2
    ) / (cases * (1 - by_chance) ** 2)
    error = math.sqrt(max(0.0, variance))
    if bool((index[:cases] == index[cases:]).all()):
        ends = exact(cases, cases, alpha=alpha)
        low, high, error = (ends.low - by_chance) / (1 - by_chance), 1.0, 0.0
    else:
        half = float(ndtri(1 - alpha / 2)) * error
        low, high = estimate - half, estimate + half
    return Interval(
        estimate=estimate,
        low=max(-1.0, low),
        high=min(1.0, high),
        alpha=alpha,
        standard_error=error,
        n=cases,
    )


def position_bias(
    shown_first: Sequence[bool], shown_second: Sequence[bool], *, alpha: float = 0.05
) -> Interval:
    """Return how much likelier an answer wins for being shown first: 0 is none, 1 is always.

    For each case, whether one and the same answer won when shown first, and when shown second. Source: Shi et
    al., "Judging the Judges: A Systematic Study of Position Bias", arXiv 2406.07791 (preference fairness), as
    a difference of paired shares.
    """
    if len(shown_first) != len(shown_second):
        raise InvalidRequest(
            f"{len(shown_first)} cases beside {len(shown_second)} swapped; give both orders of each case"
        )
    pairs = [(bool(first), bool(second)) for first, second in zip(shown_first, shown_second, strict=True)]
    counts = (pairs.count((True, True)), pairs.count((True, False)), pairs.count((False, True)))
    return paired_shares(*counts, len(pairs) - sum(counts), alpha=alpha)
