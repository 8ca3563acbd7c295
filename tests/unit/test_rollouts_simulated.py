"""Some whole rollouts, from the shadow to all calls; `tests/attack/test_attack_rollouts.py` has hundreds."""

import numpy as np
from tests.rollout_paths import Ended, World, end_of, rollout

ROLLOUTS = 25


def ends_of(world: World) -> list[Ended]:
    rng = np.random.default_rng(5)
    return [end_of(rollout(0.05), world, rng) for _ in range(ROLLOUTS)]


def test_a_sound_candidate_passes_every_stage_in_order() -> None:
    ends = ends_of(World())
    assert sum(end.stage == "all" for end in ends) >= ROLLOUTS - 1
    assert {end.passed for end in ends if end.stage == "all"} == {("shadow", "10 %", "50 %")}


def test_a_harmful_candidate_falls_back_in_the_shadow() -> None:
    ends = ends_of(World(errors=(0.03, 0.3)))
    assert {(end.stage, end.passed, end.served) for end in ends} == {("back", (), 0)}


def test_harm_that_no_shadow_shows_is_found_where_it_serves_callers() -> None:
    ends = ends_of(World(errors=(0.03, 0.3), hidden=True))
    assert {(end.stage, end.passed) for end in ends} == {("back", ("shadow",))}
    assert max(end.served for end in ends) < max(end.units for end in ends) / 4
