"""The difference of two arms' values: plain, adjusted, relative, of ratios, pairs and clusters. Pure.

All are worked out from moments as reports are (`statistics.contrasts`). Units are those of assignment: sum up
each unit's values first (`statistics.units`). Read next: `statistics.contrasts`.
"""

import math
from collections.abc import Hashable, Sequence

import msgspec
import numpy as np

from headgate.core.faults import InvalidRequest
from headgate.statistics.contrasts import (
    Effect,
    check_clear,
    clustered_ratio,
    contrast,
    mean_of,
    ratio_of,
    relative_contrast,
    slope_of,
)
from headgate.statistics.model import (
    Interval,
    Sample,
    Values,
    check_apart,
    mean_and_error,
    places,
    sample,
)
from headgate.statistics.moments import moments_of
from headgate.statistics.sequences import apart, betting


def difference(treatment: Values, control: Values) -> Effect:
    """Return the difference of two means, of unequal variances. Source: as `contrasts.contrast`."""
    return contrast(_mean(treatment, "treatment"), _mean(control, "control"))


def bounded_difference(
    treatment: Values, control: Values, *, bounds: tuple[float, float] = (0.0, 1.0), alpha: float = 0.05
) -> Interval:
    """Return the difference of two means of values in known bounds; holds at every look from the first on.

    For what has few units, or so rare a yes that an arm has none. Source: as `sequences.betting`, half of
    alpha for each arm.
    """
    return apart(
        betting(sample(treatment, "treatment"), bounds=bounds, alpha=alpha / 2),
        betting(sample(control, "control"), bounds=bounds, alpha=alpha / 2),
    )


def adjusted_difference(
    treatment: Values, control: Values, *, treatment_before: Values, control_before: Values
) -> Effect:
    """Return the difference of two means less what a value from before explains of each unit (CUPED).

    `*_before` holds one value a unit that the assignment can't have changed: the same metric earlier, or a
    prediction. One slope for both arms. Source: as `contrasts.slope_of`.
    """
    one, before = _both(treatment, treatment_before, "treatment")
    other, other_before = _both(control, control_before, "control")
    difference(one, other)  # refuses arms that are constant, which the adjustment would hide
    # Moments of values far from 0 would lose digits.
    y, x = float(other.mean()), float(other_before.mean())
    arms = [moments_of(one - y, before - x), moments_of(other - y, other_before - x)]
    slope, middle = slope_of(arms)
    first, second = [mean_of(arm, slope=slope, middle=middle) for arm in arms]
    effect = contrast(first, second)
    return msgspec.structs.replace(effect, baseline=y + (effect.baseline or 0.0))


def relative_difference(treatment: Values, control: Values) -> Effect:
    """Return by which part the treatment's mean is above the control's: 0.1 is ten percent more.

    Source: as `contrasts.relative_contrast`. Raises InvalidRequest where the control's is near 0.
    """
    return relative_contrast(_mean(treatment, "treatment"), _mean(control, "control"))


def ratio_difference(treatment: tuple[Values, Values], control: tuple[Values, Values]) -> Effect:
    """Return the difference of two ratios of sums, such as cost per conversion.

    Each arm gives the numerators and the denominators of its units. Source: as `contrasts.ratio_of`, with its
    errors.
    """
    return contrast(_ratio(treatment, "treatment"), _ratio(control, "control"))


def ratio(numerators: Values, denominators: Values) -> Effect:
    """Return a ratio of sums with its standard error (delta method).

    Source: as `contrasts.ratio_of`. Raises InvalidRequest where the denominators' mean is not clear of 0.
    """
    return _ratio((numerators, denominators), "units")


def paired_difference(
    treatment: Values, control: Values, clusters: Sequence[Hashable] | None = None
) -> Effect:
    """Return the mean difference of pairs, such as two prompts on the same cases.

    `clusters` names the group that each pair belongs to, such as the document that its case came from.
    Source: Miller, "Adding Error Bars to Evals", arXiv 2411.00640, on paired differences.
    """
    one, other = _both(treatment, control, "pairs")
    paired = clustered_mean(one - other, clusters)
    return msgspec.structs.replace(paired, baseline=float(other.mean()))


def clustered_difference(
    treatment: tuple[Values, Sequence[Hashable]], control: tuple[Values, Sequence[Hashable]]
) -> Effect:
    """Return the difference of two means of values that come in clusters, such as a user's calls.

    Each arm gives its values and the cluster of each; reports have the same from sums by user. Source: as
    `clustered_mean`; a cluster has one arm.
    """
    check_apart(treatment[1], control[1])
    return contrast(clustered_mean(*treatment), clustered_mean(*control))


def clustered_mean(values: Values, clusters: Sequence[Hashable] | None = None) -> Effect:
    """Return a mean whose error allows for values of one cluster that resemble each other.

    The error has the small-sample factor G/(G-1). Source: Liang, Zeger, "Longitudinal data analysis using
    generalized linear models", Biometrika 73(1), 1986, Theorem 1; as a ratio of sums over clusters: Deng,
    Knoblich, Lu, KDD 2018, section 3.
    """
    if clusters is None:
        return _mean(values, "values")
    array = sample(values, least=2)
    index, known = places(clusters)
    if len(index) != len(array):
        raise InvalidRequest(f"{len(array)} values have {len(index)} clusters; name one for each")
    count = len(known)
    if count < 2:
        raise InvalidRequest(f"all values are of the cluster {known[0]!r}; an error needs at least two")
    middle = float(array.mean())
    sums: Sample = np.bincount(index, weights=array - middle).astype(np.float64)
    sizes: Sample = np.bincount(index).astype(np.float64)
    mean_and_error(sums / sizes.mean() + middle, "means of clusters")
    return msgspec.structs.replace(clustered_ratio(moments_of(sums, sizes)), estimate=middle)


def _mean(values: Values, name: str) -> Effect:
    array = sample(values, name, 2)
    mean_and_error(array, f"values of {name}" if name != "values" else name)
    # Moments of values far from 0 would lose digits.
    middle = float(array.mean())
    return msgspec.structs.replace(mean_of(moments_of(array - middle)), estimate=middle)


def _ratio(arm: tuple[Values, Values], name: str) -> Effect:
    above, below = _both(*arm, name)
    middle = float(below.mean())
    if float(np.ptp(below)) > 0 or middle == 0:
        check_clear(middle, float(below.std(ddof=1)) / math.sqrt(len(below)), f"{name}'s mean denominator")
    estimate = float(above.mean()) / middle
    mean_and_error((above - estimate * below) / middle + estimate, f"ratios of {name}")
    return ratio_of(moments_of(above, below))


def _both(one: Values, other: Values, name: str) -> tuple[Sample, Sample]:
    first, second = sample(one, name, 2), sample(other, name, 2)
    if len(first) != len(second):
        raise InvalidRequest(
            f"{name}: {len(first)} values beside {len(second)}; give one of each for every unit"
        )
    return first, second
