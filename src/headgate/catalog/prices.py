"""What a call costs: price tables compiled once to integer pico-USD, and exact sums over usage.

Prices come from the `genai-prices` package, offline, or from `[prices]` in headgate.toml, which wins. Never
asks a network, never uses a float, never guesses: what has no price costs None. Read next: `catalog.bound`.

A bucket without a price of its own costs what the bucket that it is part of costs: `FALLS_BACK`.
"""

import datetime
import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from importlib import metadata
from typing import cast

import msgspec
from genai_prices.data_snapshot import get_snapshot
from genai_prices.data_units import unit_data
from genai_prices.types import ModelInfo, ModelPrice, StartDateConstraint, TieredPrices

from headgate.catalog.limits import limits_of
from headgate.catalog.model import BucketName, ModelFacts, Price
from headgate.core.call import Usage
from headgate.core.money import PICO_PER_USD, pico_per_unit

BUCKETS: dict[BucketName, str] = {
    "input": "input_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "output": "output_mtok",
    "reasoning": "output_reasoning_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
    "cache_read_audio": "cache_audio_read_mtok",
    "input_image": "input_image_mtok",
    "output_image": "output_image_mtok",
}
"""Our buckets, and their names in the price table."""

FALLS_BACK: dict[BucketName, BucketName] = {
    "cache_read": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "reasoning": "output",
    "input_audio": "input",
    "output_audio": "output",
    "cache_read_audio": "cache_read",
    "input_image": "input",
    "output_image": "output",
}
"""Where a bucket's price comes from when it has none of its own."""

UNITS = {
    "web_search": "web_searches_kcount",
    "social_search": "social_searches_kcount",
    "file_search": "storage_searches_kcount",
    "code_execution": "code_executions_kcount",
    "audio_seconds": "audio_hours",
    "characters": "input_mchars",
}
"""Our units, and their names in the price table."""

FREE_UNITS = frozenset({"web_fetch", "tool_search"})
"""Units that providers count and do not charge: fetched pages cost only their tokens.

Source: https://docs.claude.com/en/docs/agents-and-tools/tool-use/web-fetch-tool, 2026-11-20.
"""

SOURCE = "genai-prices"
_VARIANT_KEYS = ("service_tier", "speed", "processing")
_PREFIXES = (
    "models/",
    "publishers/google/models/",
    "publishers/anthropic/models/",
    "accounts/fireworks/models/",
)
_DATED = re.compile(r"[-@](?:20\d{6}|20\d\d-\d\d-\d\d)$")
_PER = {str(unit.get("price_key", key)): int(unit["per"]) for key, unit in unit_data.items()}


def facts_for(
    price_provider: str | None, model: str, override: Price | None = None, *, on: datetime.date
) -> ModelFacts:
    """Return what is known of a model: its price on a day, by service tier, and its limits.

    `override` takes the place of the table's price and of its variants. A model that the table does not
    know has the price None.
    """
    known = _find(price_provider, model)
    limits = limits_of(model)
    window = None if known is None else known.context_window
    facts = ModelFacts(
        price=override,
        context_window=_window(window, limits.context_window),
        max_output=limits.max_output,
        hides_reasoning=limits.hides_reasoning,
        image_tokens=limits.image_tokens,
        runs_tools=limits.runs_tools,
        search_per_call=limits.search_per_call,
    )
    if override is not None or known is None:
        return facts
    standard = _standard(known, on)
    base = _compiled(standard, on)
    variants: dict[str, Price] = {}
    for key, name in _variant_names(known, on):
        price = _compiled([_variant(known, prices, {key: name}, on) for prices in standard], on)
        if price != base:
            variants[name] = price
    return msgspec.structs.replace(facts, price=base, variants=variants)


def price_table_version() -> str:
    """Return which table the prices come from: the package and its version."""
    return f"{SOURCE} {metadata.version(SOURCE)}"


def load_price_table() -> None:
    """Load the table now rather than at the first question, which would wait some 50 ms. Blocks."""
    get_snapshot()


def _window(stated: int | None, listed: int | None) -> int | None:
    """The larger of two statements: a window is used as an upper bound."""
    known = [window for window in (stated, listed) if window is not None]
    return max(known, default=None)


def _find(price_provider: str | None, model: str) -> ModelInfo | None:
    if price_provider is None:
        return None
    snapshot = get_snapshot()
    try:
        # By the provider alone: the package keeps each model name that it is asked for, and clients choose
        # those.
        provider = snapshot.find_provider(None, price_provider, None)
    except LookupError:
        return None
    found = (provider.find_model(name, all_providers=snapshot.providers) for name in _spellings(model))
    return next((model for model in found if model is not None), None)


def _spellings(model: str) -> Iterable[str]:
    """The name as it is, without a path that some APIs put before it, and without the date of its build."""
    plain = next((model.removeprefix(prefix) for prefix in _PREFIXES if model.startswith(prefix)), model)
    return dict.fromkeys((model, plain, _DATED.sub("", plain)))


def _standard(model: ModelInfo, on: datetime.date) -> list[ModelPrice]:
    """The prices in force on a day: one, or several where they change with the time of day."""
    if isinstance(model.prices, ModelPrice):
        return [model.prices]
    found: list[ModelPrice] = []
    moment = datetime.datetime.combine(on, datetime.time(), tzinfo=datetime.UTC)
    for conditional in reversed(model.prices):
        constraint = conditional.constraint
        if isinstance(constraint, StartDateConstraint) and not constraint.active(moment):
            continue
        found.append(conditional.prices)
        if constraint is None or isinstance(constraint, StartDateConstraint):
            break
    return found or [model.prices[0].prices]


def _variant_names(model: ModelInfo, on: datetime.date) -> list[tuple[str, str]]:
    moment = datetime.datetime.combine(on, datetime.time(), tzinfo=datetime.UTC)
    found: dict[tuple[str, str], None] = {}
    for variant in model.price_variants or ():
        if variant.constraint is None or variant.constraint.active(moment):
            found.update({(key, name): None for key, name in variant.when.items() if key in _VARIANT_KEYS})
    return list(found)


def _variant(
    model: ModelInfo, standard: ModelPrice, context: dict[str, str], on: datetime.date
) -> ModelPrice:
    """The standard price with what a variant overrides; the first that names a price wins."""
    moment = datetime.datetime.combine(on, datetime.time(), tzinfo=datetime.UTC)
    prices = _stated(standard)
    overrides: dict[str, Decimal | TieredPrices] = {}
    for variant in model.price_variants or ():
        if variant.when == context and (variant.constraint is None or variant.constraint.active(moment)):
            for name, value in _stated(variant.prices).items():
                overrides.setdefault(name, value)
    return ModelPrice(**{**prices, **overrides})


def _stated(prices: ModelPrice) -> dict[str, Decimal | TieredPrices]:
    members = cast("dict[str, Decimal | TieredPrices | None]", vars(prices))
    return {name: value for name, value in members.items() if value is not None}


def _compiled(candidates: list[ModelPrice], on: datetime.date) -> Price:
    """Compile prices to integers. Of prices that change with the time of day each bucket's dearest counts."""
    compiled = [_compiled_one(prices, on) for prices in candidates]
    first = compiled[0]
    for other in compiled[1:]:
        first = Price(
            buckets=_dearest(first.buckets, other.buckets),
            tiers=max(first.tiers, other.tiers, key=len),
            units={**other.units, **first.units},
            per_call_pico_usd=max(first.per_call_pico_usd, other.per_call_pico_usd),
            source=first.source,
            date=first.date,
        )
    return first


def _dearest(one: dict[BucketName, int], other: dict[BucketName, int]) -> dict[BucketName, int]:
    return {
        name: max(one.get(name, 0), other.get(name, 0)) for name in BUCKETS if name in one or name in other
    }


def _compiled_one(prices: ModelPrice, on: datetime.date) -> Price:
    stated = _stated(prices)
    starts = sorted(
        {tier.start for value in stated.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    )
    units = {unit: _pico_per(stated[name], _PER[name]) for unit, name in UNITS.items() if name in stated}
    per_call = stated.get("requests_kcount")
    return Price(
        buckets=_buckets_at(stated, 0),
        tiers=tuple((start, _buckets_at(stated, start + 1)) for start in starts),
        units=units,
        per_call_pico_usd=0 if per_call is None else _pico_per(per_call, _PER["requests_kcount"]),
        source=SOURCE,
        date=on.isoformat(),
    )


def _buckets_at(stated: Mapping[str, Decimal | TieredPrices], total_input: int) -> dict[BucketName, int]:
    return {
        bucket: pico_per_unit(_at(stated[name], total_input))
        for bucket, name in BUCKETS.items()
        if name in stated
    }


def _at(value: Decimal | TieredPrices, total_input: int) -> Decimal:
    if isinstance(value, Decimal):
        return value
    price = value.base
    for tier in value.tiers:
        if total_input > tier.start:
            price = tier.price
    return price


def _pico_per(value: Decimal | TieredPrices, per: int) -> int:
    """Pico-USD for one of what is priced by `per`; the dearest tier, rounded up."""
    dearest = value if isinstance(value, Decimal) else max(value.base, *(tier.price for tier in value.tiers))
    return int((dearest * PICO_PER_USD / per).to_integral_value(rounding=ROUND_CEILING))


def override_price(decimals: Mapping[str, str]) -> Price:
    """Read a `[prices."provider/model"]` table: decimal strings in USD per million tokens by bucket.

    Beside the buckets, `per_call` is USD a call, and any unit (`web_search`) USD a thousand. Raises
    ValueError naming the entry that is no price.
    """
    buckets: dict[BucketName, int] = {}
    units: dict[str, int] = {}
    per_call = 0
    for name, text in decimals.items():
        value = _price(name, text)
        if name == "per_call":
            per_call = int((value * PICO_PER_USD).to_integral_value(rounding=ROUND_CEILING))
        elif name in BUCKETS:
            buckets[name] = pico_per_unit(value)
        elif name in UNITS:
            units[name] = int((value * PICO_PER_USD / 1000).to_integral_value(rounding=ROUND_CEILING))
        else:
            known = ", ".join((*BUCKETS, *UNITS, "per_call"))
            raise ValueError(f"{name!r} is nothing that is priced; write one of {known}")
    return Price(buckets=buckets, units=units, per_call_pico_usd=per_call, source="headgate.toml")


def _price(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{name} = {text!r} is no decimal number; write USD per million tokens") from None
    if not value.is_finite() or not 0 <= value < 10**6:
        raise ValueError(f"{name} = {text!r} is out of range; write USD per million tokens")
    return value


def price_in_force(facts: ModelFacts, service_tier: str | None) -> Price | None:
    """The price of the service tier that served; the standard one where the tier has none of its own."""
    if service_tier is not None and service_tier in facts.variants:
        return facts.variants[service_tier]
    return facts.price


def buckets_at(price: Price, total_input: int) -> dict[BucketName, int]:
    """The prices of the tier that a call with so many input tokens falls into."""
    buckets = price.buckets
    for start, tier in price.tiers:
        if total_input > start:
            buckets = tier
    return buckets


def price_of(buckets: Mapping[BucketName, int], bucket: BucketName) -> int | None:
    """Pico-USD a token of a bucket, from the bucket that it falls back to where it has no price."""
    name: BucketName | None = bucket
    while name is not None:
        if name in buckets:
            return buckets[name]
        name = FALLS_BACK.get(name)
    return None


def cost(facts: ModelFacts, usage: Usage, service_tier: str | None = None) -> int | None:
    """What a usage costs, in pico-USD; None where a part of it has no price.

    A usage of nothing at all costs 0, priced or not; the price of a call as such is added to any other.
    """
    spent: dict[BucketName, int] = {
        bucket: number for bucket in BUCKETS if (number := getattr(usage, bucket))
    }
    units = {unit: number for unit, number in usage.units.items() if number and unit not in FREE_UNITS}
    if not spent and not units:
        return 0
    price = price_in_force(facts, service_tier)
    if price is None:
        return None
    total = price.per_call_pico_usd
    buckets = buckets_at(price, usage.total_input)
    for bucket, number in spent.items():
        each = price_of(buckets, bucket)
        if each is None:
            return None
        total += each * number
    for unit, number in units.items():
        if unit not in price.units:
            return None
        total += price.units[unit] * (1 if facts.search_per_call and unit == "web_search" else number)
    return total
