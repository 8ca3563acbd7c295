"""Calls of clients of Anthropic: what is read has words, and is written back as it came."""

import json
from typing import Any

import pytest
from tests.wire.dialects.anthropic_samples import blocks_of, own, said

from headgate.core.chat import (
    CacheMark,
    Text,
)
from headgate.core.faults import InvalidRequest
from headgate.wire.dialects.anthropic.codec import CODEC


def test_system_is_the_first_message_however_it_is_spelled():
    for system in (
        "be brief",
        [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        [],
    ):
        call = own(system=system)
        assert call.messages[0].role == "system"
        assert said(call)[0]["system"] == system
    assert own().messages[0].role == "user"
    mixed = own(system=7)
    assert mixed.messages[0].role == "user"
    assert said(mixed)[0]["system"] == 7


def test_a_system_message_among_the_others_stays_there():
    messages = [
        {"role": "system", "content": "a"},
        {"role": "user", "content": [{"type": "text", "text": "b"}]},
    ]
    body, _ = said(own(messages=messages))
    assert body["messages"] == messages
    assert "system" not in body


def test_trap_10_cache_marks_are_read_with_their_lives():
    blocks: Any = [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "c", "cache_control": {"type": "ephemeral", "ttl": "9h"}},
        {"type": "text", "text": "d", "cache_control": None},
    ]
    call = own(messages=[{"role": "user", "content": blocks}])
    marks = [part.cache for part in call.messages[0].parts if isinstance(part, Text)]
    assert marks == [CacheMark("1h"), CacheMark(), None, None]
    assert blocks_of(said(call)[0]) == blocks


def test_trap_28_a_choice_of_tools_is_read_and_written():
    for written, mode, several in (
        ({"type": "auto"}, "auto", None),
        ({"type": "any", "disable_parallel_tool_use": True}, "required", False),
        ({"type": "tool", "name": "weather", "disable_parallel_tool_use": False}, "named", True),
        ({"type": "none"}, "none", None),
    ):
        call = own(tool_choice=written, tools=[{"name": "weather", "input_schema": {}}])
        assert call.tool_choice is not None
        assert (call.tool_choice.mode, call.parallel_tools) == (mode, several)
        assert said(call)[0]["tool_choice"] == written


def test_trap_48_members_of_its_own_stay_in_the_dialect():
    members: dict[str, Any] = {
        "metadata": {"user_id": "u", "more": 1},
        "service_tier": "standard_only",
        "container": "c",
        "mcp_servers": [{"type": "url", "url": "u", "name": "n"}],
        "context_management": {"edits": []},
        "cache_control": {"type": "ephemeral"},
        "stop_sequences": ["a"],
        "output_config": {
            "effort": "max",
            "format": {"type": "json_schema", "schema": {}},
            "task_budget": {},
        },
        "thinking": {"type": "adaptive", "display": "omitted", "more": 2},
        "output_format": None,
        "stream": False,
        "temperature": 0.5,
        "top_k": None,
    }
    call = own(**members)
    body, changes = said(call)
    assert {name: body[name] for name in members} == members
    assert not list(changes)
    assert (call.user, call.service_tier, call.sampling.stop) == ("u", "standard_only", ("a",))
    assert call.thinking is not None
    assert (call.thinking.effort, call.thinking.is_shown) == ("max", False)


@pytest.mark.parametrize(
    ("members", "effort", "budget"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, None, 2000),
        ({"thinking": {"type": "disabled"}}, None, 0),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}, None, 0),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, "low", None),
        ({"output_config": {"effort": "medium"}}, "medium", None),
    ],
)
def test_thinking_is_read_and_written(members: dict[str, Any], effort: str | None, budget: int | None):
    call = own(**members)
    assert call.thinking is not None
    assert (call.thinking.effort, call.thinking.budget_tokens) == (effort, budget)
    body, _ = said(call)
    assert {name: body[name] for name in members} == members


@pytest.mark.parametrize("member", ["output_format", "output_config"])
def test_a_format_of_the_output_is_read_from_both_places(member: str):
    said_as: Any = {"type": "json_schema", "schema": {"type": "object"}}
    value = said_as if member == "output_format" else {"format": said_as}
    call = own(**{member: value})
    assert call.output is not None
    assert call.output.schema == {"type": "object"}
    assert said(call)[0][member] == value


def test_the_model_may_stand_in_the_path():
    body = json.dumps({"messages": [], "anthropic_version": "bedrock-2023-05-31"}).encode()
    call = CODEC.read_call(body, model="claude", stream=True)
    assert (call.model, call.stream) == ("claude", True)
    assert said(call)[0] == json.loads(body)


WRONG: list[tuple[Any, str]] = [
    ({"messages": []}, "model"),
    ({"model": "m"}, "messages"),
    ({"model": "m", "messages": [{"role": "robot", "content": ""}]}, "messages[0].role"),
    ({"model": "m", "messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
    ({"model": "m", "messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
    (
        {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
        "messages[0].content[0].text",
    ),
    ({"model": "m", "messages": [], "tools": [{"name": 1}]}, "tools[0].name"),
    ({"model": "m", "messages": [], "tool_choice": {"type": "tool"}}, "tool_choice"),
    ({"model": "m", "messages": [], "system": [{"type": "text"}]}, "system[0].text"),
]


@pytest.mark.parametrize(("body", "member"), WRONG)
def test_what_is_not_of_the_dialect_is_named(body: dict[str, Any], member: str):
    with pytest.raises(InvalidRequest) as raised:
        CODEC.read_call(json.dumps(body).encode())
    assert raised.value.parameter == member
