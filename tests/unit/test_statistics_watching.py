"""Allocation, detectors and requirements: what is looked at while it goes on."""

import statistics

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from headgate.statistics.allocation import mismatch_at_every_look, mismatch_at_one_look
from headgate.statistics.detectors import MeanDetector
from headgate.statistics.multiplicity import combined_evidence
from headgate.statistics.requirements import Requirement

COUNTS = some.lists(some.integers(0, 10_000), min_size=2, max_size=4).filter(any)


def test_units_in_the_shares_that_were_meant_are_called_a_mismatch_at_most_as_often_as_stated() -> None:
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(1000):
        first = rng.binomial(200, 0.3, size=40).cumsum()
        alarms += any(
            mismatch_at_every_look([int(count), 200 * look - int(count)], [0.3, 0.7]) >= 1 / 0.05
            for look, count in enumerate(first, 1)
        )
    assert alarms / 1000 <= 0.05


def first_mismatch(rng: np.random.Generator, share: float, batch: int) -> int:
    """After how many units a mismatch is called at an error of one in a thousand."""
    units = one = 0
    while units < 3_000_000:
        units, one = units + batch, one + int(rng.binomial(batch, share))
        if mismatch_at_every_look([one, units - one], [1, 1]) >= 1000:
            return units
    raise AssertionError(f"{share} of {units} units was not called a mismatch")


def test_a_mismatch_of_one_percent_is_caught() -> None:
    rng = np.random.default_rng(2)
    point = [first_mismatch(rng, 0.51, 1_000) for _ in range(30)]
    lost = [first_mismatch(rng, 0.495 / 0.995, 20_000) for _ in range(30)]
    print(
        f"51 to 49 is caught after {statistics.median(point):.0f} units in the median, at most {max(point)}"
    )
    print(f"an arm that loses 1 % of its units, after {statistics.median(lost):.0f}, at most {max(lost)}")
    assert statistics.median(point) < 60_000
    assert statistics.median(lost) < 1_000_000
    assert mismatch_at_one_look([510_000, 490_000], [1, 1]) < 1e-80


@given(COUNTS)
def test_the_order_of_arms_and_the_scale_of_shares_change_nothing(counts: list[int]) -> None:
    shares = [float(place) for place in range(1, len(counts) + 1)]
    evidence = mismatch_at_every_look(counts, shares)
    turned = mismatch_at_every_look(counts[::-1], [share * 7 for share in shares[::-1]])
    assert evidence >= 0
    assert turned == pytest.approx(evidence, rel=1e-6)
    if sum(counts) > 100:
        p = mismatch_at_one_look(counts, shares)
        assert 0 <= p <= 1
        assert mismatch_at_one_look(counts[::-1], shares[::-1]) == pytest.approx(p, rel=1e-6, abs=1e-12)


def test_evidence_of_a_first_unit_is_none() -> None:
    assert mismatch_at_every_look([1, 0], [1, 1]) == pytest.approx(1.0)
    assert mismatch_at_every_look([10**6, 0], [1, 1]) > 1e300


def run_length(detector: MeanDetector, values: list[float]) -> int | None:
    for value in values:
        detector = detector.observe(value)
        if detector.alarms:
            return detector.seen
    return None


def test_without_a_change_an_alarm_takes_as_long_as_stated_on_average() -> None:
    rng = np.random.default_rng(3)
    lengths = [
        run_length(
            MeanDetector(baseline=0.3, run_length=100), (rng.random(2000) < 0.3).astype(float).tolist()
        )
        or 2000
        for _ in range(200)
    ]
    assert statistics.fmean(lengths) - 3 * statistics.stdev(lengths) / 200**0.5 > 100


def test_a_change_is_found_soon() -> None:
    rng = np.random.default_rng(4)
    delays = list[int]()
    for _ in range(50):
        detector = MeanDetector(baseline=0.1, run_length=1000)
        before = (rng.random(100) < 0.1).astype(float).tolist()
        for value in before:
            detector = detector.observe(value)
        delays.append((run_length(detector, (rng.random(500) < 0.4).astype(float).tolist()) or 600) - 100)
    assert statistics.median(delays) < 40


def test_evidence_is_that_of_the_recursion_and_several_may_be_averaged() -> None:
    detector = MeanDetector(baseline=0.5, run_length=10, capitals=(0.0,))
    # One bet of a half: gains of 1.5 and 0.5.
    up = detector.observe(1.0)
    assert up.capitals == (1.5,)
    assert up.observe(0.0).capitals == (2.5 * 0.5,)
    assert combined_evidence([up.evidence, detector.observe(0.0).evidence]) == 1.0
    long = MeanDetector(baseline=0.01, run_length=1e6)
    for _ in range(2000):
        long = long.observe(1.0)
    assert long.evidence == pytest.approx(1e300)
    assert long.alarms


@given(
    some.lists(some.sampled_from([0.0, 1.0]), min_size=1, max_size=60),
    some.floats(0.05, 0.95),
    some.randoms(),
)
def test_after_the_last_case_the_verdict_is_that_of_all_or_a_rare_error(
    scores: list[float], share: float, rng: object
) -> None:
    state = Requirement(share=share, error=0.05, cases=len(scores)).observe_all(scores)
    assert state.verdict != "open"
    if state.seen == len(scores) and state.for_it == (0.0,) * len(state.for_it):
        assert (state.verdict == "met") == (statistics.fmean(scores) >= share)
    mirrored = Requirement(share=1 - share, error=0.05).observe_all(1 - score for score in scores)
    endless = Requirement(share=share, error=0.05).observe_all(scores)
    words = {"met": "not met", "not met": "met", "open": "open"}
    assert mirrored.verdict == words[endless.verdict]


@pytest.mark.parametrize(("right", "wrong_verdict"), [(0.9, "not met"), (0.899, "met")])
def test_a_verdict_is_wrong_at_most_as_often_as_stated(right: float, wrong_verdict: str) -> None:
    rng = np.random.default_rng(5)
    wrong = sum(
        Requirement(share=0.9).observe_all((rng.random(200) < right).astype(float).tolist()).verdict
        == wrong_verdict
        for _ in range(200)
    )
    assert wrong / 200 <= 0.05


def test_without_replacement_a_verdict_differs_from_that_of_all_at_most_as_often_as_stated() -> None:
    rng = np.random.default_rng(6)
    scores = np.array([1.0] * 87 + [0.0] * 13)
    wrong, calls = 0, list[int]()
    for _ in range(200):
        state = Requirement(share=0.88, cases=100).observe_all(rng.permutation(scores).tolist())
        wrong += state.verdict != "not met"
        state = Requirement(share=0.7, cases=100).observe_all(rng.permutation(scores).tolist())
        wrong += state.verdict != "met"
        calls.append(state.seen)
    assert wrong / 200 <= 0.05
    assert statistics.fmean(calls) < 60


def test_a_verdict_stays() -> None:
    state = Requirement(share=0.5).observe_all([1.0] * 40)
    assert state.verdict == "met"
    assert state.seen < 12
    for _ in range(100):
        state = state.observe(0.0)
    assert state.verdict == "met"
    certain = Requirement(share=0.5, cases=4, error=0.0001)
    assert [certain.observe_all([1.0] * count).verdict for count in (1, 2)] == ["open", "met"]
    assert certain.observe_all([0.0] * 3).verdict == "not met"
    assert msgspec.json.decode(msgspec.json.encode(state), type=Requirement) == state
