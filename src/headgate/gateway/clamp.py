"""Near the end of a budget with `when_near = "clamp"`, a call asks for no more output than fits. Pure."""

from typing import Final

import msgspec

from headgate.catalog.bound import BoundInput, bound
from headgate.catalog.model import ModelFacts
from headgate.core.call import Bounded

OUTPUT_TOKENS_MIN: Final = 16
"""Below this an answer is of no use: the call is refused instead."""


def clamped(parts: BoundInput, facts: ModelFacts, affordable_pico_usd: int) -> BoundInput | None:
    """Return the call with the highest output limit whose bound is affordable; None where none is.

    The bound grows with the limit, so that the highest one is found by bisection.
    """
    if parts.operation not in ("chat", "completions"):
        return None

    def fits(limit: int) -> bool:
        most = bound(msgspec.structs.replace(parts, max_output=limit), facts)
        return isinstance(most, Bounded) and most.pico_usd <= affordable_pico_usd

    highest = parts.max_output or facts.max_output
    if highest is None or not fits(OUTPUT_TOKENS_MIN):
        return None
    low, high = OUTPUT_TOKENS_MIN, highest
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return msgspec.structs.replace(parts, max_output=low)
