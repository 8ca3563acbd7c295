"""The instants of a chart: steps that are few enough for a page, and as short as that allows. Pure."""

import math
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from headgate.core.pages import format_datetime
from headgate.records.rollup import SLOT_S

POINTS_MAX: Final = 500
POINTS_WANTED: Final = 200
STEPS_S: Final = (SLOT_S, 3600, 3 * 3600, 6 * 3600, 86400, 7 * 86400)
MINUTE_S: Final = 60
BY_MINUTE: Final = timedelta(hours=2)
"""Up to this length of time single calls are read."""


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """The instants of a chart: `count` steps of `step_s` seconds from `first` on, counted from 1970."""

    step_s: int
    first: int
    count: int

    @property
    def begin(self) -> datetime:
        """The first instant."""
        return datetime.fromtimestamp(self.first * self.step_s, UTC)

    @property
    def end(self) -> datetime:
        """The end of the last step."""
        return datetime.fromtimestamp((self.first + self.count) * self.step_s, UTC)

    def instants(self) -> list[str]:
        """All of them, as text."""
        return [
            format_datetime(datetime.fromtimestamp(step * self.step_s, UTC))
            for step in range(self.first, self.first + self.count)
        ]


def axis_of(begin: datetime, end: datetime) -> Axis:
    """Return the steps of a time: by the minute where it is short, else the shortest that give few points."""
    length_s = max(1.0, (end - begin).total_seconds())
    if end - begin <= BY_MINUTE:
        step_s = MINUTE_S
    else:
        step_s = next((step for step in STEPS_S if length_s / step <= POINTS_WANTED), STEPS_S[-1])
    return axis_with(begin, end, step_s)


def axis_with(begin: datetime, end: datetime, step_s: int) -> Axis:
    """Return the steps of a time, each so long; the newest where they are too many for a chart."""
    first = math.floor(begin.timestamp() / step_s)
    count = max(1, math.ceil(end.timestamp() / step_s) - first)
    if count > POINTS_MAX:
        first, count = first + count - POINTS_MAX, POINTS_MAX
    return Axis(step_s=step_s, first=first, count=count)
