"""The difference of two arms: plain, adjusted by what was known before, of ratios, pairs and clusters. Pure.

An `Effect` is an estimate with its standard error; `interval` makes of it an interval for one look, or for
every look. Units are those of assignment: sum up each unit's values first (`statistics.units`). Read next:
`statistics.sequences`.
"""

import math
from collections.abc import Hashable, Sequence
from typing import Literal

import msgspec
import numpy as np
from scipy.special import stdtrit

from headgate.core.faults import InvalidRequest
from headgate.statistics.model import (
    Interval,
    Looks,
    Sample,
    Side,
    Values,
    check_alpha,
    check_apart,
    mean_and_error,
    places,
    sample,
)
from headgate.statistics.sequences import (
    TIGHT_AT,
    always_valid_p,
    apart,
    betting,
    has_settled,
    interval_of,
    planned_p,
    planned_radius,
    radius,
)

Margin = Literal["not worse", "worse", "open"]

CLEAR_OF_ZERO = 3
"""So many standard errors a denominator has to be above 0: nearer, a ratio's error is not known."""


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


def difference(treatment: Values, control: Values) -> Effect:
    """Return the difference of two means, of unequal variances.

    Source: Welch, "The generalization of Student's problem", Biometrika 34, 1947, for the degrees of freedom.
    """
    return _between(_mean(treatment, "treatment"), _mean(control, "control"))


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
    prediction. One slope for both arms; values from before that never vary explain nothing. Source: Deng, Xu,
    Kohavi, Walker, "Improving the Sensitivity of Online Controlled Experiments by Utilizing Pre-Experiment
    Data", WSDM 2013, section 3.2.
    """
    one, before = _both(treatment, treatment_before, "treatment")
    other, other_before = _both(control, control_before, "control")
    difference(one, other)  # refuses arms that are constant, which the adjustment would hide
    # Within arms, so that the effect itself does not pull the slope.
    centred = np.concatenate((before - before.mean(), other_before - other_before.mean()))
    outcomes = np.concatenate((one - one.mean(), other - other.mean()))
    spread = float(centred @ centred)
    slope = float(centred @ outcomes) / spread if spread > 0 else 0.0
    middle = float(np.concatenate((before, other_before)).mean())
    return difference(one - slope * (before - middle), other - slope * (other_before - middle))


def relative_difference(treatment: Values, control: Values) -> Effect:
    """Return by which share the treatment's mean is above the control's: 0.1 is ten percent more.

    Source: Deng, Knoblich, Lu, "Applying the Delta Method in Metric Analytics", KDD 2018 (both means are
    estimates). Raises InvalidRequest where the control's mean is not clear of 0.
    """
    one, other = _mean(treatment, "treatment"), _mean(control, "control")
    base = other.estimate
    _check_clear(base, other.standard_error, "the control's mean")
    return msgspec.structs.replace(
        _between(
            msgspec.structs.replace(
                one, estimate=one.estimate / base, standard_error=one.standard_error / abs(base)
            ),
            msgspec.structs.replace(
                other, estimate=1.0, standard_error=abs(one.estimate) * other.standard_error / base**2
            ),
        ),
        baseline=base,
    )


def ratio_difference(treatment: tuple[Values, Values], control: tuple[Values, Values]) -> Effect:
    """Return the difference of two ratios of sums, such as cost per conversion.

    Each arm gives the numerators and the denominators of its units. Source: as `ratio`, with its errors.
    """
    return _between(_ratio(treatment, "treatment"), _ratio(control, "control"))


def ratio(numerators: Values, denominators: Values) -> Effect:
    """Return a ratio of sums with its standard error (delta method).

    Source: Deng, Knoblich, Lu, KDD 2018, section 3. Raises InvalidRequest where the denominators' mean is not
    clear of 0.
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

    Each arm gives its values and the cluster of each. Source: as `clustered_mean`; a cluster has one arm.
    """
    check_apart(treatment[1], control[1])
    return _between(clustered_mean(*treatment), clustered_mean(*control))


def clustered_mean(values: Values, clusters: Sequence[Hashable] | None = None) -> Effect:
    """Return a mean whose error allows for values of one cluster that resemble each other.

    The error has the small-sample factor G/(G-1). Source: Liang, Zeger, Biometrika 73(1), 1986; Miller, arXiv
    2411.00640, on clustered standard errors.
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
    sums = np.bincount(index, weights=array - array.mean())
    # The mean's influence values, one a cluster: their mean is 0, their error that of the mean.
    _, error = mean_and_error(sums * count / len(array) + array.mean(), "means of clusters")
    return Effect(
        estimate=float(array.mean()),
        standard_error=error,
        n=count,
        freedom=count - 1,
        settled=has_settled(sums.astype(np.float64)),
    )


def against_margin(
    effect: Effect,
    margin: float,
    *,
    worse: Literal["higher", "lower"],
    alpha: float = 0.05,
    looks: Looks = "every",
    tight_at: int = TIGHT_AT,
) -> Margin:
    """Say whether an effect is known to be not worse than a margin (non-inferiority), or known to be worse.

    `margin` is how much worse is still all right, in the effect's unit; each of the two claims has an error
    of alpha. Source: Schuirmann, "A comparison of the two one-sided tests procedure", J. Pharmacokinetics and
    Biopharmaceutics 15, 1987, with one-sided sequences.
    """
    if not 0 <= margin < math.inf:
        raise InvalidRequest(f"the margin is {margin}; write how much worse is still all right, from 0")
    low, high = effect.ends(alpha=alpha, looks=looks, tight_at=tight_at)
    least, most = (low, high) if worse == "higher" else (-high, -low)
    if most < margin:
        return "not worse"
    return "worse" if least > margin else "open"


def _mean(values: Values, name: str) -> Effect:
    array = sample(values, name, 2)
    mean, error = mean_and_error(array, f"values of {name}" if name != "values" else name)
    return Effect(
        estimate=mean,
        standard_error=error,
        n=len(array),
        freedom=len(array) - 1,
        settled=has_settled(array),
    )


def _ratio(arm: tuple[Values, Values], name: str) -> Effect:
    above, below = _both(*arm, name)
    middle = float(below.mean())
    if float(np.ptp(below)) > 0 or middle == 0:
        _check_clear(middle, float(below.std(ddof=1)) / math.sqrt(len(below)), f"{name}'s mean denominator")
    estimate = float(above.mean()) / middle
    influence = (above - estimate * below) / middle
    _, error = mean_and_error(influence + estimate, f"ratios of {name}")
    return Effect(
        estimate=estimate,
        standard_error=error,
        n=len(above),
        freedom=len(above) - 1,
        settled=has_settled(influence) and (float(np.ptp(below)) == 0 or has_settled(below)),
    )


def _between(one: Effect, other: Effect) -> Effect:
    """The difference of two independent parts."""
    error = math.hypot(one.standard_error, other.standard_error)
    shares = (one.standard_error / error) ** 2, (other.standard_error / error) ** 2
    return Effect(
        estimate=one.estimate - other.estimate,
        standard_error=error,
        n=one.n + other.n,
        freedom=1 / (shares[0] ** 2 / one.freedom + shares[1] ** 2 / other.freedom),
        settled=one.settled and other.settled,
        baseline=other.estimate,
    )


def _both(one: Values, other: Values, name: str) -> tuple[Sample, Sample]:
    first, second = sample(one, name, 2), sample(other, name, 2)
    if len(first) != len(second):
        raise InvalidRequest(
            f"{name}: {len(first)} values beside {len(second)}; give one of each for every unit"
        )
    return first, second


def _check_clear(mean: float, error: float, name: str) -> None:
    if abs(mean) <= CLEAR_OF_ZERO * error or mean == 0:
        raise InvalidRequest(
            f"{name} is {mean:g} with an error of {error:g}, not clear of 0: no share of it can be told "
            "yet; look at the plain difference, or wait for more units"
        )
