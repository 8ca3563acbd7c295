"""One model's prices, compiled for what most calls are: a chat of text at the standard tier.

For those it says what `catalog.bound.bound` and `catalog.prices.cost` say, by a few products instead of a
walk through tables; all others it leaves to them. A property test holds it to that. Pure.
"""

from headgate.catalog.bound import (
    CALL_TOKENS,
    INPUT_BUCKETS,
    MESSAGE_TOKENS,
    OUTPUT_BUCKETS,
    OUTPUT_SLACK_TOKENS,
    TOKENS_PER_BYTE,
    BoundInput,
    bound,
    dearest,
    prices_for,
)
from headgate.catalog.model import ModelFacts, Price
from headgate.catalog.prices import cost, price_of
from headgate.core.call import Bound, Bounded, Usage


class Tariff:
    """What calls of one model can cost and do cost, for its plain calls by a few products."""

    __slots__ = ("_each", "_facts", "_input_max", "_output_max", "_rows")

    def __init__(self, facts: ModelFacts) -> None:
        self._facts = facts
        self._output_max = facts.max_output if facts.max_output is not None else facts.context_window
        self._rows: tuple[tuple[int, int, int, int], ...] = ()
        """For each price that may apply: pico-USD a call, a byte of the body, a token read and one made."""
        self._input_max = -1
        """Up to so many input tokens no tier changes the prices."""
        self._each = None if facts.price is None else _each(facts.price)
        if facts.price is not None and not facts.runs_tools:
            prices = prices_for(BoundInput(operation="chat", body_bytes=0), facts, facts.price)
            rows = [row for price in prices if (row := _row(price)) is not None]
            if len(rows) == len(prices):
                self._rows = tuple(rows)
                self._input_max = min((start for one in prices for start, _ in one.tiers), default=1 << 60)

    def cost(self, usage: Usage, service_tier: str | None) -> int | None:
        """Return what a usage costs, in pico-USD; None where a part of it has no price."""
        given, made, each = usage.input, usage.output, self._each
        if (
            each is None
            or service_tier in self._facts.variants
            or given > self._input_max
            or not (given or made)
            or usage != Usage(input=given, output=made)
        ):
            return cost(self._facts, usage, service_tier)
        per_call, per_input, per_output = each
        return per_call + per_input * given + per_output * made

    def bound(self, call: BoundInput) -> Bound:
        """Return the most that a call can cost, in pico-USD, or why nothing bounds it."""
        limit = call.max_output if call.max_output is not None else self._output_max
        given = call.body_bytes * TOKENS_PER_BYTE + CALL_TOKENS + call.messages * MESSAGE_TOKENS
        if (
            call.operation != "chat"
            or call.service_tier is not None
            or limit is None
            or given > self._input_max
            or call.images
            or call.audio
            or call.files
            or call.unbounded
            or call.server_tools
        ):
            return bound(call, self._facts)
        made = call.choices * (limit + OUTPUT_SLACK_TOKENS)
        most = 0
        for per_call, per_byte, per_input, per_output in self._rows:
            total = per_call + per_byte * call.body_bytes + per_input * given + per_output * made
            if total > most:
                most = total
        return Bounded(most)


def _each(price: Price) -> tuple[int, int, int] | None:
    """Pico-USD a call, a token of plain input, and one of plain output; None where one has no price."""
    per_input, per_output = price_of(price.buckets, "input"), price_of(price.buckets, "output")
    if per_input is None or per_output is None:
        return None
    return price.per_call_pico_usd, per_input, per_output


def _row(price: Price) -> tuple[int, int, int, int] | None:
    per_byte = price.units.get("characters", 0)
    per_input = 0 if per_byte else dearest([price.buckets], INPUT_BUCKETS)
    per_output = dearest([price.buckets], OUTPUT_BUCKETS)
    if per_input is None or per_output is None:
        return None
    return price.per_call_pico_usd, per_byte, per_input, per_output
