"""Shares that follow what is known: intervals that hold all the same, where plain means would mislead."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from tests.unit.looking_paths import share_at_most
from tests.unit.test_experiments_moments import moments

from headgate.core.faults import InvalidRequest
from headgate.experiments.adaptive import (
    EpochSums,
    chances_of_best,
    shares_by_chance,
    weighted_contrast,
)
from headgate.statistics.contrasts import contrast, mean_of
from headgate.statistics.model import Sample
from headgate.statistics.moments import NOTHING, Moments

ARMS = ("now", "new", "other")
ERROR = 0.05
FLOOR = 0.1
EPOCHS = 12
UNITS = 250  # an epoch
MEANS = (0.3, 0.3, 0.3)

Drift = Callable[[int], float]


def still(epoch: int) -> float:
    return 0.0 * epoch


def rising(epoch: int) -> float:
    """Times get better for all arms alike, as they do when a holiday ends."""
    return 0.04 * epoch


def draw(rng: np.random.Generator, shares: list[float], means: tuple[float, ...], drift: float) -> EpochSums:
    arm = rng.choice(len(ARMS), size=UNITS, p=shares)
    values: Sample = (rng.random(UNITS) < np.take(means, arm) + drift).astype(np.float64)
    arms = {name: moments(values[arm == place]) for place, name in enumerate(ARMS) if (arm == place).any()}
    return EpochSums(shares=dict(zip(ARMS, shares, strict=True)), arms=arms)


def next_shares(epochs: list[EpochSums], floor: float = FLOOR) -> list[float]:
    found = [mean_of(pooled(epochs, name)) for name in ARMS]
    chances = chances_of_best([one.estimate for one in found], [one.standard_error for one in found])
    return shares_by_chance(chances, floor)


def pooled(epochs: list[EpochSums], name: str) -> Moments:
    arm = NOTHING
    for epoch in epochs:
        arm = arm.joined(epoch.arms.get(name, NOTHING))
    return arm


def simulated(
    count: int, means: tuple[float, ...], drift: Drift, floor: float = FLOOR
) -> tuple[Counter[str], float]:
    """How many experiments ever miss the true difference of an arm, and the share that the last arm had."""
    seen: Counter[str] = Counter()
    last = 0.0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        epochs: list[EpochSums] = []
        missed: set[str] = set()
        shares = [1 / 3] * 3
        for number in range(EPOCHS):
            epochs.append(draw(rng, shares, means, drift(number)))
            for place in (1, 2):
                truth = means[place] - means[0]
                _, effect = weighted_contrast(epochs, ARMS[place], "now")
                if effect.interval(alpha=ERROR / 2).excludes(truth):
                    missed.add("weighted")
                plain = contrast(mean_of(pooled(epochs, ARMS[place])), mean_of(pooled(epochs, "now")))
                if plain.interval(alpha=ERROR / 2).excludes(truth):
                    missed.add("plain")
                if effect.settled and effect.interval(alpha=ERROR / 2).low > 0:
                    missed.add(f"{ARMS[place]} better")
            shares = next_shares(epochs, floor)
        seen.update(missed)
        last += shares[2] / count
    return seen, last


@pytest.mark.parametrize("drift", [still, rising])
def test_arms_that_are_alike_are_called_different_at_most_as_often_as_stated(drift: Drift) -> None:
    """Three arms, shares moved twelve times by what was seen, a look after each; two comparisons at once."""
    count = 600
    seen, _ = simulated(count, MEANS, drift)
    print(f"{drift.__name__}: of {count} adaptive A/A/A experiments {dict(seen)}, nominal {ERROR:.0%}")
    assert share_at_most(seen["weighted"], count) <= ERROR + 3 * (ERROR * (1 - ERROR) / count) ** 0.5
    if drift is rising:
        assert seen["plain"] > 2 * seen["weighted"], "means over times that differ favour who came late"


def test_the_truth_is_held_and_the_better_arm_is_found_with_more_units() -> None:
    count = 300
    seen, last = simulated(count, (0.3, 0.3, 0.42), rising)
    print(f"an arm 12 points better: {dict(seen)} of {count}; it has {last:.0%} of units in the end")
    assert seen["weighted"] / count <= ERROR + 3 * (ERROR * (1 - ERROR) / count) ** 0.5
    assert seen["other better"] / count >= 0.7
    assert last > 0.6


PARTS = 10
VISITS = 150
"""Units that come between two moves, to each part that is open."""


def visiting(count: int, means: tuple[float, ...]) -> tuple[int, int, float]:
    """A part opens at each move, and units of all open ones keep coming while times get better.

    Returns how many experiments ever miss the truth, how many find the last arm better, and its last share.
    """
    missed = found = 0
    last = 0.0
    for seed in range(count):
        rng = np.random.default_rng(seed)
        opened: list[list[float]] = [[1 / 3] * 3]
        values: list[list[Sample]] = [[np.array([]) for _ in ARMS]]
        is_missed = is_found = False
        for now in range(PARTS):
            for part, shares in enumerate(opened):
                arm = rng.choice(3, size=VISITS, p=shares)
                drawn: Sample = (rng.random(VISITS) < np.take(means, arm) + rising(now)).astype(np.float64)
                for place in range(3):
                    values[part][place] = np.concatenate((values[part][place], drawn[arm == place]))
            epochs = [
                EpochSums(
                    shares=dict(zip(ARMS, shares, strict=True)),
                    arms={name: moments(values[part][place]) for place, name in enumerate(ARMS)},
                )
                for part, shares in enumerate(opened)
            ]
            for place in (1, 2):
                _, effect = weighted_contrast(epochs, ARMS[place], "now")
                interval = effect.interval(alpha=ERROR / 2)
                is_missed |= interval.excludes(means[place] - means[0])
                is_found |= place == 2 and interval.low > 0
            known = [weighted_contrast(epochs, name, "now" if name != "now" else "new")[0] for name in ARMS]
            chances = chances_of_best([one.estimate for one in known], [one.standard_error for one in known])
            opened.append(shares_by_chance(chances, FLOOR))
            values.append([np.array([]) for _ in ARMS])
        missed += is_missed
        found += is_found
        last += opened[-1][2] / count
    return missed, found, last


def test_units_that_come_back_keep_their_arm_and_intervals_hold() -> None:
    """Ten parts of users, opened one after the other by what was known, each of which goes on coming."""
    count = 300
    missed, _, _ = visiting(count, MEANS)
    print(f"of {count} adaptive A/A/A experiments of users {missed} alarm, nominal {ERROR:.0%}")
    assert share_at_most(missed, count) <= ERROR + 3 * (ERROR * (1 - ERROR) / count) ** 0.5
    missed, found, last = visiting(count // 3, (0.3, 0.3, 0.38))
    told = f"found in {found} of {count // 3}, truth missed in {missed}, {last:.0%} of the last part"
    print(f"an arm 8 points better: {told}")
    assert missed / (count // 3) <= ERROR + 3 * (ERROR * (1 - ERROR) / (count // 3)) ** 0.5
    assert found / (count // 3) >= 0.7
    assert last > 0.6


def test_with_shares_that_never_move_it_is_the_plain_difference() -> None:
    rng = np.random.default_rng(1)
    epochs = [draw(rng, [0.4, 0.4, 0.2], MEANS, 0.0) for _ in range(1)]
    mean, effect = weighted_contrast(epochs, "new", "now")
    plain = contrast(mean_of(epochs[0].arms["new"]), mean_of(epochs[0].arms["now"]))
    assert effect.estimate == pytest.approx(plain.estimate)
    assert mean.estimate == pytest.approx(epochs[0].arms["new"].y)
    assert effect.standard_error == pytest.approx(plain.standard_error, rel=0.1)
    assert effect.baseline == pytest.approx(epochs[0].arms["now"].y)
    assert effect.n == UNITS


def test_it_is_what_units_say_one_by_one() -> None:
    """The sums, squares and cubes of all units, written out."""
    rng = np.random.default_rng(2)
    epochs: list[EpochSums] = []
    told: list[Sample] = []
    known: dict[str, Sample] = {name: np.array([]) for name in ARMS}
    for shares in ([0.4, 0.4, 0.2], [0.2, 0.5, 0.3], [0.1, 0.6, 0.3]):
        arm = rng.choice(3, size=UNITS, p=shares)
        values = rng.gamma(2.0, 1.0 + 0.1 * arm)
        sums = {name: moments(values[arm == place]) for place, name in enumerate(ARMS)}
        epochs.append(EpochSums(shares=dict(zip(ARMS, shares, strict=True)), arms=sums))
        guess = [
            float((known[name] if len(known[name]) else values[arm == place]).mean())
            for place, name in enumerate(ARMS)
        ]
        new = guess[1] + (arm == 1) * (values - guess[1]) / shares[1]
        now = guess[0] + (arm == 0) * (values - guess[0]) / shares[0]
        told.append(new - 1.1 * now)
        known = {name: np.concatenate((known[name], values[arm == place])) for place, name in enumerate(ARMS)}
    _, effect = weighted_contrast(epochs, "new", "now", 1.1)
    each = np.concatenate(told)
    assert effect.estimate == pytest.approx(each.mean())
    assert effect.standard_error == pytest.approx(each.std() / len(each) ** 0.5)
    assert effect.settled


def test_data_that_tell_nothing_are_refused() -> None:
    rng = np.random.default_rng(3)
    alike = Moments(n=50, y=1.0, x=0, yy=0, xy=0, xx=0, yyy=1.0, yyx=0, yxx=0, xxx=0)
    shares = {"now": 0.5, "new": 0.5}
    some = draw(rng, [0.5, 0.5, 0.0], MEANS, 0.0).arms
    with pytest.raises(InvalidRequest, match="new: all units have the same value"):
        weighted_contrast([EpochSums(shares=shares, arms={"now": some["now"], "new": alike})], "new", "now")
    with pytest.raises(InvalidRequest, match="no units"):
        weighted_contrast([EpochSums(shares=shares, arms={"now": some["now"]})], "new", "now")
    with pytest.raises(InvalidRequest, match="no units"):
        weighted_contrast([], "new", "now")


def test_chances_are_those_of_normal_beliefs() -> None:
    assert chances_of_best([0.0, 0.0], [1.0, 1.0]) == pytest.approx([0.5, 0.5], abs=1e-3)
    rng = np.random.default_rng(4)
    means, errors = np.array([0.1, 0.12, 0.15]), np.array([0.02, 0.001, 0.05])
    drawn = rng.normal(means, errors, (200_000, 3)).argmax(axis=1)
    expected = np.bincount(drawn) / len(drawn)
    assert chances_of_best(list(means), list(errors)) == pytest.approx(list(expected), abs=0.01)
    assert chances_of_best([0.0, 1e6], [1.0, 1.0])[1] == pytest.approx(1.0)
    with pytest.raises(InvalidRequest, match="errors above 0"):
        chances_of_best([0.0, 1.0], [0.0, 1.0])


def test_no_share_is_below_the_floor() -> None:
    assert shares_by_chance([1.0, 0.0, 0.0], 0.1) == pytest.approx([0.8, 0.1, 0.1])
    for floor in (0.0, 0.4):
        with pytest.raises(InvalidRequest, match="a floor of"):
            shares_by_chance([1.0, 0.0, 0.0], floor)
