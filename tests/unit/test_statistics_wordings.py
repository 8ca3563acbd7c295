"""Texts by what they are made of: alike ones are near, others far, and watching them keeps its promise."""

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as some

from headgate.core.faults import InvalidRequest
from headgate.statistics.detectors import MeanDetector
from headgate.statistics.sequences import betting
from headgate.statistics.wordings import (
    PLACES,
    Wording,
    distance,
    mean_wording,
    summed,
    unusual,
    wording_of,
)

TEXT = "the parcel is on its way to you and will arrive tomorrow or late sorry we thank for an order"
WORDS = TEXT.split()
OTHERS = f"certainly absolutely delighted furthermore kindly await {TEXT[:32]}".split()
REFERENCE = 100
RUN_LENGTH = 3650.0


@given(some.text(max_size=300), some.text(max_size=300))
def test_distances_of_texts_lie_between_nothing_and_one(one: str, two: str) -> None:
    first, second = wording_of(one), wording_of(two)
    assert len(first) == PLACES
    assert math.hypot(*first) == pytest.approx(1, abs=1e-3)
    assert distance(first, first) == pytest.approx(0, abs=2e-3)
    assert 0 <= distance(first, second) <= 1
    assert distance(first, second) == pytest.approx(distance(second, first))


def test_alike_texts_are_nearer_than_others() -> None:
    usual = wording_of("Your order 1042 is on its way and will arrive tomorrow.")
    near = wording_of("Your order 1077 is on its way and will arrive on Friday.")
    far = wording_of("{'state': 'shipped', 'eta': '2026-11-23T10:00Z', 'carrier': null}")
    assert distance(near, usual) < 0.4 < 0.8 < distance(far, usual)
    assert distance(wording_of(""), usual) > 0.9


def test_means_and_sums_say_the_same() -> None:
    texts = [wording_of(text) for text in ("one", "two", "three")]
    total = summed(summed(summed((), texts[0]), texts[1]), texts[2])
    apart = distance(wording_of("four"), total, 3)
    assert apart == pytest.approx(distance(wording_of("four"), mean_wording(texts)), abs=1e-3)
    assert apart == pytest.approx(
        statistics.fmean(distance(wording_of("four"), each) for each in texts), abs=1e-3
    )


def test_what_is_unusual_is_on_a_scale() -> None:
    assert (unusual(0, 0.2), unusual(0.2, 0.2)) == (0, 0.5)
    assert unusual(0.4, 0.2) == pytest.approx(0.9375)
    assert unusual(1, 0) == pytest.approx(1), "where all were alike, anything else is unusual"
    with pytest.raises(InvalidRequest, match="there is no text"):
        mean_wording([])
    with pytest.raises(InvalidRequest, match="wordings have 2 and 256 places"):
        distance((1.0, 0.0), wording_of("a"))


def said(rng: random.Random, share: float) -> Wording:
    """An answer of some words, of which this share is of another kind."""
    count = rng.randrange(8, 40)
    return wording_of(" ".join([rng.choice(OTHERS if rng.random() < share else WORDS) for _ in range(count)]))


def first_alarm(rng: random.Random, share: float, values: int) -> int | None:
    """After how many answers of which a share of words is others there is an alarm, looking after each."""
    before = [said(rng, 0) for _ in range(2 * REFERENCE)]
    usual = mean_wording(before[: REFERENCE // 2])
    half = statistics.median(distance(each, usual) for each in before[REFERENCE // 2 : REFERENCE])
    scaled = [unusual(distance(each, usual), half) for each in before[REFERENCE:]]
    interval = betting(scaled, alpha=0.05)
    up = MeanDetector(baseline=interval.high, run_length=RUN_LENGTH)
    down = MeanDetector(baseline=1 - interval.low, run_length=RUN_LENGTH)
    for place in range(1, values + 1):
        value = unusual(distance(said(rng, share), usual), half)
        up, down = up.observe(value), down.observe(1 - value)
        if (up.evidence + down.evidence) / 2 >= RUN_LENGTH:
            return place
    return None


def test_texts_that_stay_as_they_are_alarm_at_most_as_often_as_stated() -> None:
    """Looked at after each of a year's answers, ten a day: on average at most one alarm is allowed a year."""
    rng = random.Random(11)
    years = 20
    alarms = sum(first_alarm(rng, 0, int(RUN_LENGTH)) is not None for _ in range(years))
    print(f"{alarms} false alarms in {years} years of ten answers a day")
    assert alarms <= years / 5


def test_texts_that_change_are_found_the_sooner_the_more_they_do() -> None:
    rng = random.Random(12)
    medians: list[float] = []
    for share in (0.4, 0.7, 1.0):
        found = [first_alarm(rng, share, 2000) for _ in range(7)]
        delays = [each for each in found if each is not None]
        assert len(delays) == len(found), f"{share} of all words were others, and it was not found"
        medians.append(statistics.median(delays))
        print(f"{100 * share:.0f} % other words: found after {medians[-1]:.0f} answers in the median")
    assert medians == sorted(medians, reverse=True)
    assert medians[-1] <= 60
