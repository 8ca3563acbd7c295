"""What an attempt is charged once it has ended. Pure; the rules are ARCHITECTURE's, "Settle".

Never below what the provider can have billed, as far as that can be known. Read next: `gateway.attempt`.
"""

from typing import Final

import msgspec

from headgate.catalog.bound import BoundInput, bound
from headgate.catalog.model import Target
from headgate.catalog.tariff import Tariff
from headgate.core.call import Bound, Bounded, Usage

CUT_SLACK_TOKENS: Final = 512
"""What a provider may go on to generate before it notices that nobody listens."""

UNANSWERED_STATUS: Final = frozenset({408, 504, 524})
"""Statuses with which a provider's front gives up while work behind it may go on and be billed."""


class Settlement(msgspec.Struct, frozen=True):
    """What the meters are charged, what the record shows as cost (None: unknown), and if it's an estimate."""

    charged_pico_usd: int
    cost_pico_usd: int | None
    estimated: bool


NOTHING: Final = Settlement(0, 0, estimated=False)


def by_usage(tariff: Tariff, usage: Usage, service_tier: str | None, reserved_pico_usd: int) -> Settlement:
    """Settle at the price of the usage that the provider reports; unpriced, at the whole reservation."""
    price = tariff.cost(usage, service_tier)
    if price is None:
        return Settlement(reserved_pico_usd, None, estimated=True)
    return Settlement(price, price, estimated=False)


def in_full(most: Bound, reserved_pico_usd: int) -> Settlement:
    """Settle an attempt of which nothing is known at the whole reservation.

    Where no meter counts it yet, at its bound: the ledger is what later meters are seeded from.
    """
    known = most.pico_usd if isinstance(most, Bounded) else None
    return Settlement(reserved_pico_usd or known or 0, known, estimated=True)


def cut_short(
    target: Target, parts: BoundInput, output_bytes: int, most: Bound, reserved_pico_usd: int
) -> Settlement:
    """Settle a stream that was cut: in full, as a provider may go on and bill its whole answer.

    Of one that stops then, and of a model that does not reason unseen: the input's bound, a token for each
    byte seen, and slack.
    """
    facts = target.facts
    stops = target.provider.stops_on_hangup and not facts.hides_reasoning
    if not stops or not isinstance(most, Bounded):
        return in_full(most, reserved_pico_usd)
    seen = output_bytes + CUT_SLACK_TOKENS * parts.choices
    if parts.max_output is not None:
        seen = min(seen, parts.max_output)
    reached = bound(msgspec.structs.replace(parts, max_output=seen), facts)
    if not isinstance(reached, Bounded):
        return in_full(most, reserved_pico_usd)
    most_pico_usd = reserved_pico_usd or most.pico_usd
    return Settlement(
        min(reached.pico_usd, most_pico_usd), min(reached.pico_usd, most.pico_usd), estimated=True
    )


def refused(status: int, most: Bound, reserved_pico_usd: int) -> Settlement:
    """Settle an answer with an error status: free, unless the provider's front merely gave up waiting."""
    return in_full(most, reserved_pico_usd) if status in UNANSWERED_STATUS else NOTHING
