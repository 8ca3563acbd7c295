"""Several questions at once: which of them may be called answered. Pure."""

import math
from collections.abc import Sequence

from headgate.core.faults import InvalidRequest


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that any wrong one among those called has at most the stated chance.

    Source: Holm, Scandinavian Journal of Statistics 6(2), 1979. For the metrics that decide.
    """
    _check_p(p_values)
    adjusted = [0.0] * len(p_values)
    greatest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        greatest = max(greatest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = greatest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted so that among those called, the wrong ones have at most the stated share.

    For exploratory metrics that are independent or move together. Source: Benjamini, Hochberg, JRSS B 57(1),
    1995, Theorem 1.
    """
    _check_p(p_values)
    count = len(p_values)
    adjusted = [0.0] * count
    least = 1.0
    for place, index in reversed(list(enumerate(sorted(range(count), key=p_values.__getitem__), 1))):
        least = min(least, count * p_values[index] / place)
        adjusted[index] = least
    return adjusted


def benjamini_yekutieli(p_values: Sequence[float]) -> list[float]:
    """Return the same where p-values may depend on one another in any way.

    Source: Benjamini, Yekutieli, "The control of the false discovery rate in multiple testing under
    dependency", Annals of Statistics 29(4), 2001, Theorem 1.3.
    """
    by = harmonic(len(p_values))
    return [min(1.0, by * value) for value in benjamini_hochberg(p_values)]


def harmonic(count: int) -> float:
    """Return 1 + 1/2 + ... + 1/count. Source: as `benjamini_yekutieli`, which is so much more careful."""
    return math.fsum(1 / place for place in range(1, count + 1))


def e_benjamini_hochberg(e_values: Sequence[float]) -> list[float]:
    """Return e-values adjusted so that of those of `1 / alpha` or more at most alpha are wrong on average.

    However they depend on one another, as metrics of the same units do. Source: Wang, Ramdas, "False
    discovery rate control with e-values", JRSS B 84(3), 2022 (the e-BH procedure).
    """
    _check_e(e_values)
    adjusted = [0.0] * len(e_values)
    most = 0.0
    order = sorted(range(len(e_values)), key=e_values.__getitem__, reverse=True)
    for place, index in reversed(list(enumerate(order, 1))):
        most = max(most, place * e_values[index] / len(e_values))
        adjusted[index] = most
    return adjusted


def combined_evidence(e_values: Sequence[float]) -> float:
    """Return one e-value of several, however they depend on one another: their mean.

    Source: Vovk, Wang, "E-values: Calibration, combination and applications", Annals of Statistics 49(3),
    2021.
    """
    _check_e(e_values)
    return math.fsum(e_values) / len(e_values)


def _check_p(p_values: Sequence[float]) -> None:
    wrong = [value for value in p_values if not 0 <= value <= 1]
    if wrong or not p_values:
        raise InvalidRequest(f"p-values are {wrong or 'none'}; give one or more, between 0 and 1")


def _check_e(e_values: Sequence[float]) -> None:
    wrong = [value for value in e_values if not 0 <= value < math.inf]
    if wrong or not e_values:
        raise InvalidRequest(f"e-values are {wrong or 'none'}; give one or more, from 0 and finite")
