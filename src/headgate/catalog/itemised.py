"""What a usage costs, item by item: each bucket with its number, its price and what that comes to. Pure.

The sum of the items is what `catalog.prices.cost` says; a property test holds it to that. For pages that
explain a cost, not for settling one.
"""

import msgspec

from headgate.catalog.model import BucketName, ModelFacts
from headgate.catalog.prices import BUCKETS, FREE_UNITS, buckets_at, price_in_force, price_of
from headgate.core.call import Usage

CALL = "call"
"""The item of what a call costs as such."""


class Item(msgspec.Struct, frozen=True):
    """So many of a bucket or unit, each at a price in pico-USD."""

    bucket: str
    number: int
    price_pico_usd: int

    @property
    def amount_pico_usd(self) -> int:
        """What they come to."""
        return self.number * self.price_pico_usd


class Unpriced(msgspec.Struct, frozen=True):
    """The bucket, or unit, that has no price; empty where nothing of the model has one."""

    bucket: str


def itemised(facts: ModelFacts, usage: Usage, service_tier: str | None = None) -> list[Item] | Unpriced:
    """Return what a usage costs by its parts, in the order of the buckets; none where nothing was used."""
    spent: dict[BucketName, int] = {
        bucket: number for bucket in BUCKETS if (number := getattr(usage, bucket))
    }
    units = {unit: number for unit, number in usage.units.items() if number}
    if not spent and not units.keys() - FREE_UNITS:
        return []
    price = price_in_force(facts, service_tier)
    if price is None:
        return Unpriced("")
    items: list[Item] = []
    buckets = buckets_at(price, usage.total_input)
    for bucket, number in spent.items():
        each = price_of(buckets, bucket)
        if each is None:
            return Unpriced(bucket)
        items.append(Item(bucket, number, each))
    for unit, number in units.items():
        each = 0 if unit in FREE_UNITS else price.units.get(unit)
        if each is None:
            return Unpriced(unit)
        is_once = facts.search_per_call and unit == "web_search"
        items.append(Item(unit, 1 if is_once else number, each))
    if price.per_call_pico_usd:
        items.append(Item(CALL, 1, price.per_call_pico_usd))
    return items
