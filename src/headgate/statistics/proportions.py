"""Intervals of shares, for few and for many cases, and of their difference. Pure.

Below some hundred cases, what holds for many (mean and standard error) does not: Bowyer, Aitchison, Ivanova,
"Position: Don't Use the CLT in LLM Evals With Fewer Than a Few Hundred Datapoints", ICML 2025, arXiv
2503.01747.
"""

import math
from collections.abc import Hashable, Sequence

from scipy.special import betaincinv, ndtri, stdtrit

from headgate.core.faults import InvalidRequest
from headgate.statistics.effects import clustered_mean
from headgate.statistics.model import Interval, Values, check_alpha, check_count, places, sample


def wilson(successes: int, cases: int, *, alpha: float = 0.05) -> Interval:
    """Return Wilson's score interval of a share.

    Source: Wilson, JASA 22, 1927; Brown, Cai, DasGupta, "Interval Estimation for a Binomial Proportion",
    Statistical Science 16(2), 2001, section 3.1.1, equation 4.
    """
    _check(successes, cases, alpha)
    share, z = successes / cases, float(ndtri(1 - alpha / 2))
    shrunk = (successes + z**2 / 2) / (cases + z**2)
    half = z * math.sqrt(cases) / (cases + z**2) * math.sqrt(share * (1 - share) + z**2 / (4 * cases))
    return _interval(successes, cases, alpha, (shrunk - half, shrunk + half))


def exact(successes: int, cases: int, *, alpha: float = 0.05) -> Interval:
    """Return the interval that holds at its error for any number of cases, and is wider for it.

    Source: Clopper, Pearson, Biometrika 26, 1934; Brown, Cai, DasGupta, Statistical Science 16(2), 2001,
    section 4.2.1.
    """
    _check(successes, cases, alpha)
    return _interval(successes, cases, alpha, _ends(successes, cases, alpha))


def difference_of_shares(one: tuple[int, int], other: tuple[int, int], *, alpha: float = 0.05) -> Interval:
    """Return the interval of a difference of two shares of separate cases, each `(successes, cases)`.

    Source: Newcombe, Statistics in Medicine 17, 1998, method 10 (of Wilson's intervals).
    """
    first, second = wilson(*one, alpha=alpha), wilson(*other, alpha=alpha)
    estimate = first.estimate - second.estimate
    low = estimate - math.hypot(first.estimate - first.low, second.high - second.estimate)
    high = estimate + math.hypot(first.high - first.estimate, second.estimate - second.low)
    error = math.hypot(first.standard_error, second.standard_error)
    return Interval(
        estimate=estimate, low=low, high=high, alpha=alpha, standard_error=error, n=first.n + second.n
    )


def paired_shares(
    both: int, only_one: int, only_other: int, neither: int, *, alpha: float = 0.05
) -> Interval:
    """Return the interval of a difference of two shares of the same cases: one's less the other's.

    Source: Newcombe, Statistics in Medicine 17, 1998, 2635-2650, method 10 (for paired data).
    """
    for count in (both, only_one, only_other, neither):
        check_count(count, "cases of a kind")
    cases = both + only_one + only_other + neither
    first = wilson(both + only_one, cases, alpha=alpha)
    second = wilson(both + only_other, cases, alpha=alpha)
    likeness = _likeness((both, only_one, only_other, neither))
    estimate = first.estimate - second.estimate
    low = estimate - _joined(first.estimate - first.low, second.high - second.estimate, likeness)
    high = estimate + _joined(first.high - first.estimate, second.estimate - second.low, likeness)
    spread = (only_one + only_other) / cases - estimate**2
    return Interval(
        estimate=estimate,
        low=low,
        high=high,
        alpha=alpha,
        standard_error=math.sqrt(max(0.0, spread) / cases),
        n=cases,
    )


def clustered_share(
    values: Values, clusters: Sequence[Hashable] | None = None, *, alpha: float = 0.05
) -> Interval:
    """Return the interval of a mean of values in [0, 1], such as yes or no in clusters; good for few of them.

    As many independent cases are looked for as would give the same error, and `exact` is asked about those.
    Where all values are 0, or all 1, each cluster counts as one case. Source: Korn, Graubard, "Confidence
    intervals for proportions with small expected number of positive counts", Survey Methodology 24(2), 1998.
    """
    check_alpha(alpha)
    array = sample(values)
    if array.min() < 0 or array.max() > 1:
        raise InvalidRequest(f"values lie between {array.min():g} and {array.max():g}; shares take 0 to 1")
    share, groups = float(array.mean()), len(array if clusters is None else places(clusters)[1])
    if share in (0, 1):
        return _interval(groups * share, groups, alpha, _ends(groups * share, groups, alpha))
    mean = clustered_mean(array, clusters)
    cases = share * (1 - share) / mean.standard_error**2
    narrow, wide = (float(stdtrit(freedom, 1 - alpha / 2)) for freedom in (len(array) - 1, mean.freedom))
    cases *= (narrow / wide) ** 2
    low, high = _ends(share * cases, cases, alpha)
    return Interval(
        estimate=share, low=low, high=high, alpha=alpha, standard_error=mean.standard_error, n=mean.n
    )


def _likeness(cells: tuple[int, int, int, int]) -> float:
    """The phi coefficient of a table of pairs, with the continuity correction that the source has."""
    both, only_one, only_other, neither = cells
    margins = (both + only_one) * (only_other + neither) * (both + only_other) * (only_one + neither)
    if margins == 0:
        return 0.0
    crossed = both * neither - only_one * only_other
    corrected = max(crossed - sum(cells) / 2, 0) if crossed > 0 else crossed
    return corrected / math.sqrt(margins)


def _joined(one: float, other: float, likeness: float) -> float:
    return math.sqrt(max(0.0, one**2 - 2 * likeness * one * other + other**2))


def _ends(successes: float, cases: float, alpha: float) -> tuple[float, float]:
    """Clopper and Pearson's; the counts may be fractions."""
    missing = cases - successes
    low = float(betaincinv(successes, missing + 1, alpha / 2)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, missing, 1 - alpha / 2)) if missing > 0 else 1.0
    return low, high


def _interval(successes: float, cases: int, alpha: float, ends: tuple[float, float]) -> Interval:
    share = successes / cases
    return Interval(
        estimate=share,
        low=max(0.0, min(ends[0], share)),
        high=min(1.0, max(ends[1], share)),
        alpha=alpha,
        standard_error=math.sqrt(share * (1 - share) / cases),
        n=cases,
    )


def _check(successes: int, cases: int, alpha: float) -> None:
    check_alpha(alpha)
    check_count(cases, "cases", 1)
    check_count(successes, "successes")
    if successes > cases:
        raise InvalidRequest(f"{successes} successes of {cases} cases are no share; count each case once")
