"""Whole rollouts by the hundred: what is stated of false alarms, of harm that is found, and of how soon.

`pytest -s` prints what was seen.
"""

import math
from collections import Counter

import numpy as np
import pytest
from tests.rollout_paths import CONFIG, INTERNAL, SCORED, World, end_of, rollout

ROLLOUTS = 400
NOMINAL = 0.2
"""Large, so that a share above it would show in so many rollouts."""
pytestmark = pytest.mark.timeout(400)
MARGIN = 3 * math.sqrt(NOMINAL * (1 - NOMINAL) / ROLLOUTS)


def ends_of(
    world: World, error: float, count: int = ROLLOUTS, config: str = CONFIG
) -> list[tuple[str, int, int, int]]:
    of, rng = rollout(error, config), np.random.default_rng(20261122)
    ends = [end_of(of, world, rng) for _ in range(count)]
    print(f"\n{world}: {dict(Counter(end.stage for end in ends))}")
    return [(end.stage, len(end.passed), end.units, end.served) for end in ends]


@pytest.mark.parametrize(
    "world",
    [World(), World(errors=(0.03, 0.08)), World(dearer=1.2), World(agree=0.8)],
    ids=["no difference", "errors at their margin", "cost at its margin", "agreement at its least"],
)
def test_all_stages_together_fall_back_or_go_on_without_a_reason_at_most_as_often_as_stated(
    world: World,
) -> None:
    ends = ends_of(world, NOMINAL)
    assert sum(stage == "back" for stage, *_ in ends) / ROLLOUTS <= NOMINAL + MARGIN
    if world != World():
        assert sum(passed > 0 for _, passed, *_ in ends) / ROLLOUTS <= NOMINAL + MARGIN


def test_a_sound_candidate_reaches_all_calls() -> None:
    ends = ends_of(World(), 0.05)
    assert sum(stage == "all" for stage, *_ in ends) / ROLLOUTS >= 0.9, "the others wait for more units"
    assert not any(stage == "back" for stage, *_ in ends)


@pytest.mark.parametrize(
    ("world", "units_most"),
    [(World(errors=(0.03, 0.28)), 250), (World(dearer=1.6), 150), (World(agree=0.5), 100)],
    ids=["fails a quarter more", "costs half more", "calls other tools"],
)
def test_a_harmful_candidate_falls_back_before_anybody_is_served_by_it(world: World, units_most: int) -> None:
    ends = ends_of(world, 0.05)
    assert sum(stage == "back" for stage, *_ in ends) / ROLLOUTS >= 0.99
    assert all(passed == 0 for _, passed, *_ in ends), "in the shadow"
    units = sorted(units for _, _, units, _ in ends)
    print(f"compared calls until then: {units[ROLLOUTS // 2]} (median), {units[ROLLOUTS * 9 // 10]} (90 %)")
    assert units[ROLLOUTS // 2] <= units_most


@pytest.mark.parametrize(
    "world",
    [World(errors=(0.03, 0.08)), World(dearer=1.2)],
    ids=["errors at their margin", "cost at its margin"],
)
def test_internal_callers_calls_move_it_without_a_reason_at_most_as_often_as_stated(world: World) -> None:
    ends = ends_of(world, NOMINAL, config=INTERNAL)
    assert sum(stage == "back" for stage, *_ in ends) / ROLLOUTS <= NOMINAL + MARGIN
    assert sum(passed > 0 for _, passed, *_ in ends) / ROLLOUTS <= NOMINAL + MARGIN


def test_harm_is_found_while_internal_callers_alone_are_served() -> None:
    ends = ends_of(World(errors=(0.03, 0.28)), 0.05, config=INTERNAL)
    assert sum(stage == "back" for stage, *_ in ends) / ROLLOUTS >= 0.99
    assert sum(passed == 0 for _, passed, *_ in ends) / ROLLOUTS >= 0.99
    served = sorted(served for *_, served in ends)
    print(f"calls served until then: {served[ROLLOUTS // 2]} (median), {served[ROLLOUTS * 9 // 10]} (90 %)")
    assert served[ROLLOUTS // 2] <= 400


def test_marks_of_a_scorer_at_their_margin_move_it_at_most_as_often_as_stated() -> None:
    ends = ends_of(World(wrong=(0.03, 0.08)), NOMINAL, config=SCORED)
    assert sum(stage == "back" for stage, *_ in ends) / ROLLOUTS <= NOMINAL + MARGIN
    assert sum(passed > 0 for _, passed, *_ in ends) / ROLLOUTS <= NOMINAL + MARGIN


def test_a_candidate_that_is_wrong_a_quarter_more_falls_back_in_the_shadow() -> None:
    ends = ends_of(World(wrong=(0.03, 0.28)), 0.05, config=SCORED)
    assert sum(stage == "back" for stage, *_ in ends) / ROLLOUTS >= 0.99
    assert all(passed == 0 for _, passed, *_ in ends), "in the shadow"
    units = sorted(units for _, _, units, _ in ends)
    print(f"compared calls until then: {units[ROLLOUTS // 2]} (median), {units[ROLLOUTS * 9 // 10]} (90 %)")
    assert units[ROLLOUTS // 2] <= 250


def test_harm_that_no_shadow_shows_is_found_at_the_first_share() -> None:
    ends = ends_of(World(errors=(0.03, 0.28), hidden=True), 0.05)
    assert sum(stage == "back" for stage, *_ in ends) / ROLLOUTS >= 0.99
    assert sum(passed == 1 for _, passed, *_ in ends) / ROLLOUTS >= 0.99
    served = sorted(served for *_, served in ends)
    print(f"units served until then: {served[ROLLOUTS // 2]} (median), {served[ROLLOUTS * 9 // 10]} (90 %)")
    assert served[ROLLOUTS // 2] <= 250
