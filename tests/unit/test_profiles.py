"""What is known of models, as the data files say it: rows are found by kind, service, dialect and model."""

import re

import pytest
from tests.unit.targets import target

from headgate.catalog.kinds import families
from headgate.catalog.model import KindName
from headgate.catalog.profiles import answers_in, profile_of, profile_rows
from headgate.core.call import AnyDialect
from headgate.core.quirks import Quirks


def quirks(
    kind: KindName, model: str, dialect: AnyDialect, *, host: str = "10.0.0.7", service: str = ""
) -> Quirks:
    return profile_of(target(kind, model, host=host, service=service), dialect).quirks


def test_every_row_says_where_it_is_from_and_of_whom() -> None:
    services = {family.name for family in families()}
    for row in profile_rows():
        assert row.source and re.fullmatch(r"20\d\d-\d\d-\d\d", row.date)
        assert row.quirks or row.answers_only or row.seals_bound_to == "provider", row
        assert row.kinds or row.services or row.dialects, row
        assert set(row.services) <= services, row
        re.compile(row.models)


@pytest.mark.parametrize(
    "model", ["o1", "o3", "o4-mini", "gpt-5", "gpt-5-mini-2025-08-07", "gpt-5.1-codex-max", "gpt-5.2-pro"]
)
def test_trap_40_openai_s_reasoning_models_refuse_sampling_and_stop(model: str) -> None:
    refused = quirks("openai", model, "openai-chat").refused_sampling
    assert {"temperature", "top_p", "stop", "presence_penalty", "logprobs"} <= refused
    assert quirks("azure-openai", model, "openai-chat").refused_sampling == refused


@pytest.mark.parametrize(
    ("model", "unasked"), [("gpt-5.1", False), ("gpt-5.3-codex", False), ("gpt-5.4-mini", False),
                           ("gpt-5.5", True), ("gpt-5.6-sol", True)]
)  # fmt: skip
def test_trap_40_later_ones_refuse_them_only_while_they_reason(model: str, unasked: bool) -> None:
    known = quirks("openai", model, "openai-chat")
    assert "temperature" not in known.refused_sampling
    assert "temperature" in known.refused_when_thinking
    assert known.thinks_unasked is unasked


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1-mini", "gpt-5-chat-latest"])
def test_models_that_do_not_reason_are_not_asked_to(model: str) -> None:
    known = quirks("openai", model, "openai-chat")
    assert known.thinking == "none" and not known.refused_sampling


@pytest.mark.parametrize(
    ("kind", "model", "is_chat"),
    [
        ("openai", "gpt-5-pro", False),
        ("openai", "o3-deep-research", False),
        ("openai", "gpt-5", True),
        ("mock", "gpt-5-pro", True),
    ],
)
def test_models_of_one_dialect_are_spoken_to_in_it(kind: KindName, model: str, is_chat: bool) -> None:
    assert answers_in(target(kind, model), "openai-responses")
    assert answers_in(target(kind, model), "openai-chat") == is_chat


def test_trap_39_the_limit_goes_by_the_name_that_the_service_takes() -> None:
    def named(host: str, service: str = "") -> str:
        known = quirks("openai-compatible", "m", "openai-chat", host=host, service=service)
        return known.output_limit_field

    assert named("api.mistral.ai") == "max_tokens"
    assert named("api.groq.com") == "max_completion_tokens"
    assert named("10.0.0.7", "vllm") == "max_tokens"
    assert quirks("openai", "o3", "openai-chat").output_limit_field == "max_completion_tokens"


def test_trap_39_a_required_limit_is_by_default_the_models_own() -> None:
    assert quirks("anthropic", "claude-unheard-of", "anthropic").output_limit_default == 4096
    known = profile_of(target("anthropic", "claude-sonnet-4-5", max_output=64_000), "anthropic")
    assert known.quirks.output_limit_default == 64_000


def test_trap_40_anthropic_s_temperature_ends_at_one_and_excludes_top_p() -> None:
    older, newer = (quirks("anthropic", m, "anthropic") for m in ("claude-sonnet-4-0", "claude-sonnet-4-5"))
    assert older.temperature_max == newer.temperature_max == 1.0
    assert not older.is_one_of_temperature_and_top_p and newer.is_one_of_temperature_and_top_p
    assert "temperature" in quirks("anthropic", "claude-opus-4-7", "anthropic").refused_sampling
    assert "temperature" not in newer.refused_sampling


@pytest.mark.parametrize(
    ("model", "thinking", "prefill"),
    [("claude-3-5-haiku-latest", "none", True), ("claude-opus-4-5", "budget", True),
     ("claude-opus-4-6", "adaptive", False), ("claude-sonnet-5", "adaptive", False)],
)  # fmt: skip
def test_trap_38_how_claude_is_told_to_think(model: str, thinking: str, prefill: bool) -> None:
    known = quirks("anthropic", model, "anthropic")
    assert (known.thinking, known.takes_prefill) == (thinking, prefill)
    assert "temperature" in known.refused_when_thinking or "temperature" in known.refused_sampling


@pytest.mark.parametrize(
    ("model", "thinking", "least"),
    [("gemini-2.0-flash", "none", 1024), ("gemini-2.5-flash", "budget", 1),
     ("models/gemini-2.5-pro", "budget", 128), ("gemini-3-flash-preview", "level", 1024)],
)  # fmt: skip
def test_trap_38_gemini_takes_a_budget_or_a_level(model: str, thinking: str, least: int) -> None:
    known = quirks("google", model, "google")
    assert (known.thinking, known.thinking_budget_min) == (thinking, least)
    assert ("presence_penalty" in known.refused_sampling) is (thinking != "none")


def test_trap_24_27_mistral_s_ids_and_turns() -> None:
    known = quirks("openai-compatible", "mistral-large-latest", "openai-chat", host="api.mistral.ai")
    assert known.tool_ids == "nine"
    assert not known.takes_user_after_tool and not known.takes_prefill
    assert "seed" in known.refused_sampling


def test_trap_36_deepseek_wants_its_reasoning_back() -> None:
    known = quirks("openai-compatible", "deepseek-chat", "openai-chat", host="api.deepseek.com")
    assert known.wants_reasoning_back and known.schema == "instruction"


def test_trap_35_what_responses_encrypts_is_bound_to_its_credential() -> None:
    assert quirks("openai", "o3", "openai-responses").maker == "openai-responses:prov"
    assert quirks("openai", "o3", "openai-chat").maker == ""
    assert quirks("anthropic", "claude-opus-4-5", "anthropic").maker == ""


EFFORTS: list[tuple[KindName, AnyDialect, str, str]] = [
    ("openai", "openai-responses", "o3-2025-04-16", "low medium high"),
    ("openai", "openai-chat", "gpt-5-mini", "minimal low medium high"),
    ("azure-openai", "openai-chat", "gpt-5-2025-08-07", "minimal low medium high"),
    ("openai", "openai-responses", "gpt-5-pro", "high"),
    ("openai", "openai-responses", "gpt-5-codex", "low medium high"),
    ("openai", "openai-chat", "gpt-5.1", "none low medium high"),
    ("openai", "openai-responses", "gpt-5.1-codex-mini", "low medium high"),
    ("openai", "openai-responses", "gpt-5.1-codex-max", "low medium high xhigh"),
    ("openai", "openai-chat", "gpt-5.2-chat-latest", "medium"),
    ("openai", "openai-chat", "gpt-5.4-mini", "none low medium high xhigh"),
    ("openai", "openai-responses", "gpt-5.4-pro", "medium high xhigh"),
    ("openai", "openai-chat", "gpt-5.6-sol", "none low medium high xhigh max"),
    ("openai", "openai-chat", "gpt-6-astra", "low medium high xhigh"),
    ("openai", "openai-chat", "gpt-4o", ""),
    ("openai-compatible", "openai-chat", "openai/gpt-oss-120b", "low medium high"),
    ("anthropic", "anthropic", "claude-opus-4-6", "none low medium high max"),
    ("anthropic", "anthropic", "claude-opus-4-8", "none low medium high xhigh max"),
    ("anthropic", "anthropic", "claude-fable-5-1", "low medium high xhigh max"),
    ("anthropic", "anthropic", "claude-opus-4-5", ""),
    ("google", "google", "gemini-3-pro-preview", "low high"),
    ("google", "google", "gemini-3-flash-preview", "minimal low medium high"),
    ("google", "google", "gemini-3.1-pro-preview", "low medium high"),
    ("google", "google", "gemini-3.1-flash-lite", "minimal low medium high"),
    ("google", "google", "gemini-3.8-flash", "low medium high"),
    ("google", "google", "gemini-2.5-pro", ""),
]


@pytest.mark.parametrize(("kind", "dialect", "model", "efforts"), EFFORTS)
def test_trap_38_which_efforts_a_model_takes(
    kind: KindName, dialect: AnyDialect, model: str, efforts: str
) -> None:
    assert " ".join(quirks(kind, model, dialect).efforts) == efforts


@pytest.mark.parametrize(
    ("model", "stays"),
    [("claude-opus-4-7", False), ("claude-opus-4-8", True), ("claude-opus-5-5", True),
     ("claude-sonnet-4-6", False), ("claude-sonnet-5", True), ("claude-haiku-5-5", True),
     ("claude-haiku-4-5", False), ("claude-fable-5-1", True)],
)  # fmt: skip
def test_trap_41_which_of_claude_take_a_system_message_in_the_middle(model: str, stays: bool) -> None:
    assert quirks("anthropic", model, "anthropic").takes_system_after_user is stays
    assert not quirks("openai-compatible", model, "anthropic").takes_system_after_user


def test_trap_40_where_nova_takes_its_top_k() -> None:
    assert quirks("mock", "us.amazon.nova-lite-v1:0", "bedrock").top_k_field == "inferenceConfig.topK"
    assert quirks("mock", "us.anthropic.claude-sonnet-4-6", "bedrock").top_k_field == "top_k"


@pytest.mark.parametrize(
    ("model", "thinking", "unasked"),
    [("command-r7b-12-2024", "none", False), ("command-a-03-2025", "none", False),
     ("command-a-reasoning-08-2025", "budget", True), ("command-b", "budget", False)],
)  # fmt: skip
def test_trap_38_models_of_cohere_s_think_where_they_can(model: str, thinking: str, unasked: bool) -> None:
    known = quirks("cohere", model, "cohere")
    assert (known.thinking, known.thinks_unasked) == (thinking, unasked)
