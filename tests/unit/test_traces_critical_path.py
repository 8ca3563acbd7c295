"""Which steps determined how long a trace took: by example, and what holds of every trace."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from headgate.traces.reading.critical_path import Step, timing


def step(start: int, end: int, parent: int | None = None, clock: str = "") -> Step:
    """A step by milliseconds."""
    return Step(start_us=start * 1000, end_us=end * 1000, parent=parent, clock=clock)


def path(*steps: Step) -> list[tuple[int, int, int]]:
    return [(each.step, each.start_us // 1000, each.end_us // 1000) for each in timing(steps).segments]


def own(*steps: Step) -> list[int]:
    return [each // 1000 for each in timing(steps).self_us]


def test_one_after_the_other_all_count() -> None:
    steps = (step(0, 100), step(10, 40, 0), step(50, 90, 0))
    assert path(*steps) == [(0, 0, 10), (1, 10, 40), (0, 40, 50), (2, 50, 90), (0, 90, 100)]
    assert own(*steps) == [30, 30, 40]


def test_of_steps_side_by_side_the_last_to_end_counts() -> None:
    steps = (step(0, 100), step(10, 40, 0), step(10, 90, 0), step(20, 80, 2))
    assert path(*steps) == [(0, 0, 10), (2, 10, 20), (3, 20, 80), (2, 80, 90), (0, 90, 100)]
    assert own(*steps) == [20, 30, 20, 60]


def test_a_step_that_outlives_its_parent_holds_the_trace_up() -> None:
    assert path(step(0, 50), step(40, 200, 0)) == [(0, 0, 40), (1, 40, 200)]


def test_a_clock_that_runs_behind_moves_no_step_before_its_parent() -> None:
    steps = (step(1000, 1100), step(10, 90, 0, "other"), step(20, 80, 1, "other"))
    assert path(*steps) == [
        (0, 1000, 1010),
        (1, 1010, 1020),
        (2, 1020, 1080),
        (1, 1080, 1090),
        (0, 1090, 1100),
    ]
    assert own(*steps) == [20, 20, 60]


def test_several_roots_are_one_trace() -> None:
    assert path(step(0, 10), step(20, 30)) == [(0, 0, 10), (1, 20, 30)]
    assert path() == []


@st.composite
def traces(draw: st.DrawFn) -> list[Step]:
    steps: list[Step] = []
    for number in range(draw(st.integers(1, 12))):
        start = draw(st.integers(0, 50))
        parent = draw(st.none() | st.integers(0, number - 1)) if number else None
        steps.append(step(start, start + draw(st.integers(-5, 30)), parent, draw(st.sampled_from("ab"))))
    return steps


@given(traces())
def test_the_path_never_runs_twice_at_once_and_ends_no_later_than_the_trace(steps: list[Step]) -> None:
    found = timing(steps)
    for one, other in itertools.pairwise(found.segments):
        assert one.end_us <= other.start_us + 1000, "clocks are taken to be coarse by a millisecond"
    for segment in found.segments:
        assert segment.start_us < segment.end_us
    for each, alone in zip(steps, found.self_us, strict=True):
        assert 0 <= alone <= max(0, each.end_us - each.start_us)
