"""What the cost of a call is made of: each bucket at the price that it was settled at. Pure.

Worked out from what is on record, and shown only where it comes to the recorded cost to the last pico-USD:
else it is said that it can't be told. Read next: `catalog.itemised`, `config.price_book`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from headgate.catalog.itemised import CALL, Item, Unpriced, itemised
from headgate.catalog.model import ModelFacts
from headgate.catalog.prices import BUCKETS
from headgate.core.call import Usage
from headgate.core.money import format_usd, parse_usd
from headgate.records.model import CostBreakdown, CostItem, PriceUsed, RequestDetail

ESTIMATE: Final = "estimate"
"""The item of an attempt of which nobody told the usage: the most that it can have cost."""
_TOKENS_PER: Final = 1_000_000
_UNITS_PER: Final = 1_000


class PricedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was known of a target's prices: of which day, and from where."""

    facts: ModelFacts
    source: str
    date: str | None


class Attempted(msgspec.Struct, frozen=True, kw_only=True):
    """What a record says of an attempt's cost."""

    attempt: int
    target: str
    cost_usd: str | None
    estimated: bool
    usage: Usage


_ATTEMPTS = msgspec.json.Decoder(list[Attempted])


def attempts_of(detail: RequestDetail) -> list[Attempted]:
    """Return what a request's record says of its attempts' costs."""
    return _ATTEMPTS.decode(detail.attempts)


def breakdown(detail: RequestDetail, priced: Mapping[str, Sequence[PricedFacts]]) -> CostBreakdown:
    """Return the items that add up to a request's cost. `priced`: what may have been known, by target, the
    likeliest first."""
    attempts = attempts_of(detail)
    found: list[CostItem] = []
    prices: list[PriceUsed] = []
    for attempt in attempts:
        told = _of_attempt(attempt, priced.get(attempt.target, ()))
        if isinstance(told, str):
            return CostBreakdown(unknown=told)
        items, price = told
        found += items
        prices += [] if price is None else [price]
    if detail.cost_usd is None:
        return CostBreakdown(unknown="its cost is not known")
    if not attempts and detail.estimated:
        # Its process died: it is charged what was reserved.
        found = [_estimate(None, detail.cost_usd)]
    if sum(parse_usd(item.amount_usd) for item in found) != parse_usd(detail.cost_usd):
        return CostBreakdown(unknown="its attempts on record do not come to its cost")
    return CostBreakdown(items=found, prices=prices)


def _of_attempt(
    attempt: Attempted, priced: Sequence[PricedFacts]
) -> tuple[list[CostItem], PriceUsed | None] | str:
    """The items of an attempt and the price of them, or why they can't be told."""
    if attempt.cost_usd is None:
        return _why_unpriced(attempt, priced)
    if attempt.estimated:
        return [_estimate(attempt.attempt, attempt.cost_usd)], None
    cost = parse_usd(attempt.cost_usd)
    for one in priced:
        for tier in (None, *one.facts.variants):
            items = itemised(one.facts, attempt.usage, tier)
            if isinstance(items, Unpriced) or sum(item.amount_pico_usd for item in items) != cost:
                continue
            if not items:
                return [], None
            used = PriceUsed(
                attempt=attempt.attempt,
                target=attempt.target,
                source=one.source,
                date=one.date,
                service_tier=tier,
            )
            return [_item(attempt.attempt, item) for item in items], used
    if not cost:
        return [], None  # It was refused, and refusals are free.
    if not priced:
        return f"the configuration that {attempt.target} was settled by is not at hand"
    return f"no price that is at hand comes to what {attempt.target} was settled at"


def _why_unpriced(attempt: Attempted, priced: Sequence[PricedFacts]) -> str:
    """Which part has no price, as far as that is the same in all that may have been known."""
    missing = {
        items.bucket if isinstance(items := itemised(one.facts, attempt.usage), Unpriced) else None
        for one in priced
    }
    if len(missing) == 1 and (bucket := missing.pop()):
        return f"{attempt.target} has no price for {bucket.replace('_', ' ')}"
    return f"{attempt.target} has no known price"


def _estimate(attempt: int | None, cost_usd: str) -> CostItem:
    return CostItem(attempt=attempt, bucket=ESTIMATE, amount_usd=cost_usd)


def _item(attempt: int, item: Item) -> CostItem:
    per = _TOKENS_PER if item.bucket in BUCKETS else 1 if item.bucket == CALL else _UNITS_PER
    return CostItem(
        attempt=attempt,
        bucket=item.bucket,
        units=item.number,
        price_usd=format_usd(item.price_pico_usd * per),
        per=per,
        amount_usd=format_usd(item.amount_pico_usd),
    )
