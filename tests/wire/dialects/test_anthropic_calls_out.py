"""Calls of other dialects for Anthropic: what each trap says, and what is told of what can't be had."""

import base64
import json
from typing import Any

import pytest
from tests.wire.dialects.anthropic_samples import (
    DEFAULTS,
    assistant,
    blocks_of,
    foreign,
    own,
    said,
    user,
    weights,
)

from headgate.core.chat import (
    CacheMark,
    ChatCall,
    Citation,
    FunctionTool,
    Media,
    Message,
    NativePart,
    NativeTool,
    OutputFormat,
    Reasoning,
    Refusal,
    Sampling,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.core.quirks import Quirks
from headgate.wire.dialects.anthropic.calls_out import write_count_call
from headgate.wire.dialects.changes import Changes

TOOL = FunctionTool(name="weather", description="d", parameters={"type": "object", "properties": {}})
ADAPTIVE = Quirks(output_limit_default=8192, thinking="adaptive", schema="native", schema_subset="full")
BUDGET = Quirks(output_limit_default=8192, thinking="budget", takes_forced_tool_with_thinking=False)


def call_and_result(**result: Any) -> tuple[Message, ...]:
    made = ToolResult(call_id="c1", parts=(Text(text="5"),))
    return (
        user("hi"),
        assistant(ToolCall(id="c1", name="weather", arguments='{"a":1}')),
        Message(role="tool", parts=(made if not result else ToolResult(call_id="c1", **result),)),
    )


def test_trap_39_a_limit_is_required_and_told():
    body, changes = said(foreign(user("hi")))
    assert body["max_tokens"] == 8192
    assert [(one.what, one.weight) for one in changes] == [("max_tokens", "note")]
    body, changes = said(foreign(user("hi"), max_output=5))
    assert (body["max_tokens"], len(changes)) == (5, 0)
    body, changes = said(foreign(user("hi")), Quirks())
    assert body["max_tokens"] == 4096
    assert weights(changes) == {"meaning"}


@pytest.mark.parametrize(
    ("choice", "several", "written"),
    [
        (None, None, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="required"), None, {"type": "any"}),
        (ToolChoice(mode="required"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="named", names=("weather",)), None, {"type": "tool", "name": "weather"}),
        (ToolChoice(mode="none"), False, {"type": "none"}),
        (ToolChoice(mode="auto"), True, {"type": "auto", "disable_parallel_tool_use": False}),
    ],
)
def test_trap_28_how_tools_are_called_is_said(choice: ToolChoice | None, several: bool | None, written: Any):
    body, changes = said(
        foreign(user("hi"), tools=(TOOL,), tool_choice=choice, parallel_tools=several, max_output=9)
    )
    assert body.get("tool_choice") == written
    assert not list(changes)


def test_trap_28_no_tool_is_forced_while_the_model_thinks():
    call = foreign(
        user("hi"),
        tools=(TOOL,),
        tool_choice=ToolChoice(mode="required"),
        thinking=Thinking(effort="low"),
        max_output=9000,
    )
    body, changes = said(call, BUDGET)
    assert body["tool_choice"] == {"type": "auto"}
    assert "meaning" in weights(changes)


@pytest.mark.parametrize(("mode", "kind"), [("required", "any"), ("auto", "auto")])
def test_trap_28_only_the_tools_that_may_be_called_are_offered(mode: Any, kind: str):
    tools = (TOOL, FunctionTool(name="other"), FunctionTool(name="third"))
    choice = ToolChoice(mode=mode, names=("weather", "other"))
    body, changes = said(foreign(user("hi"), tools=tools, tool_choice=choice, max_output=9))
    assert [tool["name"] for tool in body["tools"]] == ["weather", "other"]
    assert body["tool_choice"] == {"type": kind}
    assert weights(changes) == {"note"}
    body, changes = said(foreign(user("hi"), tools=tools[:2], tool_choice=choice, max_output=9))
    assert not list(changes)


def test_trap_28_one_of_several_can_not_be_forced():
    choice = ToolChoice(mode="named", names=("weather", "other"))
    body, changes = said(foreign(user("hi"), tools=(TOOL,), tool_choice=choice, max_output=9))
    assert body["tool_choice"] == {"type": "any"}
    assert weights(changes) == {"meaning"}


def test_trap_29_tools_of_the_history_are_declared():
    body, changes = said(foreign(*call_and_result(), max_output=9))
    assert [tool["name"] for tool in body["tools"]] == ["weather"]
    assert body["tools"][0]["input_schema"]["type"] == "object"
    assert weights(changes) == {"note"}


def test_results_stand_directly_after_their_calls():
    body, _ = said(foreign(*call_and_result(), tools=(TOOL,), max_output=9))
    assert blocks_of(body, 1) == [{"type": "tool_use", "id": "c1", "name": "weather", "input": {"a": 1}}]
    result = blocks_of(body, 2)[0]
    assert (result["type"], result["tool_use_id"]) == ("tool_result", "c1")
    assert result["content"] == [{"type": "text", "text": "5"}]
    assert "is_error" not in result


def test_a_result_may_hold_an_image_and_an_error():
    image = Media(kind="image", media_type="image/png", data="iVBORw0KGgo=")
    quirks = Quirks(takes_media_in_results=True, takes_result_errors=False)
    messages = call_and_result(parts=(image,), is_error=True)
    body, changes = said(foreign(*messages, tools=(TOOL,), max_output=9), quirks)
    assert blocks_of(body, 2)[0]["content"][0]["source"]["media_type"] == "image/png"
    assert "is_error" not in blocks_of(body, 2)[0]
    assert weights(changes) == {"loss"}
    quirks = Quirks(takes_media_in_results=True)
    body, changes = said(foreign(*messages, tools=(TOOL,), max_output=9), quirks)
    assert blocks_of(body, 2)[0]["is_error"] is True
    assert not list(changes)


@pytest.mark.parametrize(
    ("arguments", "given", "is_told"),
    [
        ("", {}, False),
        ("{}", {}, False),
        ("null", {}, False),
        ('{"a": [1]}', {"a": [1]}, False),
        ("[1]", {"arguments": [1]}, True),
        ('{"a": ', {"arguments": '{"a": '}, True),
    ],
)
def test_trap_15_arguments_are_an_object(arguments: str, given: Any, is_told: bool):
    messages = (
        user("hi"),
        assistant(ToolCall(id="c1", name="weather", arguments=arguments)),
        call_and_result()[2],
    )
    body, changes = said(foreign(*messages, tools=(TOOL,), max_output=9))
    assert blocks_of(body, 1)[0]["input"] == given
    assert bool(changes.of_weight("meaning")) is is_told


def test_trap_33_own_thinking_goes_back_unchanged():
    content: Any = [
        {"type": "thinking", "thinking": "hm", "signature": "sig=="},
        {"type": "thinking", "thinking": "", "signature": "only"},
        {"type": "redacted_thinking", "data": "Ewk"},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
    ]
    call = own(messages=[{"role": "user", "content": "hi"}, {"role": "assistant", "content": content}])
    parts = call.messages[1].parts
    assert isinstance(parts[0], Reasoning)
    assert (parts[0].text, parts[0].seal) == ("hm", Seal("anthropic", "sig=="))
    assert isinstance(parts[2], Reasoning)
    assert parts[2].is_redacted
    body, changes = said(call)
    assert blocks_of(body, 1) == content
    assert not list(changes)


def test_trap_33_own_thinking_comes_back_through_another_dialect():
    thought = Reasoning(text="hm", seal=Seal("anthropic", "sig=="))
    hidden = Reasoning(seal=Seal("anthropic", "Ewk"), is_redacted=True)
    messages = call_and_result()
    turn = assistant(thought, hidden, *messages[1].parts)
    body, changes = said(foreign(messages[0], turn, messages[2], tools=(TOOL,), max_output=9))
    assert blocks_of(body, 1)[:2] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig=="},
        {"type": "redacted_thinking", "data": "Ewk"},
    ]
    assert not list(changes)


def test_trap_33_seals_bound_to_a_credential_go_back_as_they_came():
    thought = Reasoning(text="hm", seal=Seal("anthropic:eu", "sig"))
    body, _ = said(
        foreign(user("a"), assistant(thought, Text(text="b")), user("c")), Quirks(maker="anthropic:eu")
    )
    assert blocks_of(body, 1)[0]["signature"] == "sig"
    body, _ = said(foreign(user("a"), assistant(thought, Text(text="b")), user("c")), DEFAULTS)
    assert body["messages"][1]["content"] == "b"


@pytest.mark.parametrize("dialect", ["anthropic", "openai-chat"])
def test_reasoning_of_others_is_no_thinking_of_anthropics(dialect: Any):
    thought = Reasoning(text="hm", seal=Seal("google", "s"))
    turn = assistant(thought, Text(text="b", seal=Seal("google", "t")))
    call = ChatCall(dialect=dialect, model="m", messages=(user("a"), turn, user("c")), max_output=9)
    body, changes = said(call)
    assert body["messages"][1]["content"] in ("b", [{"type": "text", "text": "b"}])
    assert weights(changes) == {"loss"}
    assert "hgs1" not in json.dumps(body)


def test_thinking_without_a_seal_stays_in_its_dialect():
    content: Any = [{"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": "b"}]
    call = own(messages=[{"role": "user", "content": "hi"}, {"role": "assistant", "content": content}])
    assert blocks_of(said(call)[0], 1) == content


@pytest.mark.parametrize(
    ("thinking", "quirks", "written", "effort"),
    [
        (Thinking(effort="low"), BUDGET, {"type": "enabled", "budget_tokens": 2048}, None),
        (Thinking(effort="none"), BUDGET, {"type": "disabled"}, None),
        (Thinking(budget_tokens=3000), BUDGET, {"type": "enabled", "budget_tokens": 3000}, None),
        (Thinking(effort="high"), ADAPTIVE, {"type": "adaptive"}, "high"),
        (
            Thinking(effort="minimal", is_shown=True),
            ADAPTIVE,
            {"type": "adaptive", "display": "summarized"},
            "low",
        ),
        (Thinking(effort="none"), ADAPTIVE, {"type": "disabled"}, None),
        (Thinking(effort="high"), Quirks(thinking="effort"), None, "high"),
        (Thinking(effort="high"), Quirks(thinking="none"), None, None),
        (Thinking(), ADAPTIVE, None, None),
    ],
)
def test_thinking_of_other_dialects_is_said(
    thinking: Thinking, quirks: Quirks, written: Any, effort: str | None
):
    body, _ = said(foreign(user("hi"), thinking=thinking, max_output=9000), quirks)
    assert body.get("thinking") == written
    assert body.get("output_config", {}).get("effort") == effort


@pytest.mark.parametrize(("maker", "is_kept"), [("anthropic", True), ("google", False)])
def test_trap_33_a_turn_of_tools_that_began_without_thinking_goes_on_without(maker: str, is_kept: bool):
    messages = call_and_result()
    turn = assistant(Reasoning(text="hm", seal=Seal(maker, "s")), *messages[1].parts)
    call = foreign(
        messages[0], turn, messages[2], tools=(TOOL,), thinking=Thinking(effort="low"), max_output=9000
    )
    body, changes = said(call, BUDGET)
    assert ("thinking" in body) is is_kept
    assert ("loss" in weights(changes)) is not is_kept
    assert "meaning" not in weights(changes)
    assert "thinking" in said(foreign(user("a"), thinking=Thinking(effort="low"), max_output=9000), BUDGET)[0]


def test_top_p_is_near_one_while_the_model_thinks():
    for top_p, kept in ((0.5, None), (0.97, 0.97)):
        call = foreign(
            user("a"), thinking=Thinking(effort="low"), sampling=Sampling(top_p=top_p), max_output=9000
        )
        body, changes = said(call, BUDGET)
        assert body.get("top_p") == kept
        assert ("meaning" in weights(changes)) is (kept is None)


def test_settings_that_have_no_word_are_told():
    sampling = Sampling(temperature=0.5, top_k=3, stop=("x",), seed=1, choices=2, logprobs=True)
    body, changes = said(foreign(user("a"), sampling=sampling, max_output=9))
    assert (body["temperature"], body["top_k"], body["stop_sequences"]) == (0.5, 3, ["x"])
    assert {one.what for one in changes.of_weight("meaning")} == {"seed", "choices", "logprobs"}


@pytest.mark.parametrize(
    ("output", "quirks", "is_written", "is_told"),
    [
        (OutputFormat(kind="schema", schema={"type": "object"}), ADAPTIVE, True, False),
        (OutputFormat(kind="schema", schema={"type": "object"}), Quirks(schema="tool"), False, True),
        (OutputFormat(kind="json"), ADAPTIVE, False, True),
        (OutputFormat(kind="text"), ADAPTIVE, False, False),
    ],
)
def test_a_format_of_the_output_is_said_or_told(
    output: OutputFormat, quirks: Quirks, is_written: bool, is_told: bool
):
    body, changes = said(foreign(user("a"), output=output, max_output=9), quirks)
    format_said = {"type": "json_schema", "schema": {"type": "object"}}
    assert body.get("output_config") == ({"format": format_said} if is_written else None)
    assert bool(changes.of_weight("meaning")) is is_told


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (
            Media(kind="image", data="/9j/4A"),
            {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4A"},
        ),
        (
            Media(kind="image", media_type="image/jpg", data="eA=="),
            {"type": "base64", "media_type": "image/jpeg", "data": "eA=="},
        ),
        (Media(kind="image", url="https://x/a.png"), {"type": "url", "url": "https://x/a.png"}),
        (
            Media(kind="file", media_type="application/pdf", data="eA=="),
            {"type": "base64", "media_type": "application/pdf", "data": "eA=="},
        ),
        (
            Media(kind="file", media_type="text/markdown", data=base64.b64encode("ä".encode()).decode()),
            {"type": "text", "media_type": "text/plain", "data": "ä"},
        ),
        (Media(kind="file", url="https://x/a.pdf"), {"type": "url", "url": "https://x/a.pdf"}),
        (Media(kind="image", media_type="image/tiff", data="eA=="), None),
        (Media(kind="image", file_id="file_1"), None),
        (Media(kind="image", url="gs://x/a.png"), None),
        (Media(kind="file", media_type="application/zip", data="eA=="), None),
        (Media(kind="file", media_type="text/plain", data="/w=="), None),
        (Media(kind="audio", data="eA=="), None),
    ],
)
def test_images_and_documents_are_said_or_told(part: Media, source: Any):
    body, changes = said(foreign(Message(role="user", parts=(Text(text="a"), part)), max_output=9))
    sources = (
        [block["source"] for block in body["messages"][0]["content"] if "source" in block] if source else []
    )
    assert sources == ([source] if source else [])
    assert weights(changes) == (set() if source else {"meaning"})


def test_addresses_go_to_those_who_fetch_them_only():
    call = foreign(
        Message(role="user", parts=(Text(text="a"), Media(kind="image", url="https://x"))), max_output=9
    )
    body, changes = said(call, Quirks(takes_image_urls=False))
    assert body["messages"][0]["content"] == [{"type": "text", "text": "a"}]
    assert weights(changes) == {"meaning"}


def test_documents_are_read_and_written():
    content: Any = [
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "ä"},
            "title": "t",
        },
        {"type": "document", "source": {"type": "file", "file_id": "f"}, "citations": {"enabled": True}},
        {"type": "document", "source": {"type": "content", "content": "x"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": 7}},
        {"type": "image", "source": {"type": "url", "url": "u", "more": 1}},
    ]
    call = own(messages=[{"role": "user", "content": content}])
    first = call.messages[0].parts[0]
    assert isinstance(first, Media)
    assert (base64.b64decode(first.data or "").decode(), first.name) == ("ä", "t")
    assert [type(part) for part in call.messages[0].parts[2:]] == [NativePart] * 3
    assert blocks_of(said(call)[0]) == content


def test_trap_47_parts_of_other_dialects_are_told():
    native = NativePart(dialect="openai-responses", kind="web_search_call", value={})
    tool = NativeTool(dialect="openai-responses", kind="web_search", value={})
    call = foreign(user("a"), assistant(native, Text(text="b")), user("c"), tools=(TOOL, tool), max_output=9)
    body, changes = said(call)
    assert body["messages"][1]["content"] == "b"
    assert [one["name"] for one in body["tools"]] == ["weather"]
    assert len(changes.of_weight("meaning")) == 2


def test_trap_47_blocks_of_its_own_tools_stay_in_place():
    content: Any = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "never_heard_of", "a": [1]},
    ]
    tools: Any = [
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "custom", "name": "a", "input_schema": {}},
    ]
    call = own(messages=[{"role": "assistant", "content": content}], tools=tools)
    assert all(isinstance(part, NativePart) for part in call.messages[0].parts)
    body, _ = said(call)
    assert blocks_of(body) == content
    assert body["tools"] == tools


def test_trap_46_citations_that_nobody_gave_do_not_go_to_the_provider():
    cited = {
        "type": "web_search_result_location",
        "url": "u",
        "title": "t",
        "cited_text": "",
        "encrypted_index": "",
    }
    kept = {**cited, "encrypted_index": "E"}
    content: Any = [{"type": "text", "text": "b", "citations": [cited, kept]}]
    call = own(messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": content}])
    body, changes = said(call)
    assert blocks_of(body, 1)[0]["citations"] == [kept]
    assert weights(changes) == {"loss"}
    text = Text(text="b", citations=(Citation(url="u", start=0, end=1),))
    body, changes = said(foreign(user("a"), assistant(text), user("c"), max_output=9))
    assert blocks_of(body, 1) == [{"type": "text", "text": "b"}]
    assert weights(changes) == {"loss"}


def test_trap_48_marks_and_members_are_forwarded_or_told():
    marked = Message(role="user", parts=(Text(text="a", cache=CacheMark("1h")),))
    tool = FunctionTool(name="weather", cache=CacheMark())
    body, changes = said(foreign(marked, tools=(tool,), user="u", service_tier="flex", max_output=9))
    assert blocks_of(body)[0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert body["tools"][0]["cache_control"] == {"type": "ephemeral"}
    assert body["metadata"] == {"user_id": "u"}
    assert "service_tier" not in body
    assert [(one.what, one.weight) for one in changes] == [("service_tier", "loss")]


def test_strict_tools_are_held_to_their_schemas_where_the_model_can_be():
    tool = FunctionTool(name="t", parameters={"type": "object", "properties": {}}, strict=True)
    body, changes = said(foreign(user("a"), tools=(tool,), max_output=9), ADAPTIVE)
    assert body["tools"][0]["strict"] is True
    assert not list(changes)
    body, changes = said(foreign(user("a"), tools=(tool,), max_output=9), Quirks(schema="tool"))
    assert "strict" not in body["tools"][0]
    assert weights(changes) == {"loss"}


def test_a_refusal_is_said_as_text():
    body, changes = said(foreign(user("a"), assistant(Refusal(text="no")), user("b"), max_output=9))
    assert blocks_of(body, 1) == [{"type": "text", "text": "no"}]
    assert weights(changes) == {"note"}


def test_system_prompts_of_other_dialects_stand_in_system():
    one = Message(role="system", parts=(Text(text="a"),))
    two = Message(role="developer", parts=(Text(text="b"),))
    body, _ = said(foreign(one, user("c"), max_output=9))
    assert body["system"] == "a"
    body, _ = said(foreign(one, two, user("c"), max_output=9))
    assert body["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert [message["role"] for message in body["messages"]] == ["user"]


def test_the_question_how_many_tokens_holds_what_it_takes_only():
    call = foreign(user("a"), tools=(TOOL,), sampling=Sampling(temperature=1), user="u", stream=True)
    body = json.loads(write_count_call(call, DEFAULTS, Changes()))
    assert set(body) == {"model", "messages", "tools"}
