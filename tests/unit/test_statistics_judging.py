"""Judges that err, agreement, several questions at once, and how many units it takes."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from headgate.statistics.effects import clustered_mean
from headgate.statistics.judges import (
    Calibration,
    corrected_share,
    kappa,
    position_bias,
    prediction_powered_mean,
)
from headgate.statistics.multiplicity import (
    benjamini_hochberg,
    benjamini_yekutieli,
    combined_evidence,
    e_benjamini_hochberg,
    harmonic,
    holm,
)
from headgate.statistics.power import (
    design_effect,
    detectable_effect,
    units_for_one_look,
    worthwhile_repeats,
)

P_VALUES = some.lists(some.floats(0, 1), min_size=1, max_size=12)


def judge(rng: np.random.Generator, share: float, cases: int) -> tuple[np.ndarray, np.ndarray]:
    """The truth, and what a judge says who finds 85 % of the right and 70 % of the wrong answers."""
    truth = rng.random(cases) < share
    said = np.where(truth, rng.random(cases) < 0.85, rng.random(cases) < 0.3)
    return truth.astype(np.float64), said.astype(np.float64)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_corrected_scores_cover_the_truth_that_the_judge_misses(share: float) -> None:
    rng = np.random.default_rng(1)
    rogan = powered = raw = 0
    repeats = 600
    for _ in range(repeats):
        truth, said = judge(rng, share, 400)
        _, many = judge(rng, share, 1000)
        right = int(truth.sum())
        corrected = corrected_share(
            int(many.sum()),
            1000,
            Calibration(
                right=right,
                right_said_right=int((truth * said).sum()),
                wrong=400 - right,
                wrong_said_wrong=int(((1 - truth) * (1 - said)).sum()),
            ),
        )
        assert 0 <= corrected.low <= corrected.high <= 1
        rogan += not corrected.excludes(share)
        powered += not prediction_powered_mean(truth, said, many).excludes(share)
        raw += not clustered_mean(many).interval(looks="one").excludes(share)
    least = 0.95 - 3 * (0.95 * 0.05 / repeats) ** 0.5
    assert rogan / repeats >= least
    assert powered / repeats >= least
    assert raw / repeats < 0.5 or share == 0.5


def test_a_good_judge_makes_intervals_narrower_and_a_useless_one_no_wider() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random(300)
    alone = clustered_mean(truth).interval(looks="one")
    good = prediction_powered_mean(truth, truth + rng.normal(0, 0.05, 300), rng.random(5000))
    useless = prediction_powered_mean(truth, rng.random(300), rng.random(5000))
    assert good.high - good.low < 0.5 * (alone.high - alone.low)
    assert useless.high - useless.low < 1.02 * (alone.high - alone.low)
    silent = prediction_powered_mean(truth, [1.0] * 300, [1.0] * 5000)
    assert silent.high - silent.low == pytest.approx(alone.high - alone.low)


def test_the_correction_is_rogan_s_and_gladen_s() -> None:
    sure = Calibration(right=10_000, right_said_right=9_000, wrong=10_000, wrong_said_wrong=8_000)
    corrected = corrected_share(4_800, 10_000, sure)
    assert corrected.estimate == pytest.approx((0.48 + 0.8 - 1) / 0.7)
    assert corrected.low < 0.4 < corrected.high
    # Calibrated on few, the interval is wider: their error is part of it.
    few = Calibration(right=20, right_said_right=18, wrong=20, wrong_said_wrong=16)
    wide = corrected_share(4_800, 10_000, few)
    assert wide.high - wide.low > 5 * (corrected.high - corrected.low)
    assert corrected_share(0, 50, few).estimate == 0
    assert corrected_share(50, 50, few).estimate == 1


def test_agreement_beyond_chance_is_as_published() -> None:
    # Fleiss, "Statistical Methods for Rates and Proportions", 2nd edition, table 13.1: 100 subjects.
    cells = {("p", "p"): 75, ("p", "n"): 1, ("p", "o"): 4, ("n", "p"): 5, ("n", "n"): 4, ("n", "o"): 1}
    cells |= {("o", "o"): 10}
    pairs = [pair for pair, count in cells.items() for _ in range(count)]
    interval = kappa([one for one, _ in pairs], [other for _, other in pairs])
    assert interval.estimate == pytest.approx(0.68, abs=0.005)
    assert interval.standard_error == pytest.approx(0.087, abs=0.002)


def test_agreement_on_all_cases_is_not_certainty() -> None:
    interval = kappa([True, False] * 10, [True, False] * 10)
    assert (interval.estimate, interval.high) == (pytest.approx(1.0), 1.0)
    assert 0.5 < interval.low < 0.8
    never = kappa([True, False] * 10, [False, True] * 10)
    assert never.estimate == pytest.approx(-1.0)


@given(some.lists(some.tuples(some.booleans(), some.booleans()), min_size=3, max_size=50))
def test_agreement_is_the_same_from_either_side(pairs: list[tuple[bool, bool]]) -> None:
    one, other = [first for first, _ in pairs], [second for _, second in pairs]
    if len({*one, *other}) < 2:
        return
    interval, swapped = kappa(one, other), kappa(other, one)
    assert interval.low <= interval.estimate <= interval.high
    assert interval.estimate == pytest.approx(swapped.estimate)
    assert interval.low == pytest.approx(swapped.low, abs=1e-9)


def test_position_bias_is_how_much_likelier_the_first_wins() -> None:
    always_first = position_bias([True] * 30, [False] * 30)
    assert always_first.estimate == 1
    assert always_first.low > 0.7
    none = position_bias([True, False] * 30, [True, False] * 30)
    assert none.estimate == 0
    assert not none.excludes(0)


@given(P_VALUES)
def test_adjusted_p_values_keep_their_order_and_grow(p_values: list[float]) -> None:
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(p_values)
        assert all(p <= a + 1e-12 <= 1 + 1e-12 for p, a in zip(p_values, adjusted, strict=True))
        assert all(
            one <= other + 1e-12
            for (_, one), (_, other) in zip(
                sorted(zip(p_values, adjusted, strict=True)),
                sorted(zip(p_values, adjusted, strict=True))[1:],
                strict=False,
            )
        )
    assert all(h >= b - 1e-12 for h, b in zip(holm(p_values), benjamini_hochberg(p_values), strict=True))


def wrong_calls(rng: np.random.Generator, call: Callable[[list[float]], list[int]]) -> tuple[int, float]:
    """Of 2,000 sets of 20 questions, 15 of them without effect: sets with a wrong call, mean wrong share."""
    sets, shares = 0, list[float]()
    for _ in range(2_000):
        z = rng.standard_normal(20) + np.where(np.arange(20) < 15, 0, 3)
        called = call(z.tolist())
        wrong = sum(place < 15 for place in called)
        sets += wrong > 0
        shares.append(wrong / max(1, len(called)))
    return sets, float(np.mean(shares))


def called_by_evidence(z: list[float]) -> list[int]:
    adjusted = e_benjamini_hochberg(np.exp(2.5 * np.array(z) - 3.125).tolist())
    return [place for place, e in enumerate(adjusted) if e >= 1 / 0.05]


def test_wrong_calls_are_at_most_as_many_as_stated() -> None:
    rng = np.random.default_rng(5)

    def p_values(z: list[float]) -> list[float]:
        return [float(p) for p in np.exp(-np.logaddexp(0, 1.702 * np.array(z)))]  # close to the normal's tail

    def called(adjust: Callable[[list[float]], list[float]]) -> Callable[[list[float]], list[int]]:
        return lambda z: [place for place, p in enumerate(adjust(p_values(z))) if p <= 0.02]

    sets, _ = wrong_calls(rng, called(holm))
    assert sets / 2_000 <= 0.05
    _, share = wrong_calls(rng, called(benjamini_hochberg))
    assert share <= 0.05
    sets, share = wrong_calls(rng, called_by_evidence)
    assert share <= 0.05
    assert combined_evidence([1.0, 3.0]) == 2.0


def test_p_values_that_hang_together_in_any_way_cost_a_harmonic_number() -> None:
    assert harmonic(4) == pytest.approx(25 / 12)
    assert benjamini_yekutieli([0.04, 0.01]) == pytest.approx([0.06, 0.03])
    assert benjamini_yekutieli([0.9, 0.001, 0.9]) == pytest.approx([1.0, 0.0055, 1.0])


def test_e_values_are_called_together() -> None:
    assert e_benjamini_hochberg([100.0, 50.0, 1.0, 0.0]) == [25.0, 25.0, 0.75, 0.0]
    assert e_benjamini_hochberg([1.0, 70.0]) == [1.0, 35.0]
    assert e_benjamini_hochberg([50.0, 100.0]) == [50.0, 50.0], "the weaker one is called with the stronger"


def test_e_values_that_are_inverse_p_values_call_what_these_do() -> None:
    rng = np.random.default_rng(6)
    for _ in range(50):
        p_values = (rng.random(12) ** 3).tolist()
        adjusted = e_benjamini_hochberg([1 / p for p in p_values])
        assert [min(1.0, 1 / e) for e in adjusted] == pytest.approx(benjamini_hochberg(p_values))


def test_units_and_effects_answer_each_other() -> None:
    assert units_for_one_look(0.1, 1.0) == 3140  # 4 * (1.96 + 0.8416)^2 / 0.01
    assert detectable_effect(3140, 1.0) == pytest.approx(0.1, rel=1e-3)
    assert units_for_one_look(-0.1, 1.0, share=0.1) == pytest.approx(3140 * 0.25 / 0.09, rel=1e-3)
    assert units_for_one_look(1e9, 1.0) == 2


def test_clusters_cost_what_their_likeness_says() -> None:
    assert design_effect(1, 0.7) == 1
    assert design_effect(10, 0.1) == pytest.approx(1.9)
    rng = np.random.default_rng(6)
    likeness, size = 0.3, 5
    errors = list[float]()
    plain = list[float]()
    for _ in range(200):
        base = np.repeat(rng.standard_normal(80) * likeness**0.5, size)
        values = base + rng.standard_normal(80 * size) * (1 - likeness) ** 0.5
        errors.append(clustered_mean(values, np.repeat(np.arange(80), size).tolist()).standard_error ** 2)
        plain.append(clustered_mean(values).standard_error ** 2)
    assert np.mean(errors) / np.mean(plain) == pytest.approx(design_effect(size, likeness), rel=0.05)


def test_repeats_are_worth_what_they_save() -> None:
    within, between = 0.15, 0.1

    def variance(repeats: int, case: float, repeat: float, budget: float = 1000) -> float:
        return (between + within / repeats) / (budget / (case + repeats * repeat))

    for case, repeat in ((10, 1), (1, 1), (50, 1), (1, 10)):
        best = worthwhile_repeats(within, between, price_of_case=case, price_of_repeat=repeat)
        costs = {repeats: variance(repeats, case, repeat) for repeats in range(1, 40)}
        assert costs[best] <= min(costs.values()) * 1.01
    assert worthwhile_repeats(1, 0, price_of_case=1, price_of_repeat=1) == 100
    assert worthwhile_repeats(0, 0, price_of_case=1, price_of_repeat=1) == 1
