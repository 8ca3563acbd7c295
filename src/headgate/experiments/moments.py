"""Means, ratios and differences of arms from sums that the database made: ten numbers for any units. Pure.

The same estimates as `statistics.effects` makes of values, which the tests compare. Read next:
`statistics.effects`, `experiments.analysis`.
"""

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.statistics.effects import CLEAR_OF_ZERO, Effect
from headgate.statistics.sequences import UNITS_LEAST, UNITS_PER_SKEWNESS

LARGEST: Final = 1e90
"""No value measured is as large; the cube of one that is would not be a number any more."""


ROUNDING: Final = 1e-24
"""Of the square of a value, what may be left of a variance that is none."""


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the units of an arm: of their values y, and of a second value x of each.

    Means are plain; `yy`, `xy` and `xx` are sums of products around the means; the cubic ones are means of
    plain products, good enough to tell how skewed values are.
    """

    n: int
    y: float
    x: float
    yy: float
    xy: float
    xx: float
    yyy: float
    yyx: float
    yxx: float
    xxx: float

    def with_zeros(self, count: int) -> "Moments":
        """Return the same with so many more units whose both values are 0."""
        if count <= 0:
            return self
        return self.joined(msgspec.structs.replace(NOTHING, n=count))

    def joined(self, other: "Moments") -> "Moments":
        """Return the sums over the units of both.

        Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
        variances", 1979.
        """
        if not self.n or not other.n:
            return self if self.n else other
        n = self.n + other.n
        part, rest, cross = self.n / n, other.n / n, self.n * other.n / n
        y, x = other.y - self.y, other.x - self.x
        return Moments(
            n=n,
            y=self.y * part + other.y * rest,
            x=self.x * part + other.x * rest,
            yy=self.yy + other.yy + cross * y * y,
            xy=self.xy + other.xy + cross * x * y,
            xx=self.xx + other.xx + cross * x * x,
            yyy=self.yyy * part + other.yyy * rest,
            yyx=self.yyx * part + other.yyx * rest,
            yxx=self.yxx * part + other.yxx * rest,
            xxx=self.xxx * part + other.xxx * rest,
        )

    def with_x(self, x: float) -> "Moments":
        """Return the same where the second value of every unit is this."""
        square = self.yy / self.n + self.y * self.y if self.n else 0.0
        return msgspec.structs.replace(
            self, x=x, xy=0.0, xx=0.0, yyx=square * x, yxx=self.y * x * x, xxx=x**3
        )

    def combined(self, of_y: float, of_x: float) -> tuple[float, float]:
        """Return the variance and the third central moment of `of_y * y + of_x * x`."""
        n, y, x = self.n, self.y, self.x
        square, both, other = self.yy / n + y * y, self.xy / n + x * y, self.xx / n + x * x
        yyy = self.yyy - 3 * y * square + 2 * y**3
        yyx = self.yyx - 2 * y * both - x * square + 2 * y * y * x
        yxx = self.yxx - 2 * x * both - y * other + 2 * x * x * y
        xxx = self.xxx - 3 * x * other + 2 * x**3
        variance = (of_y**2 * self.yy + 2 * of_y * of_x * self.xy + of_x**2 * self.xx) / (n - 1)
        third = of_y**3 * yyy + 3 * of_y**2 * of_x * yyx + 3 * of_y * of_x**2 * yxx + of_x**3 * xxx
        return max(0.0, variance), third


NOTHING: Final = Moments(n=0, y=0, x=0, yy=0, xy=0, xx=0, yyy=0, yyx=0, yxx=0, xxx=0)


def pooled(parts: Iterable[Moments]) -> Moments:
    """Return the sums over the units of all parts; nothing of none."""
    whole = NOTHING
    for part in parts:
        whole = whole.joined(part)
    return whole


def mean_of(arm: Moments, *, slope: float = 0.0, middle: float = 0.0) -> Effect:
    """Return an arm's mean, less what x explains of it. Raises InvalidRequest where there is none to tell."""
    return _effect(arm, arm.y - slope * (arm.x - middle), 1.0, -slope)


def ratio_of(arm: Moments) -> Effect:
    """Return the ratio of an arm's sums, y by x (delta method).

    Source: Deng, Knoblich, Lu, "Applying the Delta Method in Metric Analytics", KDD 2018, section 3. Raises
    InvalidRequest where x is not clear of 0.
    """
    _check_units(arm)
    error = math.sqrt(arm.xx / (arm.n - 1) / arm.n)
    if arm.x <= CLEAR_OF_ZERO * error or arm.x == 0:
        raise InvalidRequest("what it is divided by is too near 0 for a ratio; wait for more")
    ratio = arm.y / arm.x
    return _effect(arm, ratio, 1 / arm.x, -ratio / arm.x)


def slope_of(arms: list[Moments]) -> tuple[float, float]:
    """Return by how much y goes with x within arms, and the mean x of all units (CUPED).

    Source: Deng, Xu, Kohavi, Walker, WSDM 2013, section 3.2; within arms, so that the effect pulls nothing.
    """
    spread = math.fsum(arm.xx for arm in arms)
    units = sum(arm.n for arm in arms)
    if spread <= 0 or units == 0:
        return 0.0, 0.0
    middle = math.fsum(arm.n * arm.x for arm in arms) / units
    if spread <= ROUNDING * units * middle * middle:
        return 0.0, 0.0  # all said the same, and what is left is no spread
    return math.fsum(arm.xy for arm in arms) / spread, middle


def contrast(treatment: Effect, baseline: Effect, factor: float = 1.0) -> Effect:
    """Return the treatment less `factor` times the baseline, which are independent."""
    error = math.hypot(treatment.standard_error, factor * baseline.standard_error)
    shares = (treatment.standard_error / error) ** 2, (factor * baseline.standard_error / error) ** 2
    return Effect(
        estimate=treatment.estimate - factor * baseline.estimate,
        standard_error=error,
        n=treatment.n + baseline.n,
        freedom=1 / (shares[0] ** 2 / treatment.freedom + shares[1] ** 2 / baseline.freedom),
        settled=treatment.settled and baseline.settled,
        baseline=baseline.estimate,
    )


def _effect(arm: Moments, estimate: float, of_y: float, of_x: float) -> Effect:
    _check_units(arm)
    variance, third = arm.combined(of_y, of_x)
    if not (math.isfinite(estimate) and math.isfinite(variance)):
        raise InvalidRequest("values are too large to be compared")
    # What is left of the sums by rounding is no variance.
    if variance <= ROUNDING * max(estimate * estimate, 1e-200):
        raise InvalidRequest("all units have the same value, which tells nothing of chance")
    skewness = third / variance**1.5
    return Effect(
        estimate=estimate,
        standard_error=math.sqrt(variance / arm.n),
        n=arm.n,
        freedom=arm.n - 1,
        settled=arm.n >= max(UNITS_LEAST, UNITS_PER_SKEWNESS * skewness**2),
    )


def _check_units(arm: Moments) -> None:
    if arm.n < 2:
        raise InvalidRequest("no units with a value yet" if arm.n == 0 else "one unit with a value so far")
