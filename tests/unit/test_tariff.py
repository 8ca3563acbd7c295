"""A tariff says of every call what the rules that it was compiled from say."""

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.catalog.bound import BoundInput, bound
from headgate.catalog.model import ModelFacts, Price
from headgate.catalog.prices import cost
from headgate.catalog.tariff import Tariff
from headgate.core.call import Usage

AMOUNTS = st.integers(0, 10**8)
TOKENS = st.integers(0, 300_000)
BUCKETS = st.dictionaries(
    st.sampled_from(["input", "output", "cache_read", "cache_write", "reasoning", "input_audio"]), AMOUNTS
)
PRICES = st.builds(
    Price,
    buckets=BUCKETS,
    tiers=st.lists(st.tuples(st.integers(1, 200_000), BUCKETS), max_size=2).map(
        lambda rows: tuple(sorted(rows, key=lambda row: row[0]))
    ),
    units=st.dictionaries(st.sampled_from(["characters", "web_search"]), AMOUNTS, max_size=2),
    per_call_pico_usd=st.sampled_from([0, 5]),
)
MODELS = st.builds(
    ModelFacts,
    price=st.none() | PRICES,
    variants=st.dictionaries(st.sampled_from(["priority", "flex"]), PRICES, max_size=2),
    context_window=st.none() | TOKENS,
    max_output=st.none() | TOKENS,
    runs_tools=st.booleans(),
)
CALLS = st.builds(
    BoundInput,
    operation=st.sampled_from(["chat", "chat", "embeddings", "count_tokens", "completions"]),
    body_bytes=TOKENS,
    messages=st.integers(0, 50),
    choices=st.integers(1, 3),
    max_output=st.none() | TOKENS,
    images=st.sampled_from([0, 0, 2]),
    files=st.sampled_from([0, 0, 1]),
    unbounded=st.sampled_from([(), (), ("file id",)]),
    service_tier=st.sampled_from([None, None, "auto", "flex", "default"]),
)
USAGES = st.builds(
    Usage,
    input=TOKENS,
    output=TOKENS,
    cache_read=st.sampled_from([0, 0, 7]),
    reasoning=st.sampled_from([0, 0, 9]),
    units=st.sampled_from([{}, {}, {"web_search": 2}, {"web_fetch": 1}]),
)


@settings(max_examples=400)
@given(MODELS, CALLS)
def test_the_bound_is_the_one_of_the_rules(model: ModelFacts, call: BoundInput) -> None:
    assert Tariff(model).bound(call) == bound(call, model)


@settings(max_examples=400)
@given(MODELS, USAGES, st.sampled_from([None, None, "default", "flex", "priority"]))
def test_the_cost_is_the_one_of_the_prices(model: ModelFacts, usage: Usage, tier: str | None) -> None:
    assert Tariff(model).cost(usage, tier) == cost(model, usage, tier)
