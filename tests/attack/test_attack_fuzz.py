"""Every fuzz target runs for some seconds, and takes what once broke it."""

import importlib.util
import os

import pytest
from tests.attack.fuzz.fuzzer import TARGETS, fuzz, regressions

SECONDS = 8
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
def test_nothing_that_the_fuzzer_finds_breaks_it(name: str) -> None:
    if importlib.util.find_spec("atheris") is None and os.environ.get("HEADGATE_PRIVILEGED") != "required":
        pytest.skip("atheris is not installed; its wheels are for Linux on x86_64")
    target = TARGETS[name]
    outcome = fuzz(target, SECONDS)
    broken = "; ".join(repr(data) for data in outcome.broken)
    assert outcome.status == 0, f"{name} is broken by {broken}\n{outcome.said[-4000:]}"
    assert outcome.runs >= target.runs_min, f"only {outcome.runs} runs of {name}\n{outcome.said[-2000:]}"


@pytest.mark.timeout(180)
def test_a_broken_target_is_found() -> None:
    """One that breaks on an input that no seed holds is found broken, and the input is handed over."""
    if importlib.util.find_spec("atheris") is None and os.environ.get("HEADGATE_PRIVILEGED") != "required":
        pytest.skip("atheris is not installed; its wheels are for Linux on x86_64")
    outcome = fuzz(TARGETS["broken"], 30)
    assert outcome.status != 0
    assert [data[:1] for data in outcome.broken] == [b"x"]
