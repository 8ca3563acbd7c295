"""Looking after every unit: false alarms at most as often as stated, and power close to that of one look."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from tests.unit.looking_paths import Draw, differences, experiments, moments, share_at_most

from headgate.statistics.effects import difference
from headgate.statistics.model import Sample
from headgate.statistics.power import (
    crossing_chance,
    units_for_every_look,
    units_for_one_look,
    units_for_planned_looks,
)
from headgate.statistics.sequences import (
    always_valid_p,
    around,
    asymptotic,
    gains,
    planned_boundary,
    planned_radius,
    plug_in_bets,
    radius,
)

ALPHA = 0.05
EXPERIMENTS = 20_000
UNITS = 500  # of each arm


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> Sample:
    return rng.standard_normal(shape)


def costs(rng: np.random.Generator, shape: tuple[int, int]) -> Sample:
    return rng.standard_exponential(shape)


def yes_of_twenty(rng: np.random.Generator, shape: tuple[int, int]) -> Sample:
    return (rng.random(shape) < 0.05).astype(np.float64)


def yes_of_hundred(rng: np.random.Generator, shape: tuple[int, int]) -> Sample:
    return (rng.random(shape) < 0.01).astype(np.float64)


def count_alarms(draw: Draw, radii: Sample, *, count: int, lift: float = 0.0, side: int = 2) -> int:
    """How many experiments ever exclude 0, looked at after every pair of units."""
    rng = np.random.default_rng(20261122)
    alarms = 0
    for rows in experiments(count):
        estimate, error, known = differences(rows, len(radii), draw, rng, lift)
        away = np.abs(estimate) if side == 2 else estimate
        alarms += int(((away > radii * error) & known).any(axis=1).sum())
    return alarms


@pytest.mark.parametrize("draw", [normal, costs, yes_of_twenty], ids=["normal", "costs", "yes"])
def test_twenty_thousand_a_a_experiments_alarm_at_most_as_often_as_stated(draw: Draw) -> None:
    radii = np.array([radius(2 * pairs, alpha=ALPHA, tight_at=UNITS) for pairs in range(1, UNITS + 1)])
    alarms = count_alarms(draw, radii, count=EXPERIMENTS)
    print(f"false alarms of {draw.__name__}: {alarms / EXPERIMENTS:.4f}, nominal {ALPHA}")
    assert share_at_most(alarms, EXPERIMENTS) <= ALPHA


def test_one_sided_sequences_alarm_at_most_as_often_as_stated() -> None:
    radii = np.array(
        [radius(2 * pairs, alpha=ALPHA, tight_at=UNITS, side="lower") for pairs in range(1, UNITS)]
    )
    alarms = count_alarms(normal, radii, count=5_000, side=1)
    assert 0 < share_at_most(alarms, 5_000) <= ALPHA


def test_planned_sequences_alarm_at_most_as_often_as_stated_and_past_the_plan_too() -> None:
    plan = UNITS
    radii = np.array([planned_radius(2 * pairs, planned=plan, alpha=ALPHA) for pairs in range(1, UNITS + 1)])
    alarms = count_alarms(normal, radii, count=EXPERIMENTS)
    print(f"false alarms of planned sequences: {alarms / EXPERIMENTS:.4f}, nominal {ALPHA}")
    assert share_at_most(alarms, EXPERIMENTS) <= ALPHA
    assert alarms / EXPERIMENTS > 0.6 * ALPHA, "nearly all of alpha is used by the plan"


@pytest.mark.parametrize("draw", [yes_of_twenty, yes_of_hundred], ids=["5 %", "1 %"])
def test_a_mean_of_a_rare_yes_is_open_until_it_has_settled(draw: Draw) -> None:
    """Without that, these alarm in 10 and 13 of a hundred sequences."""
    mean = 0.05 if draw is yes_of_twenty else 0.01
    radii = np.array([radius(count) for count in range(1, 1501)])
    rng = np.random.default_rng(1)
    alarms = unsettled = 0
    for rows in experiments(4_000):
        estimate, squared, known = moments(draw(rng, (rows, 1500)))
        away = np.abs(estimate - mean) > radii * np.sqrt(squared)
        alarms += int((away & known).any(axis=1).sum())
        unsettled += int(away[:, 99:].any(axis=1).sum())
    assert share_at_most(alarms, 4_000) <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / 4_000)
    assert unsettled / 4_000 > 1.5 * ALPHA


def test_the_simulated_sequences_are_ours() -> None:
    rng = np.random.default_rng(5)
    for draw in (normal, yes_of_twenty):
        values = draw(rng, (2, 400))
        mean, squared, known = moments(values)
        for count in (10, 99, 100, 150, 300, 400):
            at = count - 1
            half = radius(count) * np.sqrt(squared[0, at]) if known[0, at] else np.inf
            if len(set(values[0, :count])) == 1:
                continue
            interval = asymptotic(values[0, :count])
            assert interval.high == pytest.approx(mean[0, at] + half)
            assert interval.low == pytest.approx(mean[0, at] - half)
            effect = difference(values[0, :count], values[1, :count])
            assert effect.settled == bool(known[0, at] and known[1, at])


@pytest.mark.parametrize("share", [0.5, 0.05, 0.99])
def test_bets_against_the_true_mean_win_at_most_as_often_as_stated(share: float) -> None:
    rng = np.random.default_rng(7)
    alarms = 0
    for rows in experiments(EXPERIMENTS):
        values = (rng.random((rows, 200)) < share).astype(np.float64)
        bets = plug_in_bets(values, ALPHA)
        up = gains(values, bets, share).cumsum(axis=1).max(axis=1)
        down = gains(1 - values, bets, 1 - share).cumsum(axis=1).max(axis=1)
        alarms += int((np.maximum(up, down) >= np.log(2 / ALPHA)).sum())
    assert share_at_most(alarms, EXPERIMENTS) <= ALPHA


def test_power_at_the_planned_size_is_within_ten_percent_of_one_look() -> None:
    lift = 0.25
    units = units_for_one_look(lift, 1.0, alpha=ALPHA, power=0.8)
    radii = np.array([planned_radius(2 * p, planned=units, alpha=ALPHA) for p in range(1, units // 2 + 1)])
    found = count_alarms(normal, radii, count=EXPERIMENTS // 4, lift=lift) / (EXPERIMENTS // 4)
    print(f"power at {units} units: {found:.3f} with every look, 0.800 with one")
    assert found > 0.9 * 0.8
    expected = crossing_chance(lift / 2 * np.sqrt(units), planned_boundary(ALPHA))
    assert found == pytest.approx(expected, abs=0.03), "the formula that plans is the simulation's"


def test_the_planned_units_of_each_kind_have_the_power_they_were_planned_for() -> None:
    lift = 0.3
    planned = units_for_planned_looks(lift, 1.0, alpha=ALPHA, power=0.8)
    for_ever = units_for_every_look(lift, 1.0, alpha=ALPHA, power=0.8)
    one = units_for_one_look(lift, 1.0, alpha=ALPHA, power=0.8)
    assert one < planned < 1.1 * one
    assert planned < for_ever < 2 * one
    radii = np.array([planned_radius(2 * p, planned=planned) for p in range(1, planned // 2 + 1)])
    assert count_alarms(normal, radii, count=4_000, lift=lift) / 4_000 == pytest.approx(0.8, abs=0.035)
    radii = np.array([radius(2 * p, tight_at=for_ever) for p in range(1, for_ever // 2 + 1)])
    assert 0.78 < count_alarms(normal, radii, count=4_000, lift=lift) / 4_000 < 0.9


def test_the_width_is_that_of_the_paper() -> None:
    # Waudby-Smith et al., Theorem 2.2, written out.
    n, rho, alpha = 700, 0.08, 0.05
    tight = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / rho**2
    assert radius(n, alpha=alpha, tight_at=round(tight)) / np.sqrt(n) == pytest.approx(
        np.sqrt(2 * (n * rho**2 + 1) / (n**2 * rho**2) * np.log(np.sqrt(n * rho**2 + 1) / alpha)), rel=1e-3
    )


def test_a_sequence_is_tightest_where_it_was_told_to_be() -> None:
    widths = {tight: radius(2000, tight_at=tight) for tight in (100, 500, 1500, 2000, 2500, 8000, 50_000)}
    assert min(widths, key=widths.__getitem__) in (1500, 2000, 2500)
    assert 1.96 < widths[2000] < 3.1


def test_the_p_value_that_always_holds_says_what_the_interval_says() -> None:
    for estimate in np.linspace(-0.5, 0.5, 41):
        p = always_valid_p(float(estimate), 0.08, 900)
        assert (p < 0.05) == around(float(estimate), 0.08, 900).excludes(0)


def test_the_planned_boundary_is_that_of_the_reflection_principle() -> None:
    boundary = planned_boundary(ALPHA)
    assert boundary == pytest.approx(2.26, abs=0.01)
    assert 2 * crossing_chance(0.0, boundary) == pytest.approx(0.95 * ALPHA)
    assert crossing_chance(50.0, boundary) == pytest.approx(1.0)
    assert planned_boundary(ALPHA, "lower") == pytest.approx(-float(ndtri(0.95 * ALPHA / 2)))
    assert float(ndtr(-planned_boundary(ALPHA, "upper"))) * 2 == pytest.approx(0.95 * ALPHA)
