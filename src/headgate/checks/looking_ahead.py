"""How much more would decide a requirement that is open: cases, or marks by people of its judge. Pure.

What was seen is played again; nothing is promised. Read next: `checks.deciding`.
"""

import math
from typing import Final

import msgspec

from headgate.checks.correcting import MARKS_LEAST, marks_of
from headgate.checks.deciding import Tally, for_met, for_not_met, known_bounds
from headgate.checks.erring import obstacle
from headgate.statistics.judged_bounds import Bounds
from headgate.statistics.requirements import Requirement

AHEAD_MAX: Final = 20_000
"""How many more units a prediction looks ahead."""
TOGETHER_MAX: Final = 2_000
"""How many it looks ahead where marks by people would have to come with them."""
TIMES_MAX: Final = 1024
"""How many times the marks that there are a prediction goes to."""
TIMES_TOGETHER: Final = (1, 3, 7, 15, 31, 63, 127)


class More(msgspec.Struct, frozen=True, kw_only=True):
    """What would decide: about so many more units, or so many more marks; `together` needs both.

    None where one of them alone would not. No number of anything is all None.
    """

    units: int | None = None
    marks: int | None = None
    together: tuple[int, int] | None = None
    """Marks, and units with them, where neither alone would do."""


def more_of(tally: Tally) -> More:
    """Return what would decide an open requirement, if it comes as what is known came."""
    if tally.verdict != "open" or not tally.lows:
        return More()
    if tally.judged is None:
        return More(units=_units_ahead(tally))
    if obstacle(tally.judged, tally.required):
        return More()
    marks = marks_of(tally.judged)
    if not marks:
        # Nothing is known of the judge yet: a first few tell how many it takes.
        return More(marks=MARKS_LEAST)
    units = None if tally.low.cases is not None else _ahead(tally, tally.bounds, AHEAD_MAX)
    found = _marks_ahead(tally, marks)
    if units is not None or found is not None or tally.low.cases is not None:
        return More(units=units, marks=found)
    return More(together=_together(tally, marks))


def _units_ahead(tally: Tally) -> int | None:
    """After about how many more units an open requirement is decided, if those come as these did.

    None where that can't be told: it is on these alone, marks are missing, or the share seen is too near to
    the one required.
    """
    state = tally.low
    if state.cases is not None or state.verdict != "open":
        return None
    for ahead in range(AHEAD_MAX):
        if state.verdict != "open":
            return ahead
        state = state.observe(tally.lows[ahead % tally.units])
    return None


def _ahead(tally: Tally, bounds: Bounds, most: int) -> int | None:
    """After about how many more units these bounds decide."""
    met, not_met = _played(tally, bounds)
    for ahead in range(most):
        if met.verdict == "met" or not_met.verdict == "not met":
            return ahead
        if met.verdict == "not met" and not_met.verdict == "met":
            return None
        met = met.observe(tally.lows[ahead % tally.units])
        not_met = not_met.observe(tally.highs[ahead % tally.units])
    return None


def _marks_ahead(tally: Tally, marks: int) -> int | None:
    """The fewest more marks that decide with the units that were seen, by halving."""
    most = float(marks)
    while not _decides(tally, most):
        most *= 2
        if most > TIMES_MAX * marks:
            return None
    least = 0.0
    while most - least > max(1.0, 0.02 * most):
        middle = (least + most) / 2
        least, most = (least, middle) if _decides(tally, middle) else (middle, most)
    return math.ceil(most)


def _together(tally: Tally, marks: int) -> tuple[int, int] | None:
    for times in TIMES_TOGETHER:
        units = _ahead(tally, _with(tally, times * marks), TOGETHER_MAX)
        if units is not None:
            return times * marks, units
    return None


def _decides(tally: Tally, more: float) -> bool:
    met, not_met = _played(tally, _with(tally, more))
    return met.verdict == "met" or not_met.verdict == "not met"


def _with(tally: Tally, more: float) -> Bounds:
    assert tally.judged is not None
    share, units = tally.required.at_least, tally.low.cases
    found = known_bounds(tally.judged, tally.required, share, units, more=more)
    # What failed answers count as is in the scores that are played again.
    return msgspec.structs.replace(found, drop=tally.bounds.drop)


def _played(tally: Tally, bounds: Bounds) -> tuple[Requirement, Requirement]:
    """What the units that were seen decide."""
    met, not_met = for_met(bounds, tally.low.cases), for_not_met(bounds, tally.low.cases)
    return met.observe_all(tally.lows), not_met.observe_all(tally.highs)
