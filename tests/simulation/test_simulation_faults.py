"""Each fault that is planted into the protocol is caught within a bounded number of schedules.

The same seeds pass without it: `test_simulation.py` runs them all.
"""

from pathlib import Path

import pytest
from tests.simulation import faults_of_database, faults_of_gateway, faults_of_journal, faults_of_leases
from tests.simulation.events import run
from tests.simulation.planting import FAULTS, Fault
from tests.simulation.world import Parts, World

SCHEDULES_MAX = 2500
PAGE = Path(__file__).resolve().parents[2] / "docs" / "concepts" / "simulation.md"
PLANTED_IN = (faults_of_database, faults_of_gateway, faults_of_journal, faults_of_leases)


def caught(fault: Fault) -> int | None:
    """The first seed with which a promise breaks."""
    with fault.planted() as parts:
        for seed in range(SCHEDULES_MAX):
            try:
                run(World(seed, parts=parts))
            except AssertionError:
                return seed
    return None


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name: str) -> None:
    fault = FAULTS[name]
    seed = caught(fault)
    assert seed is not None, f"{SCHEDULES_MAX} schedules have not caught: {name}"
    # The very schedule that caught it keeps all promises without it.
    run(World(seed, parts=Parts(focus=fault.focus)))


def test_many_faults_are_planted_and_the_page_lists_them() -> None:
    assert len(FAULTS) >= 50
    listed = [line[2:] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("- ")]
    names = set(FAULTS)
    assert names <= set(listed), f"the page does not list {sorted(names - set(listed))}"


def test_planting_leaves_nothing_behind() -> None:
    fault = next(one for one in FAULTS.values() if one.changes)
    where, name, instead = fault.changes[0]
    before = vars(where)[name]
    with fault.planted():
        assert vars(where)[name] is instead
    assert vars(where)[name] is before
