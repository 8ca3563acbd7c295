"""Every fuzz target runs for some seconds, and takes what once broke it."""

import importlib.util
import os

import pytest
from tests.attack.conftest import Show
from tests.attack.fuzz.fuzzer import SEED_VARIABLE, TARGETS, fuzz, regressions

SECONDS = 8
SEED = 20261122
"""The same for every run here: a change breaks this because of what it changed."""
RUNS_MAX = 20_000
"""No more on a fast machine than what a slower one has seen."""
NAMES = [name for name in TARGETS if name != "broken"]


@pytest.mark.parametrize("name", NAMES)
def test_seeds_and_what_once_broke_it_are_taken(name: str) -> None:
    target = TARGETS[name]
    seeds = [*target.seeds(), *(path.read_bytes() for path in regressions(target))]
    assert len(seeds) >= 3
    for seed in seeds:
        target.run(seed)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_the_fuzzer_finds_breaks_it(name: str, shown: Show) -> None:
    if importlib.util.find_spec("atheris") is None and os.environ.get("HEADGATE_PRIVILEGED") != "required":
        pytest.skip("atheris is not installed; its wheels are for Linux on x86_64")
    target = TARGETS[name]
    outcome = fuzz(target, SECONDS, SEED, runs=RUNS_MAX)
    run = f"{outcome.runs:,} runs of {name} with {SEED_VARIABLE}={outcome.seed}"
    shown(run)
    broken = "; ".join(repr(data) for data in outcome.broken)
    assert outcome.status == 0, f"{run}: broken by {broken}\n{outcome.said[-4000:]}"
    assert outcome.runs >= target.runs_min, f"only {run}\n{outcome.said[-2000:]}"


@pytest.mark.timeout(180)
def test_a_run_draws_its_seed_or_takes_the_one_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("atheris") is None and os.environ.get("HEADGATE_PRIVILEGED") != "required":
        pytest.skip("atheris is not installed; its wheels are for Linux on x86_64")
    monkeypatch.delenv(SEED_VARIABLE, raising=False)
    drawn = [fuzz(TARGETS["heads"], 1) for _ in range(2)]
    assert drawn[0].seed != drawn[1].seed
    wanted = fuzz(TARGETS["heads"], 1, 78)
    assert wanted.seed == 78
    monkeypatch.setenv(SEED_VARIABLE, "77")
    given = fuzz(TARGETS["heads"], 1, 78)
    assert given.seed == 77
    for outcome in (*drawn, wanted, given):
        assert f"Seed: {outcome.seed}\n" in outcome.said


@pytest.mark.timeout(180)
def test_a_broken_target_is_found() -> None:
    """One that breaks on an input that no seed holds is found broken, and the input is handed over."""
    if importlib.util.find_spec("atheris") is None and os.environ.get("HEADGATE_PRIVILEGED") != "required":
        pytest.skip("atheris is not installed; its wheels are for Linux on x86_64")
    outcome = fuzz(TARGETS["broken"], 30)
    assert outcome.status != 0
    assert [data[:1] for data in outcome.broken] == [b"x"]
