"""Effects of many experiments at once, after each pair of units: what reports would say, in arrays.

Written out beside `statistics.contrasts`, and held against it: simulations find here the look that speaks
most against an experiment, and have the report judge that one.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from tests.unit.looking_paths import Known

from headgate.statistics.model import Sample
from headgate.statistics.sequences import UNITS_LEAST, UNITS_PER_SKEWNESS


class Arm(NamedTuple):
    """The values of an arm's units, a row an experiment: y, and a second one of each."""

    y: Sample
    x: Sample

    def upto(self, row: int, at: int) -> "Arm":
        """The first units of one experiment."""
        return Arm(self.y[row, :at], self.x[row, :at])


class Estimates(NamedTuple):
    """Of each experiment and look: an estimate, its error, and whether it has settled."""

    value: Sample
    error: Sample
    known: Known


class Running:
    """Sums over the units of an arm up to each look."""

    def __init__(self, arm: Arm) -> None:
        self.n: Sample = np.arange(1, arm.y.shape[1] + 1, dtype=np.float64)
        self._arm = arm
        self.y, self.x = self._mean(arm.y), self._mean(arm.x)
        self.yy = np.maximum(self._mean(arm.y**2) - self.y**2, 0.0) * self.n
        self.xx = np.maximum(self._mean(arm.x**2) - self.x**2, 0.0) * self.n
        self.xy = (self._mean(arm.x * arm.y) - self.x * self.y) * self.n
        self.cubes = [self._mean(arm.y**up * arm.x ** (3 - up)) for up in range(4)]

    def _mean(self, values: Sample) -> Sample:
        return values.cumsum(axis=1) / self.n

    def linear(self, of_y: Sample | float, of_x: Sample | float) -> tuple[Sample, Known]:
        """The squared error of an estimate to which units add these parts, and whether it has settled."""
        n = self.n
        spread = of_y**2 * self.yy + 2 * of_y * of_x * self.xy + of_x**2 * self.xx
        variance: Sample = np.maximum(spread / np.maximum(n - 1, 1), 1e-24)
        mean = of_y * self.y + of_x * self.x
        cube = sum(
            times * of_y**up * of_x ** (3 - up) * self.cubes[up] for up, times in enumerate((1, 3, 3, 1))
        )
        third = cube - 3 * mean * spread / n - mean**3
        needed: Sample = np.maximum(UNITS_LEAST, UNITS_PER_SKEWNESS * third**2 / variance**3)
        known: Known = (n >= needed) & (variance > 1e-20)
        return variance / n, known


Effects = Callable[[Arm, Arm], Estimates]


def adjusted(one: Arm, other: Arm) -> Estimates:
    """Less what a value from before explains, with one slope for both arms."""
    first, second = Running(one), Running(other)
    slope: Sample = (first.xy + second.xy) / np.maximum(first.xx + second.xx, 1e-12)
    (here, known), (there, other_known) = first.linear(1.0, -slope), second.linear(1.0, -slope)
    value: Sample = first.y - second.y - slope * (first.x - second.x)
    return Estimates(value, np.sqrt(here + there), known & other_known)


def relative(one: Arm, other: Arm) -> Estimates:
    """By which part the one is above the other."""
    first, second = Running(one), Running(other)
    (here, known), (there, other_known) = first.linear(1.0, 0.0), second.linear(1.0, 0.0)
    ratio: Sample = first.y / second.y
    error: Sample = np.sqrt(here + ratio**2 * there) / second.y
    return Estimates(ratio - 1, error, known & other_known)


def ratios(factor: float = 1.0) -> Effects:
    """Of sums by sums, less so many times the other arm's."""

    def effects(one: Arm, other: Arm) -> Estimates:
        (first, here, known), (second, there, other_known) = map(_ratio, (one, other))
        value: Sample = first - factor * second
        error: Sample = np.sqrt(here + factor**2 * there)
        return Estimates(value, error, known & other_known)

    return effects


def paired(factor: float) -> Effects:
    """Of the same units in both arms."""

    def effects(one: Arm, other: Arm) -> Estimates:
        apart = Running(Arm(one.y - factor * other.y, np.zeros_like(one.y)))
        squared, known = apart.linear(1.0, 0.0)
        return Estimates(apart.y, np.sqrt(squared), known)

    return effects


def _ratio(arm: Arm) -> tuple[Sample, Sample, Known]:
    sums = Running(arm)
    ratio: Sample = sums.y / sums.x
    squared, known = sums.linear(1 / sums.x, -ratio / sums.x)
    _, below_known = sums.linear(0.0, 1.0)
    varies: Known = sums.xx > 1e-9
    return ratio, squared, known & (below_known | ~varies)
