"""Effort and budget of thinking, each from the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import Thinking
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.thinking import BUDGETS, budget, effort, fitted, is_on

LEAST = 1024
thinkings = st.builds(
    Thinking,
    effort=st.none() | st.sampled_from([*BUDGETS, "max"]),
    budget_tokens=st.none() | st.integers(-1, 200_000),
)


@given(thinkings, st.none() | st.integers(1, 200_000), st.sampled_from([0, 128, LEAST]))
def test_trap_38_a_budget_is_between_the_least_and_the_output_limit(
    thinking: Thinking, max_output: int | None, least: int
) -> None:
    tokens = budget(thinking, max_output, least)
    if tokens is None or tokens == 0:
        return
    assert tokens >= least
    assert max_output is None or tokens < max_output


@pytest.mark.parametrize("name", BUDGETS)
def test_trap_38_an_effort_comes_back_from_its_budget(name: str) -> None:
    tokens = budget(Thinking(effort=name), None, 0)
    assert effort(Thinking(budget_tokens=tokens), None) == name


@given(st.integers(1, 300_000), st.integers(1, 300_000))
def test_trap_38_more_tokens_never_mean_less_effort(one: int, other: int) -> None:
    order = list(BUDGETS)
    low, high = (effort(Thinking(budget_tokens=tokens), None) for tokens in sorted((one, other)))
    assert low is not None and high is not None
    assert order.index(low) <= order.index(high)


def test_trap_38_an_effort_leaves_room_for_the_answer() -> None:
    assert budget(Thinking(effort="high"), 4_000, LEAST) == 3_200
    assert budget(Thinking(effort="high"), 100_000, LEAST) == BUDGETS["high"]
    assert budget(Thinking(effort="high"), 1_000, LEAST) is None
    assert budget(Thinking(effort="none"), 4_000, LEAST) == 0
    assert budget(Thinking(), 4_000, LEAST) is None
    assert budget(Thinking(budget_tokens=0), None, LEAST) == 0
    assert budget(Thinking(budget_tokens=-1), None, LEAST) is None


def test_trap_38_what_a_call_says_itself_stays() -> None:
    assert effort(Thinking(effort="max", budget_tokens=5), None) == "max"
    assert budget(Thinking(effort="low", budget_tokens=5_000), None, LEAST) == 5_000
    assert effort(Thinking(budget_tokens=30_000), 4_000) == "low"


def told(
    thinking: Thinking, quirks: Quirks, max_output: int | None = None
) -> tuple[Thinking | None, list[str]]:
    changes = Changes()
    found = fitted(thinking, quirks, max_output, changes, "thinking")
    return found, [one.weight for one in changes]


def test_trap_38_a_target_is_told_in_its_own_measure_only() -> None:
    by_budget, by_level = Quirks(thinking="budget"), Quirks(thinking="level")
    assert told(Thinking(effort="low"), by_budget) == (Thinking(budget_tokens=2_048), ["note"])
    assert told(Thinking(budget_tokens=9_000), by_level) == (Thinking(effort="medium"), ["note"])
    assert told(Thinking(effort="low", is_shown=True), by_level) == (
        Thinking(effort="low", is_shown=True),
        [],
    )
    assert told(Thinking(budget_tokens=5_000), by_budget) == (Thinking(budget_tokens=5_000), [])
    assert told(Thinking(budget_tokens=5_000), by_budget, 4_000) == (Thinking(budget_tokens=3_999), ["note"])
    assert told(Thinking(budget_tokens=5_000), by_budget, 900) == (Thinking(), ["meaning"])


def test_trap_38_a_model_that_does_not_think_is_told_of() -> None:
    none = Quirks(thinking="none")
    assert told(Thinking(effort="high"), none) == (None, ["meaning"])
    assert told(Thinking(effort="none"), none) == (None, [])
    assert told(Thinking(is_shown=False), none) == (Thinking(is_shown=False), [])


def test_whether_a_call_thinks() -> None:
    for one in (None, Thinking(), Thinking(effort="none"), Thinking(budget_tokens=0)):
        assert not is_on(one)
    for one in (Thinking(effort="low"), Thinking(budget_tokens=1), Thinking(budget_tokens=-1)):
        assert is_on(one)


def test_an_effort_that_only_one_service_knows_is_left_open_elsewhere():
    changes = Changes()
    left = fitted(Thinking(effort="default"), PLAIN, None, changes, "reasoning_effort")
    assert left is not None and left.effort is None
    assert [one.weight for one in changes] == ["note"]
