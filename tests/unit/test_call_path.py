"""What the steps of a call took: as it is measured, carried by the journal, and told."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.made_entries import make_end, new_call

from headgate.core.entries import (
    ADMIT,
    ATTEMPT,
    AUTHENTICATE,
    LEFT_OUT_STEP,
    READ,
    RESERVE,
    SETTLE,
    STEPS,
    WAIT,
    End,
)
from headgate.gateway.call import measured
from headgate.records.path import path_of


def told(
    steps: list[int], attempts: list[str], excluded: list[str]
) -> list[tuple[str, int, str | None, int | None]]:
    tried = [{"target": name, "attempt": number} for number, name in enumerate(attempts, 1)]
    left = [{"target": name, "reason": "why"} for name in excluded]
    found = path_of(steps, msgspec.json.encode(tried).decode(), msgspec.json.encode(left).decode())
    assert found is not None
    return [(each.step, each.duration_us, each.target, each.attempt) for each in found]


def test_each_step_says_which_target_it_was_about() -> None:
    steps = [AUTHENTICATE, 1, READ, 2, ADMIT, 3, LEFT_OUT_STEP, 4, RESERVE, 5, ATTEMPT, 6, WAIT, 7]
    steps += [RESERVE, 8, ATTEMPT, 9, SETTLE, 10]
    assert told(steps, ["b/m", "b/m"], ["far/m", "a/m"]) == [
        ("authenticate", 1, None, None),
        ("read", 2, None, None),
        ("admit", 3, None, None),
        ("left_out", 4, "a/m", None),
        ("reserve", 5, "b/m", 1),
        ("attempt", 6, "b/m", 1),
        ("wait", 7, None, None),
        ("reserve", 8, "b/m", 2),
        ("attempt", 9, "b/m", 2),
        ("settle", 10, None, None),
    ]


def test_a_call_may_end_in_any_step() -> None:
    assert told([AUTHENTICATE, 1, READ, 2], [], []) == [
        ("authenticate", 1, None, None),
        ("read", 2, None, None),
    ]
    [*_, last] = told([AUTHENTICATE, 1, READ, 2, ADMIT, 3, RESERVE, 4], [], ["far/m"])
    assert last == ("reserve", 4, None, None), "it hung up while it waited for a slot: nothing was left out"
    [*_, last] = told([AUTHENTICATE, 1, READ, 2, ADMIT, 3, RESERVE, 4], ["a/m"], [])
    assert last == ("reserve", 4, "a/m", 1), "it hung up before the attempt could begin"


@pytest.mark.parametrize("steps", [None, [], [AUTHENTICATE], [len(STEPS), 5], [-1, 5]])
def test_what_was_not_measured_or_is_not_known_is_unknown(steps: list[int] | None) -> None:
    assert path_of(steps, "[]", "[]") is None


@given(
    started_s=st.floats(0, 1e9),
    took_s=st.lists(st.floats(0, 1e5), min_size=1, max_size=12),
)
def test_steps_add_up_to_no_more_than_the_whole(started_s: float, took_s: list[float]) -> None:
    at_s, marks = started_s, list[tuple[int, float]]()
    for number, took in enumerate(took_s[:-1]):
        at_s += took
        marks.append((number % len(STEPS), at_s))
    ended_s = at_s + took_s[-1]
    steps = measured(started_s, marks, ended_s)
    assert len(steps) == 2 * len(took_s) and min(steps[1::2]) >= 0
    # Differences of large floats are a little off; a microsecond is far above that.
    assert sum(steps[1::2]) <= (ended_s - started_s) * 1_000_000 + 1
    assert sum(steps[1::2]) >= (ended_s - started_s) * 1_000_000 - len(took_s) - 1


def test_an_entry_of_before_steps_were_measured_is_read() -> None:
    end = make_end(new_call(), steps=(AUTHENTICATE, 12, READ, 34))
    written = msgspec.msgpack.encode(end)
    assert msgspec.msgpack.decode(written, type=End).steps == (AUTHENTICATE, 12, READ, 34)
    members: list[object] = msgspec.msgpack.decode(written)
    older = msgspec.msgpack.decode(msgspec.msgpack.encode(members[:-1]), type=End)
    assert older.steps == () and older.call == end.call
