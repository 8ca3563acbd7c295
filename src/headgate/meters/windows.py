"""Where calendar windows begin and end. Pure.

Every instant lies in exactly one window of a name and time zone, on days of 23 and 25 hours too. Edges that
the database has stored win over those computed here: two hosts may have different time zone tables.
Read next: `meters.purse`, which asks; `grant_leases` in `store/migrations/0010_meters.sql`, which stores.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

import msgspec

from headgate.meters.model import WindowName

HOUR_MS = 3_600_000
ALWAYS_MS = 0
"""Where a `total` window starts."""
NEVER_MS = 253_402_214_400_000
"""Where a `total` window ends: 9999-12-31, which every part of the system can represent."""


class Edges(msgspec.Struct, frozen=True):
    """A window: from `starts_ms` on, up to but without `ends_ms`, both Unix milliseconds."""

    starts_ms: int
    ends_ms: int

    def holds(self, instant_ms: int) -> bool:
        """Say whether the instant lies inside."""
        return self.starts_ms <= instant_ms < self.ends_ms


def zone(name: str) -> tzinfo:
    """Return the time zone of an IANA name. Raises ValueError for one that is not known."""
    if name == "UTC":
        return UTC  # works without time zone tables
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone; write one such as 'Europe/Berlin' or 'UTC'") from None


def edges(window: WindowName, timezone: str, instant_ms: int) -> Edges:
    """Return the window that the instant lies in.

    Days, weeks (from Monday) and months start at local midnight, or at the first instant after it where a
    change of the clock skips midnight. Hours are counted from the start of the local day. Raises ValueError
    for an unknown time zone.
    """
    if window == "total":
        return Edges(ALWAYS_MS, NEVER_MS)
    local = zone(timezone)
    if window == "hour":
        return _hour(local, instant_ms)
    return _days(window, local, instant_ms)


def format_instant(instant_ms: int) -> str:
    """Write an instant as RFC 3339 in UTC, to the second."""
    return f"{datetime.fromtimestamp(instant_ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _hour(local: tzinfo, instant_ms: int) -> Edges:
    # Counting from the day's start keeps hours apart in zones with half-hour offsets and half-hour changes.
    day = _days("day", local, instant_ms)
    starts_ms = instant_ms - (instant_ms - day.starts_ms) % HOUR_MS
    return Edges(starts_ms, min(starts_ms + HOUR_MS, day.ends_ms))


def _days(window: WindowName, local: tzinfo, instant_ms: int) -> Edges:
    today = datetime.fromtimestamp(instant_ms / 1000, local).date()
    first = _first_day(window, today)
    # A clock that is set back over midnight, or forward over it, shows a date that is off by one.
    while instant_ms < _midnight_ms(local, first):
        first = _first_day(window, first - timedelta(days=1))
    while instant_ms >= (ends_ms := _midnight_ms(local, _next_first_day(window, first))):
        first = _next_first_day(window, first)
    return Edges(_midnight_ms(local, first), ends_ms)


def _first_day(window: WindowName, day: date) -> date:
    if window == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if window == "month" else day


def _next_first_day(window: WindowName, first: date) -> date:
    if window == "week":
        return first + timedelta(days=7)
    if window == "month":
        return (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first + timedelta(days=1)


def _midnight_ms(local: tzinfo, day: date) -> int:
    """The first instant of a local day: `fold=0` takes the earlier of two midnights, and in a gap the
    offset before it (PEP 495)."""
    instant = datetime.combine(day, time(), local).astimezone(UTC)
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
