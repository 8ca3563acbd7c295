"""Shares that follow what is known of arms, and what may be concluded of them all the same. Pure.

Shares hold for an epoch, and are worked out from the epochs before it alone. Each unit then counts by the
inverse of the share that it had, so that an arm that got few units while times were hard is not the worse
for it. Holds only where a unit has one epoch, and shares never come near 0. That of a unit of one call is
when it came; units that come back have that of their part, which says from when on they take part, by a
hash. Read next: `experiments.analysis`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from scipy.special import ndtr

from headgate.core.faults import InvalidRequest
from headgate.statistics.contrasts import Effect, check_clear, effect_of, mean_of
from headgate.statistics.model import Sample
from headgate.statistics.moments import NOTHING, Moments, pooled
from headgate.statistics.sequences import UNITS_LEAST

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
        third = self.three / self.n - 3 * mean * (self.two / self.n) + 2 * mean**3
        found = effect_of(self.n, mean, variance, third)
        return msgspec.structs.replace(found, settled=settled and found.settled, baseline=baseline)


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


def weighted_ratios(
    epochs: Sequence[EpochSums], treatment: str, baseline: str, factor: float = 1.0
) -> tuple[Effect, Effect]:
    """Return the same of ratios of sums, such as latency by call of users: both sums are weighted.

    What a unit adds to a ratio is `(y - ratio * x) / mean x`, whose weighted mean has the ratio's error.
    Source: as `weighted_contrast`, with Deng, Knoblich, Lu, KDD 2018, section 3. Raises InvalidRequest as it
    does.
    """
    names = (treatment, baseline)
    ratios: dict[str, float] = {}
    means: dict[str, float] = {}
    for name in names:
        arm = pooled(epoch.arms.get(name, NOTHING) for epoch in epochs)
        if arm.n < 2:
            raise InvalidRequest(f"{name}: {'no' if not arm.n else 'one'} unit with a value so far")
        check_clear(arm.x, math.sqrt(arm.xx / (arm.n - 1) / arm.n), f"{name}: what it is divided by")
        means[name] = _weighted_mean(epochs, name, (0.0, 1.0))
        ratios[name] = _weighted_mean(epochs, name, (1.0, 0.0)) / means[name]
    parts = {name: (1 / means[name], -ratios[name] / means[name]) for name in names}
    told = [
        EpochSums(
            shares=epoch.shares,
            arms={
                name: arm.mixed(*parts[name]) if name in parts else arm for name, arm in epoch.arms.items()
            },
        )
        for epoch in epochs
    ]
    one, effect = weighted_contrast(told, treatment, baseline, factor)
    return (
        msgspec.structs.replace(one, estimate=ratios[treatment]),
        msgspec.structs.replace(
            effect, estimate=ratios[treatment] - factor * ratios[baseline], baseline=ratios[baseline]
        ),
    )


def _weighted_mean(epochs: Sequence[EpochSums], name: str, parts: tuple[float, float]) -> float:
    """An arm's mean over all units so far, of one of its two values."""
    known, total, units = NOTHING, 0.0, 0
    for epoch in epochs:
        arm = epoch.arms.get(name, NOTHING).mixed(*parts)
        guess = known.y if known.n else arm.y
        total += epoch.units * guess + arm.n * (arm.y - guess) / epoch.shares[name]
        units += epoch.units
        known = known.joined(arm)
    return total / units


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
