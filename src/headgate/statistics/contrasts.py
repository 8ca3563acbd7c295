"""Effects, and how they are worked out from the moments of arms: differences, ratios, shares, margins. Pure.

Ten sums an arm are enough, so that a report of a million units takes no longer than one of a hundred.
`statistics.effects` has the same for values. Read next: `statistics.moments`, `statistics.sequences`.
"""

import math
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from scipy.special import stdtrit

from headgate.core.faults import InvalidRequest
from headgate.statistics.model import Interval, Looks, Side, check_alpha
from headgate.statistics.moments import Moments
from headgate.statistics.sequences import (
    TIGHT_AT,
    UNITS_LEAST,
    UNITS_PER_SKEWNESS,
    always_valid_p,
    interval_of,
    planned_p,
    planned_radius,
    radius,
)

Margin = Literal["not worse", "worse", "open"]

CLEAR_OF_ZERO: Final = 3
"""So many standard errors a denominator has to be away from 0: nearer, a ratio's error is not known."""

ROUNDING: Final = 1e-24
"""Of the square of a value, what may be left of a variance that is none."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """A difference of two arms, of `n` units in all, with degrees of freedom for one look's interval.

    `baseline` is the control's mean, None where there is none. Where `settled` is false, there are too few
    units for how skewed they are, and intervals for more than one look are open at both ends.
    """

    estimate: float
    standard_error: float
    n: int
    freedom: float
    settled: bool
    baseline: float | None = None

    def interval(
        self,
        *,
        alpha: float = 0.05,
        looks: Looks = "every",
        tight_at: int = TIGHT_AT,
        side: Side = "two-sided",
        mixed_for: float | None = None,
    ) -> Interval:
        """Return where the true difference lies.

        `every` holds however often one looks; so does `planned`, which is made for a decision at `tight_at`
        units; `one` holds for a single look. `mixed_for` is as in `sequences.radius`.
        """
        return interval_of(
            self.estimate,
            self.standard_error,
            self.n,
            alpha=alpha,
            half=self._half(alpha, looks, tight_at, (side, mixed_for)),
            side=side,
        )

    def ends(
        self, *, alpha: float = 0.05, looks: Looks = "every", tight_at: int = TIGHT_AT
    ) -> tuple[float, float]:
        """Return a lower and an upper end of which each alone errs at alpha."""
        low = self.interval(alpha=alpha, looks=looks, tight_at=tight_at, side="lower").low
        return low, self.interval(alpha=alpha, looks=looks, tight_at=tight_at, side="upper").high

    def p_value(
        self, *, looks: Literal["every", "planned"] = "every", tight_at: int = TIGHT_AT, mixed_for: float
    ) -> float:
        """Return how surprising the effect would be if there were none, at every look.

        It is at most an alpha exactly where `interval` of the same `looks`, `tight_at` and `mixed_for` leaves
        out 0 at that alpha. Source: as `sequences.always_valid_p` and `planned_p`.
        """
        if not self.settled:
            return 1.0
        known = self.estimate, self.standard_error, self.n
        if looks == "planned":
            return planned_p(*known, planned=tight_at, mixed_for=mixed_for)
        return always_valid_p(*known, tight_at=tight_at, mixed_for=mixed_for)

    def _half(self, alpha: float, looks: Looks, tight_at: int, how: tuple[Side, float | None]) -> float:
        check_alpha(alpha)
        side, mixed_for = how
        if looks == "one":
            return self.standard_error * float(
                stdtrit(self.freedom, 1 - (alpha / 2 if side == "two-sided" else alpha))
            )
        if not self.settled:
            return math.inf
        if looks == "planned":
            wide = planned_radius(self.n, planned=tight_at, alpha=alpha, side=side, mixed_for=mixed_for)
        else:
            wide = radius(self.n, alpha=alpha, tight_at=tight_at, side=side, mixed_for=mixed_for)
        return self.standard_error * wide


def mean_of(arm: Moments, *, slope: float = 0.0, middle: float = 0.0) -> Effect:
    """Return an arm's mean of y, less what x explains of it: `slope` times how far x is from `middle`.

    Source: as `slope_of`. Raises InvalidRequest where there is none to tell.
    """
    return _linear(arm, arm.y - slope * (arm.x - middle), (1.0, -slope))


def slope_of(arms: Sequence[Moments], *, of_ratio: bool = False) -> tuple[float, float]:
    """Return by how much y goes with x within arms, and the mean x of all units (CUPED); of ratios, how
    much what a unit adds to its arm's goes with z, and the mean z.

    Within arms, so that the effect itself does not pull the slope; what never varies explains nothing.
    Source: Deng, Xu, Kohavi, Walker, "Improving the Sensitivity of Online Controlled Experiments by Utilizing
    Pre-Experiment Data", WSDM 2013, section 3.2.
    """
    spread = math.fsum(arm.zz if of_ratio else arm.xx for arm in arms)
    units = sum(arm.n for arm in arms)
    if spread <= 0 or units == 0:
        return 0.0, 0.0
    middle = math.fsum(arm.n * (arm.z if of_ratio else arm.x) for arm in arms) / units
    if spread <= ROUNDING * units * middle * middle:
        return 0.0, 0.0  # all said the same, and what is left is no spread
    return math.fsum(_along(arm) if of_ratio else arm.xy for arm in arms) / spread, middle


def ratio_of(arm: Moments, *, slope: float = 0.0, middle: float = 0.0) -> Effect:
    """Return the ratio of an arm's sums, y by x (delta method): of calls that units have, a clustered mean.
    Less what z explains of it: `slope` times how far z is from `middle`.

    Source: Deng, Knoblich, Lu, "Applying the Delta Method in Metric Analytics", KDD 2018, section 3; and as
    `slope_of`. Raises InvalidRequest where x is not clear of 0.
    """
    _check_units(arm)
    check_clear(arm.x, math.sqrt(arm.xx / (arm.n - 1) / arm.n), "what it is divided by")
    found = clustered_ratio(arm)
    spread, third = arm.combined(0.0, 1.0)
    varies = spread > ROUNDING * arm.x * arm.x
    found = msgspec.structs.replace(
        found, settled=found.settled and (not varies or is_settled(arm.n, spread, third))
    )
    return _less_past(found, arm, slope, middle) if slope else found


def clustered_ratio(arm: Moments) -> Effect:
    """Return the same where x counts what a cluster has, and so can't come near 0 but by its mean.

    Source: as `ratio_of`, whose section 3 shows it to be the mean of values that come in clusters.
    """
    _check_units(arm)
    ratio = arm.y / arm.x
    return _linear(arm, ratio, (1 / arm.x, -ratio / arm.x))


def contrast(treatment: Effect, baseline: Effect, factor: float = 1.0) -> Effect:
    """Return the treatment less `factor` times the baseline, which are independent and vary by themselves.

    Source: Welch, "The generalization of 'Student's' problem when several different population variances are
    involved", Biometrika 34(1/2), 1947.
    """
    errors = treatment.standard_error, abs(factor) * baseline.standard_error
    return _apart((treatment, baseline), treatment.estimate - factor * baseline.estimate, errors)


def relative_contrast(treatment: Effect, baseline: Effect) -> Effect:
    """Return by which part the treatment is above the baseline: 0.1 is ten percent more.

    Both are estimates; of a baseline below 0 the part is of its size, so that more stays more. Source:
    Deng, Knoblich, Lu, KDD 2018, section 2 (percent changes). Raises InvalidRequest where the baseline is
    near 0.
    """
    base = baseline.estimate
    check_clear(base, baseline.standard_error, "the baseline")
    ratio = treatment.estimate / base
    errors = treatment.standard_error / abs(base), abs(ratio) * baseline.standard_error / abs(base)
    return _apart((treatment, baseline), (treatment.estimate - base) / abs(base), errors)


def against_margin(span: tuple[float, float], margin: float, *, worse: Literal["higher", "lower"]) -> Margin:
    """Say whether an effect is known to be not worse than a margin (non-inferiority), or known to be worse.

    `span` are its ends, each of which errs at alpha (`Effect.ends`), and so does each of the two claims;
    `margin` is how much worse is still all right, in the effect's unit. Source: Schuirmann, "A comparison of
    the two one-sided tests procedure", J. Pharmacokinetics and Biopharmaceutics 15, 1987, with one-sided
    sequences.
    """
    if not 0 <= margin < math.inf:
        raise InvalidRequest(f"the margin is {margin}; write how much worse is still all right, from 0")
    least, most = span if worse == "higher" else (-span[1], -span[0])
    if most < margin:
        return "not worse"
    return "worse" if least > margin else "open"


def check_clear(mean: float, error: float, name: str) -> None:
    """Raise InvalidRequest for what nothing can be divided by. Source: as `ratio_of`, which rests on it."""
    if abs(mean) <= CLEAR_OF_ZERO * error or mean == 0:
        raise InvalidRequest(
            f"{name} is {mean:g} with an error of {error:g}, not clear of 0: too near 0 for a ratio; "
            "wait for more"
        )


def effect_of(n: int, estimate: float, variance: float, third: float) -> Effect:
    """Return an effect of units whose influence has this variance and third moment around its mean.

    Source: as `sequences.has_settled` for when it is settled. Raises InvalidRequest where it tells nothing.
    """
    if not (math.isfinite(estimate) and math.isfinite(variance)):
        raise InvalidRequest("values are too large to be compared")
    # What is left of the sums by rounding is no variance.
    if variance <= ROUNDING * max(estimate * estimate, 1e-200):
        raise InvalidRequest("all units have the same value, which tells nothing of chance")
    return Effect(
        estimate=estimate,
        standard_error=math.sqrt(variance / n),
        n=n,
        freedom=n - 1,
        settled=is_settled(n, variance, third),
    )


def is_settled(n: int, variance: float, third: float) -> bool:
    """Say whether so many units are enough for how skewed they are. Source: as `sequences.has_settled`."""
    return n >= max(UNITS_LEAST, UNITS_PER_SKEWNESS * third**2 / variance**3)


def _along(arm: Moments) -> float:
    """The sum of products of z and what units add to their arm's ratio."""
    return (arm.yz - arm.y / arm.x * arm.xz) / arm.x if arm.n and arm.x else 0.0


def _less_past(found: Effect, arm: Moments, slope: float, middle: float) -> Effect:
    """A ratio less what z explains of it; settled once both are."""
    spread = arm.zz / (arm.n - 1)
    variance = found.standard_error**2 * arm.n - 2 * slope * _along(arm) / (arm.n - 1) + slope**2 * spread
    third = arm.zzz - 3 * arm.z * (arm.zz / arm.n + arm.z**2) + 2 * arm.z**3
    less = effect_of(arm.n, found.estimate - slope * (arm.z - middle), variance, 0.0)
    settled = found.settled and (not spread > 0 or is_settled(arm.n, spread, third))
    return msgspec.structs.replace(less, settled=settled)


def _linear(arm: Moments, estimate: float, parts: tuple[float, float]) -> Effect:
    """An estimate to which each unit adds so many parts of its y, and of its x."""
    _check_units(arm)
    return effect_of(arm.n, estimate, *arm.combined(*parts))


def _apart(pair: tuple[Effect, Effect], estimate: float, errors: tuple[float, float]) -> Effect:
    """What two independent parts come to, each of which has this error in it."""
    one, other = pair
    error = math.hypot(*errors)
    parts = (errors[0] / error) ** 2, (errors[1] / error) ** 2
    return Effect(
        estimate=estimate,
        standard_error=error,
        n=one.n + other.n,
        freedom=1 / (parts[0] ** 2 / one.freedom + parts[1] ** 2 / other.freedom),
        settled=one.settled and other.settled,
        baseline=other.estimate,
    )


def _check_units(arm: Moments) -> None:
    if arm.n < 2:
        raise InvalidRequest("no units with a value yet" if arm.n == 0 else "one unit with a value so far")
