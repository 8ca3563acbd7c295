"""From values of calls to one value for each unit of assignment, and a refusal of units in two arms. Pure."""

from collections.abc import Hashable, Sequence

import msgspec
import numpy as np

from headgate.core.faults import InvalidRequest
from headgate.statistics.model import Sample, Values, places, sample


class Units(msgspec.Struct, frozen=True, kw_only=True):
    """The units of one arm: each one's name, the sum of its values, and how many they were."""

    names: list[Hashable]
    sums: Sample
    counts: Sample

    @property
    def means(self) -> Sample:
        """Each unit's mean value."""
        return self.sums / self.counts


def by_arm(arms: Sequence[Hashable], units: Sequence[Hashable], values: Values) -> dict[Hashable, Units]:
    """Return each arm's units, with the values of a unit added up.

    Values of one unit depend on each other; as if they were units of their own, they promise a precision that
    isn't there. Source: Deng, Knoblich, Lu, KDD 2018, on the unit of analysis. Raises InvalidRequest for one
    arm, or a unit in two arms.
    """
    array = sample(values)
    if not len(arms) == len(units) == len(array):
        raise InvalidRequest(
            f"{len(arms)} arms, {len(units)} units and {len(array)} values; give one of each for every value"
        )
    of_value, names = places(units)
    arm_of_value, arm_names = places(arms)
    if len(arm_names) < 2:
        raise InvalidRequest(f"all values are of the arm {arm_names[0]!r}; a comparison takes two")
    arm_of_unit = np.zeros(len(names), dtype=np.intp)
    arm_of_unit[of_value] = arm_of_value
    astray = np.flatnonzero(arm_of_unit[of_value] != arm_of_value)
    if len(astray):
        unit = names[int(of_value[astray[0]])]
        raise InvalidRequest(
            f"{len(np.unique(of_value[astray]))} of {len(names)} units, such as {unit!r}, are in more than "
            "one arm; leave them out of all arms, and find out how they came there"
        )
    sums = np.bincount(of_value, weights=array).astype(np.float64)
    counts = np.bincount(of_value).astype(np.float64)
    return {
        arm: Units(names=[names[place] for place in at], sums=sums[at], counts=counts[at])
        for arm, at in ((arm, np.flatnonzero(arm_of_unit == place)) for place, arm in enumerate(arm_names))
    }
