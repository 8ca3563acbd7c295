"""What an alarm says: which signals changed, from what to what, since when, and how sure that is. Pure.

Intervals are for a look at one time: they describe, and it is the evidence that decides. Read next:
`drift.sentences`.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from headgate.core.faults import InvalidRequest
from headgate.drift.model import Side, Signal
from headgate.drift.watching import Lookout, Promise, Watch
from headgate.statistics.detectors import likeliest_change
from headgate.statistics.effects import clustered_mean
from headgate.statistics.model import Interval
from headgate.statistics.proportions import wilson

SURE_YEARS_MOST: Final = 10_000.0
DAYS_A_YEAR: Final = 365.25


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """One answer or period: its values from 0 to 1, and in their own units where these differ."""

    at: datetime
    is_reference: bool
    signals: dict[Signal, float]
    raw: dict[Signal, float] = {}

    def of(self, signal: Signal) -> float | None:
        """Return the signal in its own unit."""
        value = self.raw.get(signal)
        return self.signals.get(signal) if value is None else value


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A mean with its interval (95 %), of so many values; without one where values can't tell, and why."""

    mean: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    note: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One signal that changed, in its own unit."""

    signal: Signal
    side: Side
    before: Figure
    after: Figure


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """What asked the target in the last days: a name of models, a prompt, a release of a project."""

    project: str
    model: str
    prompt: str
    release: str
    calls: int


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """All that an alarm says. `once_in_years`: how rarely as much evidence comes about without a change."""

    changes: tuple[Change, ...] = ()
    what: str = ""
    """Where it is no signal: such as the model that answers say they are of."""
    once_in_years: float | None = None
    values: int = 0
    by_hand: tuple[str, ...] = ()
    """What people changed around that time."""
    touches: tuple[Touched, ...] = ()


def since_when(watch: Watch, values: Sequence[Value]) -> datetime:
    """Estimate when it changed, from the signal that speaks most for it."""
    leading = _leading(watch)
    watched = [value for value in values if not value.is_reference and leading.signal in value.signals]
    if not watched:
        raise InvalidRequest("there are no values since the reference; a change lies among some")
    looked = [leading.value_of(value.signals[leading.signal]) for value in watched]
    return watched[likeliest_change(looked, leading.detector.baseline)].at


def find(watch: Watch, promise: Promise, values: Sequence[Value], since: datetime) -> Finding:
    """Return what changed in a watch that has come to an alarm."""
    changes: list[Change] = []
    told = sorted(watch.lookouts, key=lambda each: -each.detector.evidence)
    before = [value for value in values if value.is_reference]
    after = [value for value in values if not value.is_reference and value.at >= since]
    for lookout in told:
        signal = lookout.signal
        if signal in [change.signal for change in changes]:
            continue
        change = Change(
            signal=signal,
            side=lookout.side,
            before=figure([value.of(signal) for value in before]),
            after=figure([value.of(signal) for value in after]),
        )
        # The mean is at the alarm, so the largest is, too. Others are named where they would do alone, or
        # where both intervals lie apart: they describe what has changed then, and decide nothing.
        if lookout.detector.evidence >= promise.run_length or _apart(change):
            changes.append(change)
    years = promise.once_in_days(watch.evidence) / DAYS_A_YEAR
    return Finding(changes=tuple(changes), once_in_years=min(years, SURE_YEARS_MOST), values=watch.seen)


def figure(values: Sequence[float | None]) -> Figure:
    """Return the mean of the values that are there, with its interval."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return Figure(mean=None, note="no values")
    mean = math.fsum(known) / len(known)
    try:
        interval = _interval(known)
    except InvalidRequest as fault:
        return Figure(mean=mean, n=len(known), note=fault.message)
    return Figure(mean=mean, low=interval.low, high=interval.high, n=len(known))


def _interval(values: list[float]) -> Interval:
    if set(values) <= {0.0, 1.0}:
        return wilson(int(sum(values)), len(values))
    return clustered_mean(values).interval(looks="one")


def _apart(change: Change) -> bool:
    one, other = change.before, change.after
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return other.low > one.high if change.side == "up" else other.high < one.low


def _leading(watch: Watch) -> Lookout:
    if not watch.lookouts:
        raise InvalidRequest("the watch still learns what is usual")
    return max(watch.lookouts, key=lambda each: each.detector.evidence)
