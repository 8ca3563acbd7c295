"""Users in parts that open one after the other: ratios by call, of users who come when they like."""

from collections import Counter

import numpy as np
import pytest
from tests.unit.looking_paths import share_at_most
from tests.unit.test_experiments_moments import moments

from headgate.experiments.adaptive import (
    EpochSums,
    chances_of_best,
    shares_by_chance,
    weighted_contrast,
    weighted_ratios,
)
from headgate.statistics.contrasts import contrast, ratio_of
from headgate.statistics.model import Sample
from headgate.statistics.moments import pooled

ARMS = ("now", "new", "other")
ERROR = 0.05
PARTS = 8
DAYS = 14
USERS = 2400


class Crowd:
    """Users: the part and the place of each, the day on which it first comes once it may, and its calls."""

    def __init__(self, rng: np.random.Generator, means: tuple[float, ...], drift: float) -> None:
        self.part = rng.integers(0, PARTS, USERS)
        self.place = rng.random(USERS)
        self.day = np.maximum(self.part, rng.integers(0, DAYS, USERS))
        self.calls: Sample = (1 + rng.poisson(3.0, USERS)).astype(np.float64)
        slow = rng.gamma(2.0, 0.5, USERS)
        # Times change for all alike, and users differ: what a part shows depends on when it came.
        self.speed = np.array([mean * slow + drift * self.day for mean in means])
        self.noise = rng.gamma(4.0, 0.25, (len(means), USERS))

    def sums(self, shares: list[list[float]], upto: int) -> list[EpochSums]:
        """What each part came to by a day, of those users that have come."""
        epochs: list[EpochSums] = []
        for part, share in enumerate(shares):
            here = np.flatnonzero((self.part == part) & (self.day < upto))
            arm = np.searchsorted(np.cumsum(share)[:-1], self.place[here], side="right")
            y: Sample = self.calls[here] * self.speed[arm, here] * self.noise[arm, here]
            arms = {
                name: moments(y[arm == at], self.calls[here][arm == at])
                for at, name in enumerate(ARMS)
                if (arm == at).any()
            }
            epochs.append(EpochSums(shares=dict(zip(ARMS, share, strict=True)), arms=arms))
        return epochs


def simulated(count: int, means: tuple[float, ...], drift: float) -> tuple[Counter[str], float]:
    """How many experiments ever miss the truth of a ratio by call, at fourteen looks; a last share."""
    seen: Counter[str] = Counter()
    last = 0.0
    for seed in range(count):
        crowd = Crowd(np.random.default_rng(seed), means, drift)
        shares = [[1 / 3] * 3]
        missed: set[str] = set()
        for day in range(1, DAYS + 1):
            epochs = crowd.sums(shares, day)
            if min(pooled(e.arms[name] for e in epochs if name in e.arms).n for name in ARMS) < 100:
                shares.append(shares[-1])
                continue
            known = [weighted_ratios(epochs, name, "now" if name != "now" else "new")[0] for name in ARMS]
            for place in (1, 2):
                _, effect = weighted_ratios(epochs, ARMS[place], "now")
                interval = effect.interval(alpha=ERROR / 2)
                if interval.excludes(means[place] - means[0]):
                    missed.add("weighted")
                if interval.high < 0:
                    missed.add(f"{ARMS[place]} better")
                plain = [
                    ratio_of(pooled(e.arms[name] for e in epochs if name in e.arms))
                    for name in (ARMS[place], "now")
                ]
                if contrast(plain[0], plain[1]).interval(alpha=ERROR / 2).excludes(means[place] - means[0]):
                    missed.add("plain")
            if len(shares) < PARTS:
                chances = chances_of_best(
                    [-one.estimate for one in known], [one.standard_error for one in known]
                )
                shares.append(shares_by_chance(chances, 0.1))
        seen.update(missed)
        last += shares[PARTS - 1][2] / count
    return seen, last


@pytest.mark.parametrize("drift", [0.0, 0.25], ids=["still", "rising"])
def test_parts_that_are_alike_are_called_different_at_most_as_often_as_stated(drift: float) -> None:
    """Three arms, eight parts whose users come when they like, a look every day; two comparisons at once."""
    count = 400
    seen, _ = simulated(count, (1.0, 1.0, 1.0), drift)
    print(f"drift {drift}: of {count} A/A/A experiments in parts {dict(seen)}, nominal {ERROR:.0%}")
    assert share_at_most(seen["weighted"], count) <= ERROR + 3 * (ERROR * (1 - ERROR) / count) ** 0.5


def test_plain_means_of_parts_would_mislead() -> None:
    """The planted fault: an arm that has most of the slow, late parts looks slower without the weights."""
    shares = [[0.8, 0.1, 0.1]] * 4 + [[0.1, 0.8, 0.1]] * 4
    weighted = plain = 0
    for seed in range(200):
        epochs = Crowd(np.random.default_rng(seed), (1.0, 1.0, 1.0), 1.0).sums(shares, DAYS)
        _, effect = weighted_ratios(epochs, "new", "now")
        weighted += effect.interval(alpha=ERROR).excludes(0.0)
        whole = [ratio_of(pooled(epoch.arms[name] for epoch in epochs)) for name in ("new", "now")]
        plain += contrast(whole[0], whole[1]).interval(alpha=ERROR).excludes(0.0)
    print(f"shares that lean on late parts: {weighted} of 200 called wrongly, {plain} without weights")
    assert weighted / 200 <= ERROR
    assert plain / 200 > 0.5


def test_the_better_arm_is_found_and_later_parts_have_more_of_it() -> None:
    count = 150
    seen, last = simulated(count, (1.0, 1.0, 0.75), 0.0)
    print(f"an arm a quarter faster: {dict(seen)} of {count}; the last part has {last:.0%} of it")
    assert seen["weighted"] / count <= ERROR + 3 * (ERROR * (1 - ERROR) / count) ** 0.5
    assert seen["other better"] / count > 0.7
    assert last > 0.55


def test_ratios_of_units_of_one_call_are_their_means() -> None:
    rng = np.random.default_rng(3)
    epochs = [
        EpochSums(
            shares=dict(zip(ARMS, shares, strict=True)),
            arms={name: moments(rng.gamma(2.0, 1.0, 300), np.ones(300)) for name in ARMS},
        )
        for shares in ([0.4, 0.3, 0.3], [0.2, 0.3, 0.5])
    ]
    for found, plain in zip(
        weighted_ratios(epochs, "new", "now", 1.1), weighted_contrast(epochs, "new", "now", 1.1), strict=True
    ):
        assert found.estimate == pytest.approx(plain.estimate)
        assert found.standard_error == pytest.approx(plain.standard_error, rel=1e-3)
