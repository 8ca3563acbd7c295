"""What a target is known to take is what a call of another dialect becomes there; each change is told."""

import json
from typing import Any

import pytest
from tests.unit.targets import target

from headgate.catalog.model import KindName
from headgate.catalog.profiles import profile_of
from headgate.core.call import AnyDialect
from headgate.wire.dialects.changes import Change
from headgate.wire.dialects.registry import codec_of
from headgate.wire.dialects.thinking import nearest
from headgate.wire.translating import Translation

HI = {"role": "user", "content": "hi"}


def crossed(
    body: dict[str, Any],
    own: AnyDialect,
    other: AnyDialect,
    model: str,
    *,
    kind: KindName = "mock",
    host: str = "10.0.0.7",
    service: str = "",
) -> tuple[Any, list[Change]]:
    """A call of a caller's dialect as that target gets it, and what has changed."""
    quirks = profile_of(target(kind, model, host=host, service=service), other).quirks
    between = Translation.between(own, other, quirks)
    codec = codec_of(own)
    assert between is not None and codec is not None
    chat = codec.read_call(json.dumps(body).encode(), model=model, stream=False)
    written, changes = between.call(chat, model=model, max_output=chat.max_output)
    return json.loads(written), list(changes)


def thinking_at(effort: str, other: AnyDialect, model: str, kind: KindName = "mock") -> tuple[Any, list[str]]:
    own: AnyDialect = "openai-responses" if other == "openai-chat" else "openai-chat"
    said: dict[str, Any] = {"model": "m", "max_completion_tokens": 4000, "messages": [HI]}
    if own == "openai-responses":
        said = {"model": "m", "input": "hi", "reasoning": {"effort": effort}}
    else:
        said["reasoning_effort"] = effort
    body, changes = crossed(said, own, other, model, kind=kind)
    return body, [one.weight for one in changes if one.what == "thinking"]


def test_trap_38_the_nearest_effort_that_is_taken_is_told() -> None:
    body, weights = thinking_at("xhigh", "anthropic", "claude-opus-4-6")
    assert (body["output_config"]["effort"], weights) == ("high", ["note"])
    body, weights = thinking_at("xhigh", "anthropic", "claude-opus-4-8")
    assert (body["output_config"]["effort"], weights) == ("xhigh", [])
    body, weights = thinking_at("minimal", "openai-chat", "gpt-5.6-sol", "openai")
    assert (body["reasoning_effort"], weights) == ("low", ["note"])
    body, weights = thinking_at("medium", "google", "gemini-3-pro-preview")
    assert (body["generationConfig"]["thinkingConfig"]["thinkingLevel"], weights) == ("low", ["note"])
    body, weights = thinking_at("minimal", "google", "gemini-3.8-flash")
    assert (body["generationConfig"]["thinkingConfig"]["thinkingLevel"], weights) == ("low", ["note"])
    body, weights = thinking_at("high", "bedrock", "us.amazon.nova-2-lite-v1:0")
    extra = body["additionalModelRequestFields"]
    assert extra == {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}
    assert weights == ["note"]


@pytest.mark.parametrize(
    ("dialect", "model", "kind"),
    [("openai-chat", "o3", "openai"), ("anthropic", "claude-fable-5-1", "mock"),
     ("google", "gemini-3-pro-preview", "mock")],
)  # fmt: skip
def test_trap_38_a_model_that_always_thinks_can_t_be_told_not_to(
    dialect: AnyDialect, model: str, kind: KindName
) -> None:
    body, weights = thinking_at("none", dialect, model, kind)
    assert weights == ["meaning"]
    assert '"low"' in json.dumps(body), "as little as it can"


def test_trap_38_of_two_efforts_as_near_some_is_nearer_than_none() -> None:
    assert nearest("minimal", ("none", "low")) == "low"
    assert nearest("minimal", ("none", "high")) == "none"
    assert nearest("low", ("none", "high")) == "high"
    assert nearest("medium", ("none", "default")) == "default"
    assert nearest("max", ("low", "high")) == "high"
    assert nearest("whatever", ("low", "high")) == "whatever"
    assert nearest("max", ()) == "max"


MIDDLE: dict[str, Any] = {
    "model": "m",
    "max_completion_tokens": 50,
    "messages": [
        {"role": "system", "content": "Be kind."},
        HI,
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "And now?"},
        {"role": "system", "content": "Now be loud."},
    ],
}


def test_trap_41_a_system_message_in_the_middle_stays_where_the_model_takes_one() -> None:
    body, changes = crossed(MIDDLE, "openai-chat", "anthropic", "claude-opus-4-8", kind="anthropic")
    assert [one["role"] for one in body["messages"]] == ["user", "system", "assistant", "user", "system"]
    assert not [one for one in changes if one.what.startswith("messages")]
    body, changes = crossed(MIDDLE, "openai-chat", "anthropic", "claude-opus-4-7", kind="anthropic")
    assert [one["role"] for one in body["messages"]] == ["user", "assistant", "user"]
    assert [one.weight for one in changes if "in tags" in str(one)] == ["note", "note"]


def test_trap_41_it_stays_after_a_user_s_turn_only() -> None:
    moved = [HI, {"role": "assistant", "content": "Hi."}, {"role": "system", "content": "Be brief."}, HI]
    said = {**MIDDLE, "messages": moved}
    body, changes = crossed(said, "openai-chat", "anthropic", "claude-opus-4-8", kind="anthropic")
    assert [one["role"] for one in body["messages"]] == ["user", "assistant", "user"]
    assert "<system>" in json.dumps(body) and any("in tags" in str(one) for one in changes)


@pytest.mark.parametrize(
    ("model", "extra"),
    [("us.amazon.nova-lite-v1:0", {"inferenceConfig": {"topK": 7}}),
     ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", {"top_k": 7})],
)  # fmt: skip
def test_trap_40_top_k_goes_where_bedrock_s_models_take_it(model: str, extra: dict[str, Any]) -> None:
    said = {"model": "m", "max_tokens": 50, "messages": [HI], "top_k": 7}
    body, _ = crossed(said, "anthropic", "bedrock", model)
    assert body["additionalModelRequestFields"] == extra


@pytest.mark.parametrize(
    ("options", "ttl"),
    [({"prompt_cache_options": {"mode": "explicit", "ttl": "30m"}}, "1h"),
     ({"prompt_cache_retention": "24h"}, "1h"), ({"prompt_cache_options": {"ttl": "5m"}}, "5m"),
     ({"prompt_cache_retention": "in_memory"}, None), ({}, None)],
)  # fmt: skip
@pytest.mark.parametrize("other", ["anthropic", "bedrock"])
def test_trap_48_a_cache_mark_holds_as_long_as_the_target_can_be_told(
    other: AnyDialect, options: dict[str, Any], ttl: str | None
) -> None:
    text = {"type": "input_text", "text": "long", "prompt_cache_breakpoint": {"mode": "explicit"}}
    said = {"model": "m", "input": [{"role": "user", "content": [text]}], "max_output_tokens": 50, **options}
    body, changes = crossed(said, "openai-responses", other, "anthropic.claude-sonnet-4-5")
    where = "cache_control" if other == "anthropic" else "cachePoint"
    (mark,) = [block[where] for block in body["messages"][0]["content"] if where in block]
    assert mark.get("ttl") == ttl
    assert bool([one for one in changes if one.what == "cache_control.ttl"]) is (ttl == "1h")


def test_trap_48_a_lifetime_that_nobody_knows_is_the_longest_and_told() -> None:
    text = {"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "7d"}}
    result = {"type": "text", "text": "as well", "cache_control": {"type": "ephemeral", "ttl": "7d"}}
    said = {
        "model": "m",
        "max_completion_tokens": 9,
        "messages": [{"role": "user", "content": [text, result]}],
    }
    body, changes = crossed(said, "openai-chat", "anthropic", "claude-opus-4-8")
    marks = [one["cache_control"] for one in body["messages"][0]["content"]]
    assert marks == [{"type": "ephemeral", "ttl": "1h"}] * 2
    assert [one.weight for one in changes if one.what == "cache_control.ttl"] == ["loss"], "once"


def test_trap_25_databricks_is_told_one_call_a_turn() -> None:
    use = [{"type": "tool_use", "id": f"c{n}", "name": "look", "input": {"n": n}} for n in (1, 2)]
    result = [{"type": "tool_result", "tool_use_id": f"c{n}", "content": f"r{n}"} for n in (2, 1)]
    turns = [
        HI,
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, *use]},
        {"role": "user", "content": [*result, {"type": "text", "text": "And?"}]},
    ]
    said = {"model": "m", "max_tokens": 9, "messages": turns}
    at: dict[str, Any] = {"kind": "openai-compatible", "service": "databricks"}
    body, changes = crossed(said, "anthropic", "openai-chat", "databricks-gpt-oss-120b", **at)
    spoken = [
        (one["role"], [call["id"] for call in one.get("tool_calls", ())] or one.get("tool_call_id"))
        for one in body["messages"]
    ]
    assert spoken == [
        ("user", None), ("assistant", ["c1"]), ("tool", "c1"),
        ("assistant", ["c2"]), ("tool", "c2"), ("user", None),
    ]  # fmt: skip
    assert body["messages"][1]["content"] == "I look."
    assert [one.weight for one in changes if "one call a turn" in str(one)] == ["note"]
    body, _ = crossed(said, "anthropic", "openai-chat", "databricks-claude-sonnet-4", **at)
    assert [len(one.get("tool_calls", ())) for one in body["messages"]] == [0, 2, 0, 0, 0]
