"""What a span costs that says none: by the price table, or unknown."""

import datetime
from typing import Any

import pytest

from headgate.catalog.prices import cost, facts_for
from headgate.core.call import Usage
from headgate.traces.conventions.priced import priced
from headgate.traces.conventions.resolve import resolve
from headgate.traces.model import RawSpan, Span

DAY = datetime.date(2026, 11, 20)
BEGIN = int(datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.UTC).timestamp()) * 10**9


def span(begin: int = BEGIN, **attributes: Any) -> Span:
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100,
        **{name.replace("__", "."): value for name, value in attributes.items()},
    }
    raw = RawSpan(
        trace_id=b"t" * 16,
        span_id=b"s" * 8,
        parent_id=b"",
        name="chat",
        kind=3,
        start_ns=begin,
        end_ns=begin,
        attributes=told,
    )
    return priced(resolve(raw))


@pytest.mark.parametrize(
    ("said", "provider", "model"),
    [
        ("openai", "openai", "gpt-5-mini"),
        ("az.ai.openai", "azure", "gpt-5-mini"),
        ("", "openai", "gpt-5-mini"),
        ("google-gla", "google", "gemini-2.5-pro"),
        ("google-vertex", "google", "gemini-2.5-pro"),
        ("anthropic", "anthropic", "claude-sonnet-4-5"),
        ("mistralai", "mistral", "mistral-large-latest"),
    ],
)
def test_a_call_costs_what_the_table_says(said: str, provider: str, model: str) -> None:
    expected = cost(facts_for(provider, model, on=DAY), Usage(input=1000, output=100))
    assert expected is not None and expected > 0
    found = span(gen_ai__provider__name=said, gen_ai__request__model=model)
    assert (found.cost_pico_usd, found.cost_source) == (expected, "priced")


def test_the_tier_that_served_is_paid() -> None:
    facts = facts_for("openai", "gpt-5-mini", on=DAY)
    found = span(openai__response__service_tier="flex")
    assert found.cost_pico_usd == cost(facts, Usage(input=1000, output=100), "flex")
    assert found.cost_pico_usd != span().cost_pico_usd


def test_what_a_span_reports_stays() -> None:
    found = span(gen_ai__usage__cost=0.1)
    assert (found.cost_pico_usd, found.cost_source) == (100_000_000_000, "reported")


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai__request__model": "nobody-knows-this"},
        {"gen_ai__usage__total_tokens": 5},
        {"gen_ai__usage__input_tokens": "many", "gen_ai__usage__output_tokens": "more"},
        {"gen_ai__provider__name": "a-house-of-our-own"},
        {"gen_ai__provider__name": "", "gen_ai__request__model": "llama-3"},
    ],
)
def test_no_price_is_guessed(attributes: dict[str, Any]) -> None:
    found = span(**attributes)
    assert (found.cost_pico_usd, found.cost_source) == (None, "")


def test_a_clock_that_is_ages_off_prices_nothing_and_raises_nothing() -> None:
    assert span(begin=2**63 - 1).cost_pico_usd == span().cost_pico_usd
    assert span(begin=2**90).cost_source == ""
