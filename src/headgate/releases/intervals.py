"""Intervals for rates, means, quantiles and their differences. Pure, without any package.

Each function says which paper it implements. Values of one group, such as a user's calls, may resemble each
other; groups are independent of each other. Read next: `releases.comparing`.
"""

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

LEVEL = 0.95


class Interval(NamedTuple):
    """An estimate and the interval around it; infinite edges where nothing is known."""

    estimate: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the whole interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


UNKNOWN = Interval(math.nan, -math.inf, math.inf)


class Moments(NamedTuple):
    """What a mean's interval is made from: how many values of how many groups, their mean, the variance of
    that mean, and what each group has put into it."""

    size: int
    groups: int
    mean: float
    variance: float
    parts: Mapping[Hashable, float]

    @classmethod
    def of(cls, values: Sequence[float], groups: Sequence[Hashable] | None = None) -> "Moments":
        """Return the moments of some values; those of one group may resemble each other.

        Source: Liang and Zeger, Biometrika 73, 1986, with the factor G/(G-1) for G groups; without groups
        this is the usual variance of a mean.
        """
        count = len(values)
        if count == 0:
            return cls(0, 0, math.nan, math.nan, {})
        mean = math.fsum(values) / count
        parts: dict[Hashable, float] = {}
        for value, group in zip(values, range(count) if groups is None else groups, strict=True):
            parts[group] = parts.get(group, 0.0) + (value - mean) / count
        return cls(count, len(parts), mean, _variance(parts.values()), parts)

    @property
    def independent(self) -> float:
        """How many independent yeses and noes (1 and 0) would tell as much of their share."""
        if self.groups == self.size or self.mean in (0, 1):
            return float(self.groups)
        if not self.variance > 0:
            return float(self.groups)
        return min(float(self.size), self.mean * (1 - self.mean) / self.variance)


def _variance(parts: Collection[float]) -> float:
    """The variance of a sum of parts whose mean is zero, from as many groups."""
    count = len(parts)
    return math.nan if count < 2 else count / (count - 1) * math.fsum(part * part for part in parts)


def difference(before: Interval, after: Interval) -> Interval:
    """Return how much a quantity rose, from the intervals of two independent estimates of it.

    Source: Zou and Donner, "Construction of confidence limits about effect measures: a general approach",
    Statistics in Medicine 27, 2008 (MOVER), of which Newcombe's is the case of two rates.
    """
    rise = after.estimate - before.estimate
    low = math.hypot(after.estimate - after.low, before.high - before.estimate)
    high = math.hypot(after.high - after.estimate, before.estimate - before.low)
    return Interval(rise, rise - low, rise + high)


def share_interval(moments: Moments, level: float = LEVEL) -> Interval:
    """Return the interval of a share of yeses (1) and noes (0) that come in groups.

    The score interval, of as many cases as would tell as much; where all are alike, each group is one case.
    Sources: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927;
    Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts",
    Survey Methodology 24, 1998.
    """
    if moments.size == 0:
        return Interval(math.nan, 0.0, 1.0)
    if moments.groups < 2 < moments.size:
        return Interval(moments.mean, 0.0, 1.0)
    rate, of, z = moments.mean, moments.independent, _z(level)
    centre = (rate + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(rate * (1 - rate) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    low = 0.0 if rate == 0 else max(0.0, centre - half)
    high = 1.0 if rate == 1 else min(1.0, centre + half)
    return Interval(rate, low, high)


def share_difference(before: Moments, after: Moments, level: float = LEVEL) -> Interval:
    """Return how much a share rose: the hybrid score interval.

    Source: Newcombe, "Interval estimation for the difference between independent proportions: comparison of
    eleven methods", Statistics in Medicine 17, 1998, method 10.
    """
    if before.size == 0 or after.size == 0:
        return UNKNOWN
    return difference(share_interval(before, level), share_interval(after, level))


def mean_interval(moments: Moments, level: float = LEVEL) -> Interval:
    """Return the interval of a mean. Source: Student, "The probable error of a mean", Biometrika 6, 1908."""
    if moments.groups < 2:
        return Interval(moments.mean, -math.inf, math.inf)
    half = t_quantile(0.5 + level / 2, moments.groups - 1) * math.sqrt(moments.variance)
    return Interval(moments.mean, moments.mean - half, moments.mean + half)


def mean_difference(before: Moments, after: Moments, level: float = LEVEL) -> Interval:
    """Return how much a mean rose, with variances that may differ, and groups that may be in both.

    Source: Welch, "The generalization of 'Student's' problem when several different population variances are
    involved", Biometrika 34, 1947; degrees of freedom by Satterthwaite, Biometrics Bulletin 2, 1946; what a
    group has put into both means counts as one.
    """
    if before.groups < 2 or after.groups < 2:
        return UNKNOWN
    rise = after.mean - before.mean
    one, other = before.variance, after.variance
    if one + other == 0:
        return Interval(rise, rise, rise)
    freedom = (one + other) ** 2 / (one * one / (before.groups - 1) + other * other / (after.groups - 1))
    shared = math.fsum(part * before.parts.get(group, 0.0) for group, part in after.parts.items())
    half = t_quantile(0.5 + level / 2, freedom) * math.sqrt(max(0.0, one + other - 2 * shared))
    return Interval(rise, rise - half, rise + half)


def quantile_interval(
    ordered: Sequence[float],
    share: float,
    level: float = LEVEL,
    *,
    groups: Sequence[Hashable] | None = None,
) -> Interval:
    """Return the interval of a quantile between two of the values, which are sorted; free of distribution.

    Source: Conover, "Practical Nonparametric Statistics", 3rd edition, 1999, section 3.2: the ranks of the
    edges come from the binomial distribution, here by its exact tails. Where there are too few values for an
    edge, it is infinite. Values in groups: the ranks are those of as many values as would tell as much of how
    many lie below (Woodruff, "Confidence intervals for medians and other position measures", JASA 47, 1952).
    """
    count = len(ordered)
    if count == 0:
        return UNKNOWN
    tail = (1 - level) / 2
    estimate = ordered[min(count - 1, max(0, math.ceil(count * share) - 1))]
    independent = count
    if groups is not None:
        below = Moments.of([float(value <= estimate) for value in ordered], groups)
        independent = max(1, int(below.independent))
    low_rank, high_rank = _ranks(independent, share, tail)
    if independent < count:
        low_rank = low_rank * count // independent
        high_rank = count + 1 if high_rank > independent else -(-high_rank * count // independent)
    low = ordered[low_rank - 1] if low_rank >= 1 else -math.inf
    high = ordered[high_rank - 1] if high_rank <= count else math.inf
    return Interval(estimate, low, high)


def t_quantile(probability: float, freedom: float) -> float:
    """Return the quantile of Student's distribution, to six digits; degrees of freedom may be fractional.

    Found by bisection on the distribution function, which is the regularised incomplete beta function.
    Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.7.1 and 26.5.8.
    """
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    low, high = 0.0, 2.0
    while t_below(high, freedom) < probability:
        high *= 2
    while high - low > 1e-7 * high:
        middle = (low + high) / 2
        if t_below(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def t_below(value: float, freedom: float) -> float:
    """Return the probability that Student's t is below a value that is not negative."""
    return 1 - incomplete_beta(freedom / 2, 0.5, freedom / (freedom + value * value)) / 2


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function.

    Source: Abramowitz and Stegun, 26.5.8, the continued fraction, summed up by Lentz's method (Lentz, Applied
    Optics 15, 1976).
    """
    if x <= 0 or x >= 1:
        return min(1.0, max(0.0, x))
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    scale = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    tiny = 1e-300
    numerator, denominator = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1), tiny)
    fraction = denominator
    for m in range(1, 400):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        step = 1.0
        for term in (even, odd):
            denominator = 1 / _nonzero(1 + term * denominator, tiny)
            numerator = _nonzero(1 + term / numerator, tiny)
            step = numerator * denominator
            fraction *= step
        if abs(step - 1) < 1e-14:
            break
    return scale * fraction / a


def _nonzero(value: float, tiny: float) -> float:
    return tiny if abs(value) < tiny else value


def _ranks(count: int, share: float, tail: float) -> tuple[int, int]:
    """The ranks of the edges: the last below which at most `tail` lies, and the first above which it does."""
    log_share, log_rest = math.log(share), math.log1p(-share)
    below, low_rank, high_rank = 0.0, 0, count + 1
    for rank in range(count):
        # The chance that exactly `rank` of the values lie below the true quantile.
        below += math.exp(
            math.lgamma(count + 1)
            - math.lgamma(rank + 1)
            - math.lgamma(count - rank + 1)
            + rank * log_share
            + (count - rank) * log_rest
        )
        if below <= tail:
            low_rank = rank + 1
        if below >= 1 - tail:
            high_rank = rank + 1
            break
    return low_rank, high_rank


def _z(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)
