"""What a span costs that says its tokens and no cost: from Headgate's price table.

Never a guess: a model that the table doesn't know, or a usage that doesn't add up, has no known cost. Pure
but for a bounded cache. Read next: `catalog.prices`.
"""

import datetime
import functools
from collections.abc import Mapping
from typing import Final

import msgspec

from headgate.catalog.model import ModelFacts
from headgate.catalog.prices import cost, facts_for
from headgate.traces.model import Span

PRICE_PROVIDERS: Final[Mapping[str, str]] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "aws.bedrock": "aws",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "gcp.gen_ai": "google",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "groq": "groq",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "perplexity": "perplexity",
    "x_ai": "x-ai",
    "openrouter": "openrouter",
    "together": "together",
    "fireworks": "fireworks",
    "cerebras": "cerebras",
    "voyageai": "voyageai",
}
"""OpenTelemetry's word for a provider, and the price table's. Others are asked for as they are."""

MAKERS: Final[tuple[tuple[str, str], ...]] = (
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "google"),
    ("command-", "cohere"),
    ("deepseek-", "deepseek"),
    ("mistral-", "mistral"),
    ("grok-", "x-ai"),
    ("sonar", "perplexity"),
    ("voyage-", "voyageai"),
)
"""Whose price holds where a span names no provider (Langfuse's SDK doesn't): that of the model's maker."""

CACHED: Final = 1024
_NAME_MAX: Final = 200


class _Served(msgspec.Struct):
    current: str | None = msgspec.field(default=None, name="openai.response.service_tier")
    before: str | None = msgspec.field(default=None, name="gen_ai.openai.response.service_tier")


_served = msgspec.json.Decoder(_Served).decode


def priced(span: Span) -> Span:
    """The span with its cost by the price table of the day it began; as it is where nothing tells the price.

    What a span reports itself stays.
    """
    if span.cost_source or span.usage is None or not span.model or "usage_inconsistent" in span.flags:
        return span
    facts = _facts(span.provider, span.model[:_NAME_MAX], span.start_ns // _DAY_NS)
    if facts is None:
        return span
    found = cost(facts, span.usage, _tier(span.attributes))
    if found is None or (facts.price is None and not found):
        return span
    return msgspec.structs.replace(span, cost_pico_usd=found, cost_source="priced")


_DAY_NS: Final = 86_400_000_000_000


@functools.lru_cache(maxsize=CACHED)
def _facts(provider: str, model: str, day: int) -> ModelFacts | None:
    """What the table knows of a model on a day since 1970; None where it knows neither, nor such a day."""
    name = PRICE_PROVIDERS.get(provider, provider)
    if not name:
        name = next((maker for prefix, maker in MAKERS if model.startswith(prefix)), "")
    if not name:
        return None
    try:
        on = datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
    except OverflowError:
        return None
    return facts_for(name, model, on=on)


def _tier(attributes: str) -> str | None:
    if "service_tier" not in attributes:
        return None
    try:
        served = _served(attributes)
    except msgspec.DecodeError:
        return None
    return served.current or served.before
