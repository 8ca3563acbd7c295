import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.recorded_exchanges import PRICE_PROVIDERS, Exchange, recorded

from headgate.catalog.bound import CALL_TOKENS, OUTPUT_SLACK_TOKENS, BoundInput, bound
from headgate.catalog.limits import limits, limits_of
from headgate.catalog.model import ModelFacts, Price
from headgate.catalog.prices import cost, facts_for
from headgate.catalog.server_tools import server_tool_rule, server_tool_rules
from headgate.core.call import Bounded, ServerTool, Unbounded, Usage
from headgate.wire.answers import read_answer
from headgate.wire.model import Route
from headgate.wire.reading import read_call
from headgate.wire.streams import reader

TODAY = datetime.date(2026, 11, 20)
SIMPLE = ModelFacts(price=Price(buckets={"input": 2, "output": 10}), context_window=100_000, max_output=1000)
CALL = BoundInput(operation="chat", body_bytes=500, max_output=100)


def with_(call: BoundInput, **members: object) -> BoundInput:
    return msgspec.structs.replace(call, **members)


def test_a_bound_is_bytes_and_templates_in_and_the_limit_out():
    expected = 2 * (500 + CALL_TOKENS) + 10 * (100 + OUTPUT_SLACK_TOKENS)
    assert bound(CALL, SIMPLE) == Bounded(expected)
    own = bound(with_(CALL, max_output=None), SIMPLE)
    assert own == Bounded(2 * (500 + CALL_TOKENS) + 10 * (1000 + OUTPUT_SLACK_TOKENS))
    assert bound(with_(CALL, choices=3), SIMPLE) == Bounded(expected + 20 * (100 + OUTPUT_SLACK_TOKENS))


@pytest.mark.parametrize("operation", ["count_tokens", "moderations", "models"])
def test_what_is_free_is_bounded_by_nothing(operation: str):
    assert bound(with_(CALL, operation=operation, unbounded=("x",)), ModelFacts(price=None)) == Bounded(0)


@pytest.mark.parametrize(
    ("call", "model", "reason"),
    [
        (CALL, ModelFacts(price=None), "no price"),
        (with_(CALL, unbounded=("file id", "server tool x")), SIMPLE, "file id, server tool x"),
        (CALL, msgspec.structs.replace(SIMPLE, runs_tools=True), "by itself"),
        (with_(CALL, max_output=None), ModelFacts(price=SIMPLE.price), "output limit"),
        (with_(CALL, audio=1), ModelFacts(price=SIMPLE.price, max_output=1), "audio"),
        (with_(CALL, files=1), ModelFacts(price=SIMPLE.price, max_output=1), "files"),
        (with_(CALL, files=1),
         msgspec.structs.replace(SIMPLE, price=Price(buckets={"input": 1}, tiers=((200_000, {"input": 2}),))),
         "files"),
        (CALL, ModelFacts(price=Price(buckets={"input": 1})), "output"),
        (CALL, ModelFacts(price=Price(buckets={"output": 1})), "input"),
        (with_(CALL, operation="audio"),
         ModelFacts(price=Price(buckets={}, units={"audio_seconds": 5}), max_output=1), "length"),
    ],
)  # fmt: skip
def test_what_has_no_rule_is_unbounded_and_says_why(call: BoundInput, model: ModelFacts, reason: str):
    found = bound(call, model)
    assert isinstance(found, Unbounded)
    assert reason in found.reason


def test_the_dearest_that_can_happen_counts():
    price = Price(
        buckets={"input": 2, "cache_write_1h": 4, "output": 10, "reasoning": 11},
        tiers=((10_000, {"input": 5, "cache_write_1h": 6, "output": 20, "reasoning": 22}),),
    )
    model = ModelFacts(price=price, max_output=100)
    made = 100 + OUTPUT_SLACK_TOKENS
    assert bound(CALL, model) == Bounded(4 * (500 + CALL_TOKENS) + 11 * made)
    large = with_(CALL, body_bytes=10_000)
    assert bound(large, model) == Bounded(6 * (10_000 + CALL_TOKENS) + 22 * made)
    dear = Price(buckets={"input": 40, "output": 40})
    tiered = msgspec.structs.replace(model, variants={"priority": dear, "flex": Price(buckets={"input": 1})})
    expected = Bounded(40 * (500 + CALL_TOKENS + made))
    assert bound(CALL, tiered) == expected
    assert bound(with_(CALL, service_tier="priority"), tiered) == expected
    assert bound(with_(CALL, service_tier="default"), tiered) == bound(CALL, model)


SEARCH = "web_search_20250305"
SEARCHING = msgspec.structs.replace(
    SIMPLE, price=Price(buckets={"input": 2, "output": 10}, units={"web_search": 7})
)


def with_tools(*tools: ServerTool) -> BoundInput:
    return with_(CALL, server_tools=tools)


def test_a_provider_s_tools_are_bounded_by_their_uses_and_the_rounds():
    first, made = 500 + CALL_TOKENS, 100 + OUTPUT_SLACK_TOKENS
    rule = server_tool_rule(SEARCH)
    assert rule is not None and rule.use_tokens_max is not None
    later = sum(min(100_000, first + made * n + 2 * rule.use_tokens_max) for n in range(1, rule.rounds_max))
    expected = 2 * (first + later) + 10 * made * rule.rounds_max + 2 * 7
    assert bound(with_tools(ServerTool(SEARCH, 2)), SEARCHING) == Bounded(expected)
    most = bound(with_tools(ServerTool(SEARCH, 1000)), SEARCHING)
    full = 2 * (first + 100_000 * (rule.rounds_max - 1))
    assert most == Bounded(full + 10 * made * rule.rounds_max + 1000 * 7)


def test_pages_fetched_fill_the_window_and_tools_searched_for_are_of_the_request():
    first, made = 500 + CALL_TOKENS, 100 + OUTPUT_SLACK_TOKENS
    fetched = bound(with_tools(ServerTool("web_fetch_20250910")), SIMPLE)
    assert fetched == Bounded(2 * (first + 9 * 100_000) + 10 * 10 * made)
    searched = bound(with_tools(ServerTool("tool_search_tool_bm25_20251119")), SIMPLE)
    read = sum(first + n * made + n * 500 for n in range(10))
    assert searched == Bounded(2 * read + 10 * 10 * made)


@pytest.mark.parametrize(
    ("tool", "model", "reason"),
    [
        (ServerTool("made_up", 1), SEARCHING, "server tool made_up"),
        (ServerTool(SEARCH), SEARCHING, "without max_uses"),
        (ServerTool(SEARCH, 1), SIMPLE, "web_search"),
        (ServerTool("web_fetch_20250910"), msgspec.structs.replace(SIMPLE, context_window=None), "window"),
    ],
)
def test_a_provider_s_tool_without_a_rule_is_unbounded(tool: ServerTool, model: ModelFacts, reason: str):
    found = bound(with_tools(tool), model)
    assert isinstance(found, Unbounded)
    assert reason in found.reason


def test_rules_of_server_tools_name_their_source():
    for rule in server_tool_rules():
        assert rule.source.startswith("https://")
        assert rule.date


def test_media_are_bounded_by_their_cap_or_the_window():
    image = msgspec.structs.replace(SIMPLE, image_tokens=1000)
    plain = bound(CALL, image)
    assert isinstance(plain, Bounded)
    assert bound(with_(CALL, images=2), image) == Bounded(plain.pico_usd + 2 * 2000)
    out = 10 * (100 + OUTPUT_SLACK_TOKENS)
    assert bound(with_(CALL, files=1), SIMPLE) == Bounded(2 * 100_000 + out)


def test_limits_name_their_source_and_the_first_match_counts():
    for row in limits():
        assert row.source.startswith("https://")
        assert row.date
    assert limits_of("openai/gpt-5-mini").max_output == 128_000
    assert limits_of("gpt-4o-mini").image_tokens > limits_of("gpt-4o").image_tokens
    assert limits_of("gpt-4o").hides_reasoning is False
    assert limits_of("gpt-5").hides_reasoning is True
    assert limits_of("never-heard-of-it").max_output is None
    assert limits_of("groq/compound").runs_tools is True


@given(
    given_=st.integers(0, 500),
    made=st.integers(0, 100),
    split=st.integers(0, 500),
    tier=st.sampled_from([None, "flex", "priority", "default"]),
)
def test_no_usage_within_the_limits_costs_more_than_the_bound(
    given_: int, made: int, split: int, tier: str | None
):
    for provider, model in (
        ("openai", "gpt-5"),
        ("anthropic", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-pro"),
    ):
        facts = facts_for(provider, model, on=TODAY)
        most = bound(with_(CALL, service_tier=tier), facts)
        cached = min(split, given_)
        usage = Usage(input=given_ - cached, cache_write_1h=cached, reasoning=made)
        spent = cost(facts, usage, tier)
        assert isinstance(most, Bounded)
        assert spent is not None
        assert spent <= most.pico_usd


class Judged(msgspec.Struct):
    """One recorded exchange: its bound, and what it has cost."""

    most: Bounded | Unbounded
    spent: int | None
    server_tools: bool


def said_usage(one: Exchange, route: Route) -> tuple[Usage | None, str | None]:
    """What the provider says of tokens, and of the service tier."""
    if not one.stream:
        answer = read_answer(route.dialect, route.operation, one.response.encode())
        return answer.usage, answer.service_tier
    seen = reader(route.dialect, route.operation, strip_usage=False)
    seen.feed(one.response.encode())
    seen.end()
    return seen.usage, seen.service_tier


def judge(one: Exchange, route: Route) -> Judged | None:
    facts = read_call(route, [], one.body)
    usage, tier = said_usage(one, route)
    if usage is None:
        return None
    model = facts_for(PRICE_PROVIDERS.get(one.provider), facts.model, on=TODAY)
    parts = BoundInput(
        operation=route.operation,
        body_bytes=len(one.body) - facts.media.inline_bytes,
        messages=facts.messages,
        choices=facts.choices,
        max_output=facts.max_output,
        images=facts.media.images,
        audio=facts.media.audio,
        files=facts.media.files,
        unbounded=facts.media.unbounded,
        server_tools=facts.media.server_tools,
        service_tier=facts.service_tier,
    )
    tools = bool(facts.media.server_tools) or any(
        reason.startswith(("server", "MCP")) for reason in facts.media.unbounded
    )
    return Judged(bound(parts, model), cost(model, usage, tier), tools)


def test_no_recorded_call_has_cost_more_than_its_bound():
    counts = {"bounded": 0, "unbounded": 0, "server tools": 0}
    for one, route in recorded():
        judged = judge(one, route) if one.status == 200 and one.provider in PRICE_PROVIDERS else None
        if judged is None:
            continue
        if isinstance(judged.most, Bounded):
            counts["bounded"] += 1
            assert judged.spent is not None, one.id
            assert judged.spent <= judged.most.pico_usd, one.id
        else:
            counts["server tools" if judged.server_tools else "unbounded"] += 1
    assert counts["bounded"] > 500
    assert counts["unbounded"] < 0.15 * (counts["bounded"] + counts["unbounded"])
