import datetime
import subprocess
import sys
from collections.abc import Sized
from typing import get_args

import msgspec
import pytest
from genai_prices import Usage as TableUsage
from genai_prices import calc_price
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from headgate.catalog.model import BucketName, ModelFacts, Price
from headgate.catalog.prices import BUCKETS, FALLS_BACK, cost, facts_for, load_price_table, override_price
from headgate.core.call import Usage
from headgate.core.money import PICO_PER_USD

TODAY = datetime.date(2026, 11, 20)
NOON = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.UTC)


def test_every_bucket_has_a_name_in_the_table():
    assert set(BUCKETS) == set(get_args(BucketName))
    assert {*FALLS_BACK, "input", "output"} == set(BUCKETS)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-5-mini"),
        ("openai", "gpt-4o-2024-08-06"),
        ("anthropic", "claude-sonnet-4-5-20250929"),
        ("google", "gemini-2.5-pro"),
        ("groq", "llama-3.3-70b-versatile"),
    ],
)
@pytest.mark.parametrize("total_input", [1, 150_000, 200_000, 200_001, 400_000])
def test_costs_are_the_price_table_s(provider: str, model: str, total_input: int):
    facts = facts_for(provider, model, on=TODAY)
    cached = total_input // 3
    usage = Usage(input=total_input - cached, cache_read=cached, output=900, reasoning=100)
    table = TableUsage(input_tokens=total_input, cache_read_tokens=cached, output_tokens=1000)
    expected = calc_price(table, model, provider_id=provider, genai_request_timestamp=NOON).total_price
    ours = cost(facts, usage)
    assert ours is not None
    assert 0 <= ours - expected * PICO_PER_USD <= usage.total


def test_cache_writes_and_searches_have_their_own_price():
    facts = facts_for("anthropic", "claude-sonnet-4-5", on=TODAY)
    assert cost(facts, Usage(cache_write=1_000_000 // 10)) == int(0.375 * PICO_PER_USD)
    assert cost(facts, Usage(cache_write_1h=100_000)) == int(0.6 * PICO_PER_USD)
    assert cost(facts, Usage(units={"web_search": 3, "web_fetch": 9})) == int(0.03 * PICO_PER_USD)
    assert cost(facts, Usage(units={"advisor": 1})) is None


def test_service_tiers_have_their_own_price():
    facts = facts_for("openai", "gpt-5", on=TODAY)
    usage = Usage(input=1000, output=1000)
    standard, flex, priority = (cost(facts, usage, tier) for tier in ("default", "flex", "priority"))
    assert standard is not None
    assert flex == standard // 2
    assert priority == standard * 2
    assert cost(facts, usage, "a tier that nobody knows") == standard
    before = facts_for("openai", "gpt-5", on=datetime.date(2026, 1, 1))
    assert "flex" not in before.variants


def test_prices_are_those_of_the_day():
    before = facts_for("anthropic", "claude-sonnet-4-6", on=datetime.date(2026, 3, 1))
    after = facts_for("anthropic", "claude-sonnet-4-6", on=TODAY)
    usage = Usage(input=300_000)
    assert (cost(before, usage), cost(after, usage)) == (int(1.8 * PICO_PER_USD), int(0.9 * PICO_PER_USD))


def test_names_are_found_with_their_paths_and_dates():
    plain = facts_for("google", "gemini-2.5-flash", on=TODAY)
    assert plain.price is not None
    assert facts_for("google", "models/gemini-2.5-flash", on=TODAY).price == plain.price
    assert facts_for("google", "no-such-model", on=TODAY).price is None
    assert facts_for(None, "gpt-5", on=TODAY).price is None
    assert facts_for("no-such-provider", "gpt-5", on=TODAY).price is None


def test_zero_usage_costs_nothing_and_unknown_prices_are_unknown():
    unpriced = ModelFacts(price=None)
    assert cost(unpriced, Usage()) == 0
    assert cost(unpriced, Usage(input=1)) is None
    assert cost(ModelFacts(price=Price(buckets={"input": 5})), Usage(input=1, output=1)) is None
    assert cost(ModelFacts(price=Price(buckets={"input": 5}, per_call_pico_usd=7)), Usage(input=2)) == 17


def test_searches_that_are_charged_once_a_call():
    once = facts_for("google", "gemini-2.5-pro", on=TODAY)
    assert cost(once, Usage(units={"web_search": 4})) == int(0.035 * PICO_PER_USD)
    each = facts_for("google", "gemini-3-flash-preview", on=TODAY)
    assert cost(each, Usage(units={"web_search": 4})) == int(0.056 * PICO_PER_USD)


def test_an_override_takes_the_place_of_the_table():
    price = override_price({"input": "0.20", "output": "0.60", "web_search": "10", "per_call": "0.001"})
    facts = facts_for("openai", "gpt-5", price, on=TODAY)
    assert facts.variants == {}
    assert facts.max_output == 128_000
    assert cost(facts, Usage(input=10, cache_read=10, reasoning=1, units={"web_search": 1})) == (
        20 * 200_000 + 600_000 + 10**10 + 10**9
    )


@pytest.mark.parametrize(
    ("name", "text"), [("input", "x"), ("input", "-1"), ("input", "NaN"), ("output", "1e9"), ("wheels", "1")]
)
def test_an_override_that_is_no_price_is_refused(name: str, text: str):
    with pytest.raises(ValueError, match=name):
        override_price({name: text})


BUCKET_COUNTS = st.fixed_dictionaries({}, optional={name: st.integers(0, 10**6) for name in BUCKETS})


@given(BUCKET_COUNTS, BUCKET_COUNTS)
def test_costs_add_up_where_there_are_no_tiers(one: dict[str, int], other: dict[str, int]):
    facts = facts_for("anthropic", "claude-sonnet-4-6", on=TODAY)
    both = {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
    parts = [cost(facts, msgspec.convert(counts, Usage)) for counts in (one, other, both)]
    assert all(isinstance(part, int) for part in parts)
    assert (parts[0] or 0) + (parts[1] or 0) == parts[2]


def test_prices_come_without_a_connection():
    # A fresh interpreter, in which any attempt to open a connection fails.
    program = (
        "import datetime, socket\n"
        "def refuse(*_): raise AssertionError('a connection was opened')\n"
        "socket.socket.connect = socket.create_connection = refuse\n"
        "from headgate.catalog.prices import facts_for\n"
        "assert facts_for('openai', 'gpt-5', on=datetime.date(2026, 11, 20)).price is not None\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_table_keeps_no_names_that_clients_make_up():
    load_price_table()
    facts_for("openai", "gpt-5", on=TODAY)
    facts_for("anthropic", "claude-sonnet-4-5", on=TODAY)
    before = _kept()
    for number in range(20):
        facts_for("openai", f"nonsense-{number}", on=TODAY)
        facts_for("anthropic", f"claude-sonnet-4-5-{number}", on=TODAY)
    assert _kept() == before


def _kept() -> dict[str, int]:
    members: dict[str, object] = vars(get_snapshot())
    return {name: len(value) for name, value in members.items() if isinstance(value, Sized)}


def test_a_provider_that_the_table_does_not_know_has_no_prices():
    assert facts_for("nobody", "gpt-5", on=TODAY).price is None
