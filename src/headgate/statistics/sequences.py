"""Confidence sequences: intervals that hold at every look, however often and whenever one stops. Pure.

`asymptotic` needs only a variance and holds from some hundred units on; `betting` holds from the first unit,
for values in known bounds; `planned_radius` gives up precision after a planned size for more of it there.
Read next: `statistics.effects`.
"""

import math

import numpy as np
from scipy.special import ndtr, ndtri

from headgate.core.faults import InvalidRequest
from headgate.statistics.model import Interval, Sample, Side, Values, check_alpha, mean_and_error, sample

TIGHT_AT = 1000
"""The number of units at which an asymptotic sequence is tightest, unless said otherwise."""

UNITS_LEAST = 100
"""Below this, a variance estimated from the units themselves is too uncertain for an asymptotic sequence."""

UNITS_PER_SKEWNESS = 10
"""How many units each unit of squared skewness costs before normal approximations hold.

For yes or no with a rare yes these are ten of them. Found by simulation: without it, a mean of 1 % alarms in
13 % of the sequences of a nominal 5 %, with it in 3 % (`tests/unit/test_statistics_looking.py`). The form is
that of Kohavi et al., "Seven Rules of Thumb for Web Site Experimenters", KDD 2014, rule 7.
"""

HALVINGS = 26
"""How often an end of a betting sequence is halved: to a hundred-millionth of its bounds, and outwards."""

SHARE_AFTER_PLAN = 0.05
"""The share of alpha that a planned sequence keeps for looks after the planned size."""


def asymptotic(
    values: Values, *, alpha: float = 0.05, tight_at: int = TIGHT_AT, side: Side = "two-sided"
) -> Interval:
    """Return the asymptotic confidence sequence of a mean at this moment; open where that is too early.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, "Time-uniform central limit theory and asymptotic
    confidence sequences", Annals of Statistics 52(6), 2024, arXiv 2103.06476, Theorem 2.2; one-sided: its
    appendix.
    """
    array = sample(values, least=2)
    mean, error = mean_and_error(array)
    if not has_settled(array):
        return interval_of(mean, error, len(array), alpha=alpha, half=math.inf)
    return around(mean, error, len(array), alpha=alpha, tight_at=tight_at, side=side)


def around(
    estimate: float,
    standard_error: float,
    n: int,
    *,
    alpha: float = 0.05,
    tight_at: int = TIGHT_AT,
    side: Side = "two-sided",
) -> Interval:
    """Return the asymptotic confidence sequence of any estimate that is a mean of influence values.

    `standard_error` is the estimate's own, of `n` units; whether `n` is enough is for the caller to know
    (`has_settled`). Source: as `asymptotic`, section 3 (treatment effects).
    """
    half = standard_error * radius(n, alpha=alpha, tight_at=tight_at, side=side)
    return interval_of(estimate, standard_error, n, alpha=alpha, half=half, side=side)


def interval_of(
    estimate: float, standard_error: float, n: int, *, alpha: float, half: float, side: Side = "two-sided"
) -> Interval:
    """Return the interval that reaches `half` to the sides that it closes."""
    check_alpha(alpha)
    if not (math.isfinite(estimate) and standard_error > 0):
        raise InvalidRequest(
            f"an estimate of {estimate} with a standard error of {standard_error} has no interval; give a "
            "finite estimate and an error above 0"
        )
    return Interval(
        estimate=estimate,
        low=-math.inf if side == "upper" else estimate - half,
        high=math.inf if side == "lower" else estimate + half,
        alpha=alpha,
        standard_error=standard_error,
        n=n,
    )


def has_settled(values: Sample, least: int = UNITS_LEAST) -> bool:
    """Say whether there are enough values, for how skewed they are, to trust a normal approximation.

    Source: as `UNITS_PER_SKEWNESS`: Kohavi et al., KDD 2014, rule 7.
    """
    deviation = float(values.std())
    if len(values) < least or deviation == 0:
        return False
    skewness = float((((values - values.mean()) / deviation) ** 3).mean())
    return len(values) >= UNITS_PER_SKEWNESS * skewness**2


def radius(
    n: int,
    *,
    alpha: float = 0.05,
    tight_at: int = TIGHT_AT,
    side: Side = "two-sided",
    mixed_for: float | None = None,
) -> float:
    """Return half the width in standard errors: what 1.96 is to an interval for one look.

    The mixture is made for the error `mixed_for`, which is alpha unless alpha itself is known only once one
    has looked: intervals of one mixture are nested. Source: as `asymptotic`: the normal mixture, with the
    width that its appendix recommends.
    """
    check_alpha(alpha)
    if n < 1 or tight_at < 1:
        raise InvalidRequest(f"n is {n} and tight_at {tight_at}; both count units, from 1")
    spread = n * mixture_width(tight_at, alpha if mixed_for is None else mixed_for) ** 2
    if side == "two-sided":
        level = math.log(math.sqrt(spread + 1) / alpha)
    else:
        level = math.log(1 + math.sqrt(spread + 1) / (2 * alpha))
    return math.sqrt(2 * (spread + 1) / spread * level)


def mixture_width(tight_at: int, alpha: float) -> float:
    """Return the rho that makes the sequence tightest at a number of units.

    Source: as `asymptotic`, appendix on the choice of rho.
    """
    check_alpha(alpha)
    logarithm = -2 * math.log(alpha)
    return math.sqrt((logarithm + math.log(logarithm + 1)) / tight_at)


def planned_radius(
    n: int,
    *,
    planned: int,
    alpha: float = 0.05,
    side: Side = "two-sided",
    mixed_for: float | None = None,
) -> float:
    """Return half the width in standard errors of the sequence that is made for a planned number of units.

    It holds at every look too, is wide before the plan, and at the plan nearly as narrow as an interval for
    one look (2.26 against 1.96 errors). Later looks have a twentieth of alpha: wider, so decide at the plan.

    A constant boundary for the sum of the influence values, crossed by a Brownian motion with the chance that
    the reflection principle gives. Source: O'Brien, Fleming, "A multiple testing procedure for clinical
    trials", Biometrics 35(3), 1979, at every moment: Lan, DeMets, Biometrika 70(3), 1983.
    """
    check_alpha(alpha)
    if n < 1 or planned < 1:
        raise InvalidRequest(f"n is {n} and the plan {planned}; both count units, from 1")
    if n > planned:
        mixed = SHARE_AFTER_PLAN * (alpha if mixed_for is None else mixed_for)
        return radius(n, alpha=SHARE_AFTER_PLAN * alpha, tight_at=2 * planned, side=side, mixed_for=mixed)
    return planned_boundary(alpha, side) * math.sqrt(planned / n)


def planned_boundary(alpha: float, side: Side = "two-sided") -> float:
    """Return the boundary at the planned size, in standard errors. Source: as `planned_radius`."""
    reflections = 4 if side == "two-sided" else 2
    return float(-ndtri((1 - SHARE_AFTER_PLAN) * alpha / reflections))


def always_valid_p(
    estimate: float,
    standard_error: float,
    n: int,
    *,
    null: float = 0.0,
    tight_at: int = TIGHT_AT,
    mixed_for: float = 0.05,
) -> float:
    """Return the p-value that holds at every look; give the alpha of its interval as `mixed_for`.

    It is at most an alpha exactly where the interval of the same mixture at that alpha leaves out `null`
    (`radius`). With another mixture, the one could exclude what the other does not. Source: Johari, Koomen,
    Pekelis, Walsh, "Always Valid Inference", Operations Research 70(3), 2022: the likelihood ratio of a
    normal mixture.
    """
    interval_of(estimate, standard_error, n, alpha=mixed_for, half=0.0)
    return min(1.0, math.exp(-_evidence((estimate - null) / standard_error, n, tight_at, mixed_for)))


def planned_p(
    estimate: float, standard_error: float, n: int, *, planned: int, mixed_for: float = 0.05
) -> float:
    """Return the p-value that goes with `planned_radius`, and holds at every look too.

    Source: as `planned_radius`; after the plan as `always_valid_p`, of the twentieth that is left.
    """
    interval_of(estimate, standard_error, n, alpha=mixed_for, half=0.0)
    away = abs(estimate) / standard_error
    if n <= planned:
        return min(1.0, 4 * float(ndtr(-away * math.sqrt(n / planned))) / (1 - SHARE_AFTER_PLAN))
    evidence = _evidence(away, n, 2 * planned, SHARE_AFTER_PLAN * mixed_for)
    return min(1.0, math.exp(-evidence) / SHARE_AFTER_PLAN)


def _evidence(away: float, n: int, tight_at: int, mixed_for: float) -> float:
    """The logarithm of a normal mixture's likelihood ratio, against an estimate so many errors away."""
    spread = n * mixture_width(tight_at, mixed_for) ** 2
    return away**2 * spread / (2 * (spread + 1)) - math.log(spread + 1) / 2


def betting(values: Values, *, bounds: tuple[float, float] = (0.0, 1.0), alpha: float = 0.05) -> Interval:
    """Return the hedged capital confidence sequence of a bounded mean, in the order in which values came.

    Holds from the first value on, for every distribution within `bounds`; a constant is no trouble. Its own
    look only, not narrowed by those before. Source: Waudby-Smith, Ramdas, "Estimating means of bounded random
    variables by betting", JRSS B 86(1), 2024, Theorem 3, with predictable plug-in bets.
    """
    check_alpha(alpha)
    low, high = bounds
    array = sample(values)
    scaled = _scaled(array, bounds)
    bets = plug_in_bets(scaled, alpha)
    # The capital against a mean falls as that mean rises, so each end is found by halving.
    lower = _end(scaled, bets, math.log(2 / alpha))
    upper = 1 - _end(1 - scaled, bets, math.log(2 / alpha))
    if lower > upper:
        raise InvalidRequest(
            f"the mean of these {len(array)} values moved while they came: none explains all of them; look "
            "at shorter periods"
        )
    deviation = float(array.std(ddof=1)) if len(array) > 1 else math.inf
    return Interval(
        estimate=float(array.mean()),
        low=low + (high - low) * lower,
        high=low + (high - low) * upper,
        alpha=alpha,
        standard_error=deviation / math.sqrt(len(array)),
        n=len(array),
    )


def is_larger(values: Values, mean: float, *, bounds: tuple[float, float], alpha: float = 0.05) -> bool:
    """Say whether bets have shown the mean of these values to be larger than this one, inside of the bounds.

    One end of `betting` at the same alpha, asked of one mean. Source: as there.
    """
    check_alpha(alpha)
    low, high = bounds
    scaled = _scaled(sample(values), bounds)
    won = gains(scaled, plug_in_bets(scaled, alpha), (mean - low) / (high - low))
    return float(won.sum()) >= math.log(2 / alpha)


def apart(one: Interval, other: Interval) -> Interval:
    """Return the interval of a difference from the intervals of its two parts; their errors add up.

    Wider than an interval made for the difference, but holds whatever ties the parts together, such as
    outcomes that come late and not equally late. Source: the union bound; Lindon, Kallus, arXiv 2603.25971.
    """
    return Interval(
        estimate=one.estimate - other.estimate,
        low=one.low - other.high,
        high=one.high - other.low,
        alpha=one.alpha + other.alpha,
        standard_error=math.hypot(one.standard_error, other.standard_error),
        n=one.n + other.n,
    )


def _scaled(array: Sample, bounds: tuple[float, float]) -> Sample:
    low, high = bounds
    if not -math.inf < low < high < math.inf or array.min() < low or array.max() > high:
        raise InvalidRequest(
            f"bounds are {low} to {high}, values {array.min():g} to {array.max():g}; bounds have to hold all "
            "values and leave room between"
        )
    return (array - low) / (high - low)


def _end(scaled: Sample, bets: Sample, enough: float) -> float:
    """The largest mean against which bets on a larger one have won `enough` (a logarithm)."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if float(gains(scaled, bets, middle).sum()) >= enough else (low, middle)
    return low


def gains(scaled: Sample, bets: Sample, mean: float) -> Sample:
    """Return the logarithms of what each bet on a larger mean won; half the capital at most is bet.

    Source: as `betting`, the capital of its Theorem 3.
    """
    return np.log1p(np.minimum(bets, 0.5 / mean) * (scaled - mean))


def plug_in_bets(scaled: Sample, alpha: float) -> Sample:
    """Return what is bet before each value (of the last axis) is seen, from those before it.

    Source: as `betting`, its predictable plug-in.
    """
    count: Sample = np.arange(1, scaled.shape[-1] + 1, dtype=np.float64)
    mean: Sample = (0.5 + np.cumsum(scaled, axis=-1)) / (count + 1)
    variance: Sample = (0.25 + np.cumsum((scaled - mean) ** 2, axis=-1)) / (count + 1)
    before = np.concatenate((np.full_like(variance[..., :1], 0.25), variance[..., :-1]), axis=-1)
    return np.sqrt(2 * math.log(2 / alpha) / (before * count * np.log(1 + count)))
