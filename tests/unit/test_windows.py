"""Windows: every instant lies in exactly one, on the days when clocks change too."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.meters.model import WindowName
from headgate.meters.windows import NEVER_MS, edges, format_instant, zone

NAMES: tuple[WindowName, ...] = ("hour", "day", "week", "month", "total")
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Kathmandu",
)
HOUR_MS = 3_600_000


def ms(*parts: int, timezone: str = "UTC", fold: int = 0) -> int:
    year, month, day, *rest = parts
    local = ZoneInfo(timezone) if timezone != "UTC" else UTC
    return int(datetime(year, month, day, *rest, fold=fold, tzinfo=local).timestamp() * 1000)


@given(
    st.sampled_from(NAMES),
    st.sampled_from(ZONES),
    st.integers(ms(1985, 1, 1), ms(2060, 1, 1)),
    st.integers(-3 * HOUR_MS, 3 * HOUR_MS),
)
def test_windows_tile_time(name: WindowName, timezone: str, instant_ms: int, step_ms: int) -> None:
    window = edges(name, timezone, instant_ms)
    assert window.holds(instant_ms)
    near_ms = instant_ms + step_ms
    near = edges(name, timezone, near_ms)
    assert (
        near == window
        if window.holds(near_ms)
        else (near.ends_ms <= window.starts_ms or near.starts_ms >= window.ends_ms)
    )
    assert edges(name, timezone, window.starts_ms) == window
    assert edges(name, timezone, window.ends_ms - 1) == window
    if name != "total":
        assert edges(name, timezone, window.ends_ms).starts_ms == window.ends_ms


@given(st.sampled_from(ZONES), st.data())
def test_windows_tile_time_where_clocks_change(timezone: str, data: st.DataObject) -> None:
    """Around each change of the clock, where instants are likeliest to fall between windows."""
    local = zone(timezone)
    year = data.draw(st.integers(1986, 2037))
    hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=at) for at in range(0, 8760, 6)]
    changes = [
        int(at.timestamp() * 1000)
        for at, after in itertools.pairwise(hours)
        if at.astimezone(local).utcoffset() != after.astimezone(local).utcoffset()
    ]
    if not changes:
        return
    begin_ms = data.draw(st.sampled_from(changes)) - 26 * HOUR_MS
    for name in ("hour", "day"):
        at_ms = edges(name, timezone, begin_ms).starts_ms
        for _ in range(60 if name == "hour" else 4):
            window = edges(name, timezone, at_ms)
            assert window.starts_ms == at_ms < window.ends_ms
            assert edges(name, timezone, (window.starts_ms + window.ends_ms) // 2) == window
            at_ms = window.ends_ms


@pytest.mark.parametrize(
    ("name", "timezone", "instant", "starts", "hours"),
    [
        ("day", "Europe/Berlin", (2026, 3, 29, 12), (2026, 3, 29), 23),
        ("day", "Europe/Berlin", (2026, 10, 25, 12), (2026, 10, 25), 25),
        ("day", "Asia/Kolkata", (2026, 5, 5, 3), (2026, 5, 5), 24),
        ("week", "Europe/Berlin", (2026, 3, 29, 12), (2026, 3, 23), 167),
        ("week", "UTC", (2026, 11, 23, 0), (2026, 11, 23), 168),
        ("month", "America/New_York", (2026, 11, 30, 23), (2026, 11, 1), 30 * 24 + 1),
        ("month", "UTC", (2028, 2, 29, 23), (2028, 2, 1), 29 * 24),
        ("hour", "Asia/Kolkata", (2026, 5, 5, 3, 59), (2026, 5, 5, 3), 1),
    ],
)
def test_known_windows(
    name: WindowName, timezone: str, instant: tuple[int, ...], starts: tuple[int, ...], hours: int
) -> None:
    window = edges(name, timezone, ms(*instant, timezone=timezone))
    assert window.starts_ms == ms(*starts, timezone=timezone)
    assert window.ends_ms - window.starts_ms == hours * HOUR_MS


def test_the_hour_that_comes_twice_is_two_windows() -> None:
    first = edges("hour", "Europe/Berlin", ms(2026, 10, 25, 2, 30, timezone="Europe/Berlin"))
    second = edges("hour", "Europe/Berlin", ms(2026, 10, 25, 2, 30, timezone="Europe/Berlin", fold=1))
    assert first.ends_ms == second.starts_ms


def test_a_total_never_ends() -> None:
    assert edges("total", "UTC", ms(2026, 1, 1)).ends_ms == NEVER_MS
    assert format_instant(NEVER_MS) == "9999-12-31T00:00:00Z"


def test_an_unknown_time_zone_is_named() -> None:
    with pytest.raises(ValueError, match="Mars/Olympus"):
        edges("day", "Mars/Olympus", 0)
    with pytest.raises(ValueError, match="is no time zone"):
        zone("../../etc/passwd")
