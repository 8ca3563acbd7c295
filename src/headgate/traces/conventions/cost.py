"""What a span says it cost, as exact pico-USD. Pure, and never a sum of floats.

Read next: `conventions.priced`, for spans that say nothing.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Final, cast

from headgate.core.money import LARGEST_USD, PICO_PER_USD
from headgate.traces.conventions.said import Said
from headgate.traces.conventions.texts import decoded

_PARTS_MAX: Final = 64
_SLACK: Final = 1_000_000
"""Pico-USD (a millionth of a dollar) by which a total may differ from its parts: they were rounded."""


def pico_of(value: object) -> int | None:
    """Pico-USD of a number or its digits in USD: the decimal that is written, rounded to a whole pico-USD.

    None for what is no number, negative, or 10^9 USD and more.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, int) and not 0 <= value < LARGEST_USD:
        return None
    try:
        amount = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount < 0 or amount >= LARGEST_USD:
        return None
    return int((amount * PICO_PER_USD).to_integral_value(rounding=ROUND_HALF_EVEN))


def reported_cost(said: Said) -> int | None:
    """What a span says it cost; None where it says nothing that can be read.

    Where a total and its parts contradict one another, the total stays and `cost_inconsistent` is flagged.
    """
    details = _detailed(said)
    if details is not None:
        return details
    total = _first(said, "cost")
    parts = [_first(said, "cost_input"), _first(said, "cost_output")]
    stated = [part for part in parts if part is not None]
    if total is None:
        return sum(stated) if stated else None
    if len(stated) == len(parts) and abs(sum(stated) - total) > _SLACK:
        said.flag("cost_inconsistent")
    return total


def _detailed(said: Said) -> int | None:
    for _, name, value in said.each("cost_details"):
        found = decoded(value)
        if not isinstance(found, dict):
            continue
        members = cast("Mapping[str, Any]", found)
        costs = {
            part: pico
            for part, said_cost in list(members.items())[:_PARTS_MAX]
            if (pico := pico_of(said_cost)) is not None
        }
        total = costs.pop("total", costs.pop("total_cost", None))
        if total is None and not costs:
            continue
        said.take(name)
        if total is None:
            return sum(costs.values())
        if costs and abs(sum(costs.values()) - total) > _SLACK:
            said.flag("cost_inconsistent")
        return total
    return None


def _first(said: Said, meaning: str) -> int | None:
    for _, name, value in said.each(meaning):
        pico = pico_of(value)
        if pico is not None:
            said.take(name)
            return pico
        said.flag("cost_unreadable")
    return None
