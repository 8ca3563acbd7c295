"""From what past days cost to where a budget leads by the end of its window. Pure.

Days to come are drawn from past ones, each with its course over the day, by weights that are drawn anew for
each projection (Rubin, The Bayesian Bootstrap, 1981): so the fan also says how little few days tell. It knows
neither weekdays nor growth beyond the days that it has seen. Read next: `forecast.reading`.
"""

import random
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import msgspec

SHARES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Of which quantiles the fan is made."""
DAYS_MIN: Final = 3
"""With fewer past days nothing is said of those to come."""
PROJECTIONS: Final = 400
_SEED: Final = 7
"""The same data give the same fan: nothing moves unless the data did."""


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """Where spend leads, in pico-USD: for each share of `SHARES` one amount a step, from the present one on.

    `ends` are the steps by which a tenth, half and nine tenths of all projections have passed the limit; None
    where so many do not within the window. `passing` is the share of those that do.
    """

    quantiles: tuple[tuple[int, ...], ...]
    ends: tuple[int | None, int | None, int | None]
    passing: float


def project(
    past: Sequence[Sequence[int]], ahead: int, *, spent: int, limit: int, first_part: float
) -> Projection | None:
    """Project spend over the steps of a window that are left, the present one included.

    `past` holds what each step of each past day cost, days as long as each other, each beginning at the time
    of day of the present step; `first_part` is the part of the present step that is still to come. None
    where fewer than `DAYS_MIN` days are known or no step is left.
    """
    if len(past) < DAYS_MIN or ahead < 1:
        return None
    source = random.Random(_SEED)
    paths = [_path(source, past, ahead, spent, first_part) for _ in range(PROJECTIONS)]
    columns = [sorted(path[step] for path in paths) for step in range(ahead)]
    quantiles = tuple(tuple(column[_place(share)] for column in columns) for share in SHARES)
    passed = sorted(
        step
        for path in paths
        for step in [next((at for at, amount in enumerate(path) if amount >= limit), ahead)]
        if step < ahead
    )
    return Projection(
        quantiles=quantiles,
        ends=(_end(passed, 0.1), _end(passed, 0.5), _end(passed, 0.9)),
        passing=len(passed) / PROJECTIONS,
    )


def _path(
    source: random.Random, past: Sequence[Sequence[int]], ahead: int, spent: int, first_part: float
) -> list[int]:
    """One way in which it may go on: the sum at the end of each step."""
    weights = list(accumulate(source.expovariate(1) for _ in past))
    a_day = len(past[0])
    days = source.choices(past, cum_weights=weights, k=-(-ahead // a_day))
    steps = [amount for day in days for amount in day][:ahead]
    steps[0] = int(steps[0] * first_part)
    return list(accumulate(steps, initial=spent))[1:]


def _place(share: float) -> int:
    return min(PROJECTIONS - 1, int(share * PROJECTIONS))


def _end(passed: Sequence[int], share: float) -> int | None:
    place = _place(share)
    return passed[place] if place < len(passed) else None
