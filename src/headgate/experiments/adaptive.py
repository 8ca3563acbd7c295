"""Shares that follow what is known of arms, and what may be concluded of them all the same. Pure.

Shares hold for an epoch, and are worked out from the epochs before it alone. Each unit then counts by the
inverse of the share that it had, so that an arm that got few units while times were hard is not the worse
for it. Holds only where a unit has one epoch, and shares never come near 0. Read next:
`experiments.analysis`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from scipy.special import ndtr

from headgate.core.faults import InvalidRequest
from headgate.experiments.moments import NOTHING, ROUNDING, Moments, mean_of, pooled
from headgate.statistics.effects import Effect
from headgate.statistics.model import Sample
from headgate.statistics.sequences import UNITS_LEAST, UNITS_PER_SKEWNESS

GRID: Final = 801
REACH: Final = 8.0
"""How many standard errors around all means chances are summed up over."""


class EpochSums(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric came to in one epoch: each arm's share of its units, and the moments of those."""

    shares: Mapping[str, float]
    arms: Mapping[str, Moments]

    @property
    def units(self) -> int:
        """Those of all arms."""
        return sum(arm.n for arm in self.arms.values())


class _Sum:
    """Powers of what units count for, summed up around a point near their mean."""

    def __init__(self) -> None:
        self.n = 0
        self.one = self.two = self.three = 0.0

    def add(self, count: int, middle: float, centred: tuple[float, float]) -> None:
        """Take in so many values with this mean, and the sums of squares and cubes around it."""
        squares, cubes = centred
        self.n += count
        self.one += count * middle
        self.two += squares + count * middle**2
        self.three += cubes + 3 * middle * squares + count * middle**3

    def effect(self, baseline: float | None, *, settled: bool) -> Effect:
        mean = self.one / self.n
        variance = max(0.0, self.two / self.n - mean**2)
        if not (math.isfinite(mean) and math.isfinite(variance)):
            raise InvalidRequest("values are too large to be compared")
        if variance <= ROUNDING * max(mean * mean, 1e-200):
            raise InvalidRequest("all units have the same value, which tells nothing of chance")
        third = self.three / self.n - 3 * mean * (self.two / self.n) + 2 * mean**3
        skewness = third / variance**1.5
        return Effect(
            estimate=mean,
            standard_error=math.sqrt(variance / self.n),
            n=self.n,
            freedom=self.n - 1,
            settled=settled and self.n >= UNITS_PER_SKEWNESS * skewness**2,
            baseline=baseline,
        )


def weighted_contrast(
    epochs: Sequence[EpochSums], treatment: str, baseline: str, factor: float = 1.0
) -> tuple[Effect, Effect]:
    """Return the treatment's mean over all units so far, and it less `factor` times the baseline's.

    Each unit counts for both: for its own arm by the inverse of its share, around what was known of arms
    before its epoch (augmented inverse propensity weights), which makes a martingale of the sums. Source:
    Hadad, Hirshberg, Zhan, Wager, Athey, "Confidence intervals for policy evaluation in adaptive
    experiments", PNAS 118(15), 2021, equation 5; its sequences: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas,
    Annals of Statistics 52(6), 2024, section 3, and Cook, Mishler, Ramdas, "Semiparametric efficient
    inference in adaptive experiments", CLeaR 2024. Raises InvalidRequest where data can't answer.
    """
    arms = {name: pooled(epoch.arms.get(name, NOTHING) for epoch in epochs) for name in (treatment, baseline)}
    for name, arm in arms.items():
        try:
            mean_of(arm)
        except InvalidRequest as fault:
            raise InvalidRequest(f"{name}: {fault.message}") from fault
    settled = all(arm.n >= UNITS_LEAST for arm in arms.values())
    means = {treatment: _Sum(), baseline: _Sum()}
    both = _Sum()
    known = dict.fromkeys(arms, NOTHING)
    for epoch in epochs:
        guess = {name: _guess(known[name], epoch.arms.get(name, NOTHING), known) for name in arms}
        rest = guess[treatment] - factor * guess[baseline]
        others = epoch.units
        for name, sign in ((treatment, 1.0), (baseline, -factor)):
            arm = epoch.arms.get(name, NOTHING)
            weight = 1 / epoch.shares[name]
            others -= arm.n
            for sums, base, by in ((means[name], guess[name], weight), (both, rest, sign * weight)):
                if arm.n:
                    sums.add(arm.n, base + by * (arm.y - guess[name]), _centred(arm, by))
            means[name].add(epoch.units - arm.n, guess[name], (0.0, 0.0))
        both.add(others, rest, (0.0, 0.0))
        known = {name: known[name].joined(epoch.arms.get(name, NOTHING)) for name in arms}
    base = means[baseline].one / means[baseline].n
    return means[treatment].effect(None, settled=settled), both.effect(base, settled=settled)


def _guess(before: Moments, now: Moments, known: Mapping[str, Moments]) -> float:
    """What an arm's mean was known to be before an epoch; in the first, whose shares are given, its own."""
    if before.n:
        return before.y
    others = [arm for arm in known.values() if arm.n]
    return others[0].y if others else now.y


def _centred(arm: Moments, by: float) -> tuple[float, float]:
    """The sums of squares and cubes around the mean, of an arm's values times a number."""
    _, third = arm.combined(1.0, 0.0) if arm.n > 1 else (0.0, 0.0)
    return by**2 * arm.yy, by**3 * arm.n * third


def chances_of_best(means: Sequence[float], errors: Sequence[float]) -> list[float]:
    """Return each arm's chance to have the largest mean, from normal beliefs about them.

    Source: Thompson, "On the likelihood that one unknown probability exceeds another", Biometrika 25, 1933.
    """
    middle: Sample = np.asarray(means, dtype=np.float64)
    spread: Sample = np.asarray(errors, dtype=np.float64)
    if not (np.isfinite(middle).all() and np.isfinite(spread).all() and bool((spread > 0).all())):
        raise InvalidRequest(
            f"means {list(means)} and errors {list(errors)}; give finite ones, errors above 0"
        )
    # Fine where each belief is, since that is where chances change.
    steps_of_one: Sample = np.linspace(-REACH, REACH, GRID)
    points: Sample = np.unique(middle[:, None] + spread[:, None] * steps_of_one[None, :])
    below = ndtr((points[None, :] - middle[:, None]) / spread[:, None])
    steps = np.diff(below, axis=1)
    between = (below[:, 1:] + below[:, :-1]) / 2
    found = [
        float((steps[place] * np.delete(between, place, axis=0).prod(axis=0)).sum())
        for place in range(len(middle))
    ]
    total = math.fsum(found)
    return [each / total for each in found]


def shares_by_chance(chances: Sequence[float], floor: float) -> list[float]:
    """Return shares that go with the chances to be best, none below the floor."""
    if not 0 < floor <= 1 / len(chances):
        raise InvalidRequest(
            f"a floor of {floor} for {len(chances)} arms; give one above 0 and at most {1 / len(chances):.2f}"
        )
    return [floor + (1 - floor * len(chances)) * chance for chance in chances]
