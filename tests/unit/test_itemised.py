"""The items of a cost come to the cost, and what it is made of is told only where that is sure."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.test_tariff import MODELS, USAGES

from headgate.catalog.itemised import Unpriced, itemised
from headgate.catalog.model import ModelFacts, Price
from headgate.catalog.prices import cost
from headgate.core.call import Usage
from headgate.core.money import format_usd, parse_usd
from headgate.records.breakdown import PricedFacts, breakdown
from headgate.records.model import CostBreakdown, RequestDetail, UsageBuckets

FACTS = ModelFacts(
    price=Price(
        buckets={"input": 3, "output": 7, "cache_write_1h": 6}, units={"web_search": 11}, per_call_pico_usd=5
    ),
    variants={"priority": Price(buckets={"input": 30, "output": 70})},
)
PRICED = PricedFacts(facts=FACTS, source="genai-prices 1", date="2026-11-22")
USAGE = Usage(input=10, cache_write_1h=4, output=2, units={"web_search": 3})


@settings(max_examples=400)
@given(MODELS, USAGES, st.sampled_from([None, None, "default", "flex", "priority"]), st.booleans())
def test_items_come_to_the_cost(model: ModelFacts, usage: Usage, tier: str | None, per_call: bool) -> None:
    model = msgspec.structs.replace(model, search_per_call=per_call)
    items = itemised(model, usage, tier)
    known = None if isinstance(items, Unpriced) else sum(item.amount_pico_usd for item in items)
    assert known == cost(model, usage, tier)


def detail_of(cost_usd: str | None, *attempts: dict[str, Any], estimated: bool = False) -> RequestDetail:
    """A record of these attempts at `one/model`; what it has beside them is of no matter here."""
    made: list[dict[str, Any]] = [
        {"attempt": number, "target": "one/model", "estimated": False, "usage": {}, **each}
        for number, each in enumerate(attempts, 1)
    ]
    plain: dict[str, Any] = dict.fromkeys(RequestDetail.__struct_fields__)
    plain |= {
        "usage": UsageBuckets(),
        "cost": CostBreakdown(),
        "attempts": msgspec.Raw(msgspec.json.encode(made)),
    }
    plain |= {"cost_usd": cost_usd, "estimated": estimated}
    return RequestDetail(**plain)


def told(detail: RequestDetail, *priced: PricedFacts) -> CostBreakdown:
    return breakdown(detail, {"one/model": priced})


def usage_of(usage: Usage) -> dict[str, Any]:
    return {"usage": msgspec.to_builtins(usage)}


def test_each_bucket_that_was_priced_apart_is_an_item() -> None:
    spent = format_usd(30 + 24 + 14 + 33 + 5)
    found = told(detail_of(spent, {"cost_usd": spent, **usage_of(USAGE)}), PRICED)
    assert [(item.bucket, item.units, item.price_usd, item.per) for item in found.items] == [
        ("input", 10, "0.000003", 1_000_000),
        ("cache_write_1h", 4, "0.000006", 1_000_000),
        ("output", 2, "0.000007", 1_000_000),
        ("web_search", 3, "0.000000011", 1_000),
        ("call", 1, "0.000000000005", 1),
    ]
    assert sum(parse_usd(item.amount_usd) for item in found.items) == parse_usd(spent)
    [price] = found.prices
    assert (price.source, price.date, price.service_tier) == ("genai-prices 1", "2026-11-22", None)
    assert found.unknown is None


def test_the_price_is_the_one_that_comes_to_the_cost() -> None:
    usage = Usage(input=10, output=2)
    earlier = PricedFacts(
        facts=ModelFacts(price=Price(buckets={"input": 1, "output": 1})), source="x", date="then"
    )
    tier = told(detail_of(format_usd(440), {"cost_usd": format_usd(440), **usage_of(usage)}), earlier, PRICED)
    assert tier.prices[0].service_tier == "priority" and tier.prices[0].date == "2026-11-22"
    then = told(detail_of(format_usd(12), {"cost_usd": format_usd(12), **usage_of(usage)}), PRICED, earlier)
    assert then.prices[0].date == "then"


def test_one_pico_off_cant_be_told() -> None:
    spent = format_usd(107)
    found = told(detail_of(spent, {"cost_usd": spent, **usage_of(USAGE)}), PRICED)
    assert found == CostBreakdown(unknown="no price that is at hand comes to what one/model was settled at")
    assert "is not at hand" in str(told(detail_of(spent, {"cost_usd": spent, **usage_of(USAGE)})).unknown)


def test_attempts_of_which_nobody_told_the_usage_are_estimates() -> None:
    lost = {"cost_usd": "0.5", "estimated": True}
    spent = {"cost_usd": format_usd(49), **usage_of(Usage(input=10, output=2))}
    found = told(detail_of(format_usd(500_000_000_049), lost, spent), PRICED)
    assert [(item.attempt, item.bucket, item.amount_usd) for item in found.items] == [
        (1, "estimate", "0.5"),
        (2, "input", format_usd(30)),
        (2, "output", format_usd(14)),
        (2, "call", format_usd(5)),
    ]
    assert [price.attempt for price in found.prices] == [2]
    died = told(detail_of("0.25", estimated=True))
    assert [(item.attempt, item.bucket, item.amount_usd) for item in died.items] == [
        (None, "estimate", "0.25")
    ]


@pytest.mark.parametrize("cost_usd", ["0", None])
def test_a_refusal_is_free_and_an_unknown_price_is_named(cost_usd: str | None) -> None:
    assert told(detail_of("0", {"cost_usd": "0"}), PRICED) == CostBreakdown()
    usage = Usage(input=1, units={"file_search": 1})
    found = told(detail_of(cost_usd, {"cost_usd": None, **usage_of(usage)}), PRICED)
    assert found.unknown == "one/model has no price for file search" and found.items == []
    nothing = PricedFacts(facts=ModelFacts(price=None), source="", date=None)
    found = told(detail_of(cost_usd, {"cost_usd": None, **usage_of(usage)}), nothing)
    assert found.unknown == "one/model has no known price"


def test_what_attempts_come_to_is_the_cost_or_nothing_is_told() -> None:
    found = told(
        detail_of("0.1", {"cost_usd": format_usd(49), **usage_of(Usage(input=10, output=2))}), PRICED
    )
    assert found == CostBreakdown(unknown="its attempts on record do not come to its cost")
