"""What every estimate of this package looks like, and what data it refuses. Pure."""

import math
from collections.abc import Hashable, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from headgate.core.faults import InvalidRequest

Sample = NDArray[np.float64]
"""Values of units, one each."""

Values = Sequence[float] | Sample
Side = Literal["two-sided", "lower", "upper"]
"""Which end of an interval is finite: both, or only the lower or the upper one."""

Looks = Literal["every", "planned", "one"]
"""How often one looks: as often as one likes for ever, or up to a planned number of units; or once."""

LARGEST = 1e100
"""No value measured is as large; one that is would make squares infinite."""


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate and where the truth lies but for an error of `alpha`. An open end is infinite.

    `standard_error` is that of the estimate, `n` the number of units it rests on.
    """

    estimate: float
    low: float
    high: float
    alpha: float
    standard_error: float
    n: int

    def excludes(self, value: float) -> bool:
        """Say whether a value lies outside."""
        return value < self.low or value > self.high


def sample(values: Values, name: str = "values", least: int = 1) -> Sample:
    """Return values as an array. Raises InvalidRequest for too few, or one that isn't finite."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"{name} are no numbers ({error}); give one number a unit") from error
    if array.ndim != 1 or len(array) < least:
        raise InvalidRequest(f"{name} have the shape {array.shape}; give at least {least} numbers in a row")
    # NaN is not smaller either.
    usable = np.abs(array) < LARGEST
    if not bool(usable.all()):
        at = int(np.argmin(usable))
        raise InvalidRequest(
            f"{name} hold {array[at]} at place {at}; leave units without a value out, and say how many they "
            "were"
        )
    return array


def check_alpha(alpha: float) -> None:
    """Raise InvalidRequest for an error that isn't between 0 and 1."""
    if not 0 < alpha < 1:
        raise InvalidRequest(f"alpha is {alpha}; write an error between 0 and 1, such as 0.05")


def check_count(count: int, name: str, least: int = 0) -> None:
    """Raise InvalidRequest for what isn't a whole number from `least` on."""
    if not math.isfinite(count) or count != int(count) or count < least:
        raise InvalidRequest(f"{name} are {count}; give a whole number from {least} on")


def mean_and_error(values: Sample, name: str = "values") -> tuple[float, float]:
    """Return the mean and its standard error. Raises InvalidRequest where all values are the same.

    Such values don't show how much others would differ; an error of 0 would claim to know.
    """
    deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    if deviation <= 1e-14 * float(np.abs(values).max()):
        raise InvalidRequest(
            f"all {len(values)} {name} are {values[0]:g}: how much they vary is not known yet; wait for "
            "values that differ, or, where values have bounds, use a method for shares or for bounded values"
        )
    return float(values.mean()), deviation / len(values) ** 0.5


def places(names: Sequence[Hashable]) -> tuple[NDArray[np.intp], list[Hashable]]:
    """Return for each name its place in the list of different names, and that list, in order of appearance.

    Raises InvalidRequest for a name that is missing: None or NaN.
    """
    known: dict[Hashable, int] = {}
    found = [known.setdefault(name, len(known)) for name in names]
    missing = [name for name in known if name is None or name != name]
    if missing:
        raise InvalidRequest(f"a name is {missing[0]}; name each unit's own, or leave the unit out")
    return np.asarray(found, dtype=np.intp), list(known)


def check_apart(one: Sequence[Hashable], other: Sequence[Hashable]) -> None:
    """Raise InvalidRequest where a name is in both arms: its arm is not known, and it would count twice."""
    both = sorted(set(one) & set(other), key=str)
    if both:
        raise InvalidRequest(
            f"{len(both)} of {len(set(one) | set(other))}, such as {both[0]!r}, are in both arms; leave "
            "them out of both and find out how they came there, or compare them as pairs"
        )
