"""Budgets and journal under many thousand seeded schedules of faults: every promise holds in each.

Read next: `world`, `events`, `healing`; docs/concepts/simulation.md says what is simulated.
"""

import pytest
from tests.simulation.events import EVENTS, run
from tests.simulation.plan import plan_of
from tests.simulation.run import broken_in, main
from tests.simulation.world import World

SCHEDULES = 6000
PART = 500


@pytest.mark.parametrize("first", range(0, SCHEDULES, PART))
def test_every_promise_holds_in_every_schedule(first: int) -> None:
    found = broken_in(first, PART)
    assert found is None, f"{found}; replay: python -m tests.simulation.run --seed {found[0]} --replay"


def test_a_seed_always_means_the_same() -> None:
    for seed in range(40):
        traces = [run(World(seed, is_traced=True)).trace for _ in range(2)]
        assert traces[0] == traces[1]


def test_schedules_meet_what_they_are_for() -> None:
    """A simulation in which little happens would be green as well."""
    worlds = [run(World(seed)) for seed in range(150)]
    assert sum(world.admitted for world in worlds) > 1000
    attempts = [one for world in worlds for one in world.books.attempts.values()]
    assert sum(one.bill for one in attempts) > 0
    for outcome in ("answers", "fails", "gives up", "breaks", "unreachable", "silent", "no usage", "refuses"):
        assert any(one.outcome == outcome for one in attempts), outcome
    codes = {row.code for world in worlds for row in world.database.tables.requests.values()}
    assert codes >= {"", "budget_exhausted", "budget_reserved", "client_closed", "interrupted", "unavailable"}
    assert any(len(world.journals) > world.plan.processes for world in worlds), "none was ever killed"
    planned = {name for seed in range(400) for name in plan_of(seed).weights}
    assert planned | {"call", "provider", "message", "tick", "ship", "sync"} == EVENTS.keys()


def test_a_seed_is_replayed_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--replay"]) == 0
    said = capsys.readouterr()
    assert "p1 sends ask" in said.out and "keeps all promises" in said.err
