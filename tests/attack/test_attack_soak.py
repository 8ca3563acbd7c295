"""Three minutes of the soak, with kills: memory and handles flat, every answered call on record once."""

import pytest
from tests.attack.conftest import Show
from tests.attack.soak import soak
from tests.attack.soak_load import PACES
from tests.attack.soak_samples import BOUNDS, Series, sparkline

MINUTES = 3.0
ANSWERED_MIN = 4_000


@pytest.mark.timeout(420)
async def test_three_minutes_of_mixed_load_leave_nothing_behind(shown: Show) -> None:
    outcome = await soak(MINUTES, sample_s=2.0, settle_s=60.0, kill_s=20.0, kill_until_s=65.0)
    shown(outcome.text())
    assert not outcome.problems
    assert outcome.answered >= ANSWERED_MIN
    assert outcome.counts["kills"] >= 3
    assert not {name for name in PACES if not outcome.counts.get(name)}
    assert outcome.spent > 0
    flat = {row.measure for row in outcome.rows if row.judged == "flat"}
    for process in ("gateway 1", "gateway 2", "shipper", "control", "up"):
        assert {f"{process} own memory", f"{process} sockets"} <= flat
    assert {"gateway 1 tasks", "gateway 2 tasks", "database connections"} <= flat


def series(*values: float) -> Series:
    return Series(pid=1, points=[(float(number), value) for number, value in enumerate(values)])


def test_the_slope_sees_growth_and_not_an_outlier() -> None:
    steady = series(*([5.0] * 30 + [500.0] + [5.0] * 30))
    assert steady.slope(0) == (0.0, 60.0)
    growing = series(*(float(number) for number in range(61)))
    assert growing.slope(20.0) == (1.0, 40.0)
    assert series(1.0, 2.0).slope(0) is None


def test_bounds_leave_room_and_bars_are_drawn_from_least_to_most() -> None:
    assert all(bound.wander > 0 or bound.most < 100 for _, bound in BOUNDS)
    assert sparkline([1.0, 1.0]) == "▁▁"
    assert sparkline([0.0, 7.0]) == "▁█"
