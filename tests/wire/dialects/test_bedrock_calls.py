"""Messages and tools of other dialects, written for Bedrock: what it takes, what is told of the rest."""

import json
from typing import Any

import msgspec
import pytest
from tests.wire.dialects.bedrock_rules import check_answer, check_call
from tests.wire.dialects.bedrock_samples import ASKED, answers, exchanges
from tests.wire.dialects.bedrock_writing import HI, LOOK, USED, WAIT, assistant, call_of, told, user, write

from headgate.core.chat import (
    CacheMark,
    FunctionTool,
    Media,
    Message,
    Native,
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
from headgate.core.faults import InvalidRequest
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.bedrock.codec import CODEC
from headgate.wire.dialects.changes import Changes


def test_a_call_says_all_that_bedrock_has_words_for():
    body, changes = write(
        call_of(
            (Message(role="system", parts=(Text(text="Be kind.", cache=CacheMark("1h")),)), *USED),
            tools=(msgspec.structs.replace(LOOK, description="Looks.", cache=CacheMark()), WAIT),
            tool_choice=ToolChoice(mode="auto"),
            sampling=Sampling(temperature=0.5, top_p=0.9, top_k=4, stop=("###",)),
            max_output=100,
        )
    )
    assert body == {
        "system": [{"text": "Be kind."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": [{"text": "hi"}]},
            {"role": "assistant", "content": [
                {"toolUse": {"toolUseId": "c1", "name": "look", "input": {"a": 1}}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "blue"}]}}]},
        ],
        "inferenceConfig": {"maxTokens": 100, "temperature": 0.5, "topP": 0.9, "stopSequences": ["###"]},
        "toolConfig": {
            "tools": [
                {"toolSpec": {
                    "name": "look", "description": "Looks.", "inputSchema": {"json": LOOK.parameters}}},
                {"cachePoint": {"type": "default"}},
                {"toolSpec": {"name": "wait", "inputSchema": {"json": {"type": "object", "properties": {}}}}},
            ],
            "toolChoice": {"auto": {}},
        },
        "additionalModelRequestFields": {"top_k": 4},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
    }  # fmt: skip
    assert not list(changes)


def test_amazons_description_admits_what_is_written():
    pytest.importorskip("botocore", reason="botocore is not installed")
    with pytest.raises(AssertionError, match=r"temperature is too|is unknown|toolUseId"):
        check_call({"inferenceConfig": {"temperature": 2}, "top": 1, "messages": []})
    picture = Media(kind="image", media_type="image/jpg", data="/9j/")
    paper = Media(kind="file", media_type="application/pdf", data="JVBERi", name="a.b/c.pdf")
    long = "x" * 70
    calls = [
        call_of((Message(role="developer", parts=(Text(text="s"),)), *USED), tools=(LOOK, WAIT),
                tool_choice=ToolChoice(mode="required")),
        call_of((user(paper), assistant(ToolCall(id=long, name="a.b", arguments="[1]")),
                 user(ToolResult(call_id=long, parts=(picture,), is_error=True)))),
        call_of((assistant(Text(text="first")), user(picture, Text(text="x", cache=CacheMark())))),
        call_of(output=OutputFormat(kind="schema", name="N", description="D", schema={"type": "object"})),
        call_of(tools=(LOOK,), tool_choice=ToolChoice(mode="named", names=("look",)), parallel_tools=False,
                sampling=Sampling(stop=("a",), temperature=2.0)),
    ]  # fmt: skip
    quirks = Quirks(temperature_max=1.0, takes_media_in_results=True)
    for call in calls:
        changes = Changes()
        check_call(json.loads(CODEC.write_call(call, quirks, changes)))


def test_amazons_description_admits_most_of_what_was_recorded():
    """Their own description is behind their service: it lacks a type of tool results and some of usage."""
    pytest.importorskip("botocore", reason="botocore is not installed")
    admitted = 0
    for one in exchanges():
        try:
            check_call(one.request)
            admitted += 1
        except AssertionError:
            continue
    assert admitted >= 90
    for name, raw in answers():
        answer = CODEC.read_answer(json.dumps(raw).encode())
        plain = msgspec.structs.replace(answer, native=None, dialect="anthropic")
        written = json.loads(CODEC.write_answer(plain, ASKED, Changes()))
        if not any("toolUse" in block for block in raw["output"]["message"]["content"]):
            check_answer({**written, "metrics": {"latencyMs": 1}})
        assert written["usage"]["totalTokens"] == raw["usage"]["totalTokens"], name


def test_trap_26_results_stand_alone_where_the_model_wants_that():
    """Llama and Mistral on Bedrock refuse text beside results; the assistant speaks between."""
    messages = (*USED[:2], user(*USED[2].parts, Text(text="and now?")))
    body, changes = write(call_of(messages, tools=(LOOK,)), Quirks(are_results_alone=True))
    kinds = [(one["role"], [next(iter(block)) for block in one["content"]]) for one in body["messages"]]
    assert kinds == [
        ("user", ["text"]), ("assistant", ["toolUse"]), ("user", ["toolResult"]), ("assistant", ["text"]),
        ("user", ["text"]),
    ]  # fmt: skip
    assert told(changes, "note") == ["messages[2]"]


@pytest.mark.parametrize(("kind", "media_type"), [("file", "application/pdf"), ("video", "video/mp4")])
def test_trap_26_no_document_or_film_stands_beside_results(kind: Any, media_type: str):
    """Anthropic's models on Bedrock refuse them there, and take them in a turn of their own."""
    media = Media(kind=kind, media_type=media_type, data="AAAA", name="d")
    messages = (*USED[:2], user(*USED[2].parts, Text(text="see"), media))
    body, _ = write(call_of(messages, tools=(LOOK,)))
    kinds = [[next(iter(block)) for block in one["content"]] for one in body["messages"]]
    assert kinds[2] == ["toolResult"]
    assert kinds[-1] == ["text", {"file": "document", "video": "video"}[kind]]
    picture = Media(kind="image", media_type="image/png", data="AAAA")
    body, _ = write(call_of((*USED[:2], user(*USED[2].parts, picture)), tools=(LOOK,)))
    assert [next(iter(block)) for block in body["messages"][2]["content"]] == ["toolResult", "image"]


def test_a_cache_mark_inside_of_a_result_stands_after_it():
    marked = user(ToolResult(call_id="c1", parts=(Text(text="a", cache=CacheMark()), Text(text="b"))))
    body, changes = write(call_of((*USED[:2], marked), tools=(LOOK,)))
    result, point = body["messages"][2]["content"]
    assert result["toolResult"]["content"] == [{"text": "a"}, {"text": "b"}]
    assert point == {"cachePoint": {"type": "default"}}
    assert not list(changes)


def test_trap_28_without_none_the_tools_are_left_out():
    body, changes = write(call_of(tools=(LOOK,), tool_choice=ToolChoice(mode="none")))
    assert "toolConfig" not in body
    assert not told(changes)
    assert told(changes, "note") == ["tool_choice"]
    body, changes = write(call_of(USED, tools=(LOOK,), tool_choice=ToolChoice(mode="none")))
    assert "toolChoice" not in body["toolConfig"]  # Bedrock refuses a history of tools without tools
    assert told(changes) == ["tool_choice"]


@pytest.mark.parametrize(
    ("choice", "written", "names"),
    [
        (ToolChoice(mode="auto"), {"auto": {}}, ["look", "wait"]),
        (ToolChoice(mode="required"), {"any": {}}, ["look", "wait"]),
        (ToolChoice(mode="named", names=("wait",)), {"tool": {"name": "wait"}}, ["look", "wait"]),
        (ToolChoice(mode="required", names=("look",)), {"tool": {"name": "look"}}, ["look"]),
        (ToolChoice(mode="auto", names=("look",)), {"auto": {}}, ["look"]),
    ],
)
def test_trap_28_every_choice_has_its_word(choice: ToolChoice, written: Any, names: list[str]):
    body, changes = write(call_of(tools=(LOOK, WAIT), tool_choice=choice))
    assert body["toolConfig"]["toolChoice"] == written
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == names
    assert not told(changes)


def test_trap_28_one_tool_at_a_time_can_not_be_said():
    _, changes = write(call_of(tools=(LOOK,), parallel_tools=False))
    assert told(changes) == ["parallel_tool_calls"]
    _, changes = write(call_of(tools=(LOOK,), parallel_tools=True))
    assert not told(changes)


def test_trap_28_a_model_that_can_not_be_made_to_call_is_told_of():
    for quirks, thinking in (
        (Quirks(takes_forced_tool=False), None),
        (Quirks(takes_forced_tool_with_thinking=False, thinking="budget"), Thinking(budget_tokens=2000)),
    ):
        call = call_of(tools=(LOOK,), tool_choice=ToolChoice(mode="required"), thinking=thinking)
        body, changes = write(call, quirks)
        assert body["toolConfig"]["toolChoice"] == {"auto": {}}
        assert told(changes) == ["tool_choice"]


def test_trap_29_tools_of_the_history_are_declared_again():
    body, _ = write(call_of(USED))
    assert [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]] == ["look"]


def test_trap_31_a_failed_tool_has_its_status():
    failed = user(ToolResult(call_id="c1", parts=(Text(text="no such file"),), is_error=True))
    body, changes = write(call_of((*USED[:2], failed), tools=(LOOK,)))
    assert body["messages"][2]["content"][0]["toolResult"]["status"] == "error"
    assert not list(changes)


def test_trap_31_a_model_that_takes_no_status_is_told_in_words():
    """Writer's Palmyra refuses the member."""
    failed = user(ToolResult(call_id="c1", parts=(Text(text="no such file"),), is_error=True))
    body, changes = write(call_of((*USED[:2], failed), tools=(LOOK,)), Quirks(takes_result_errors=False))
    result = body["messages"][2]["content"][0]["toolResult"]
    assert result == {"toolUseId": "c1", "content": [{"text": "The tool failed."}, {"text": "no such file"}]}
    assert len(told(changes, "note")) == 1
    assert not told(changes)
    result = {"toolUseId": "c", "content": [{"text": "x"}], "status": "success"}
    said = {"messages": [{"role": "user", "content": [{"toolResult": result}]}]}
    own = CODEC.read_call(json.dumps(said).encode())
    written = json.loads(CODEC.write_call(own, Quirks(takes_result_errors=False), Changes()))
    assert "status" not in written["messages"][0]["content"][0]["toolResult"]


def test_trap_31_odd_names_have_aliases():
    odd = FunctionTool(name="files.read/one", parameters={"type": "object"})
    call = call_of(
        (HI, assistant(ToolCall(id="c1", name=odd.name, arguments="{}")), user(
            ToolResult(call_id="c1", parts=(Text(text="x"),)))),
        tools=(odd,), tool_choice=ToolChoice(mode="named", names=(odd.name,)),
    )  # fmt: skip
    body, _ = write(call)
    [alias] = [tool["toolSpec"]["name"] for tool in body["toolConfig"]["tools"]]
    assert alias.replace("_", "").isalnum()
    assert body["messages"][1]["content"][0]["toolUse"]["name"] == alias
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": alias}}


def test_trap_24_ids_that_bedrock_refuses_are_others():
    for identifier in ("functions.look:0", "a b", "x" * 70):
        messages = (HI, assistant(ToolCall(id=identifier, name="look", arguments="{}")), user(
            ToolResult(call_id=identifier, parts=(Text(text="x"),))))  # fmt: skip
        body, _ = write(call_of(messages, tools=(LOOK,)))
        used = body["messages"][1]["content"][0]["toolUse"]["toolUseId"]
        assert used == body["messages"][2]["content"][0]["toolResult"]["toolUseId"]
        assert len(used) <= 64
        assert all(letter.isalnum() or letter in "_.:-" for letter in used)


def test_trap_42_turns_alternate_and_nothing_is_blank():
    messages = (
        assistant(Text(text="Welcome.")), user(Text(text=" \n")), user(Text(text="a"), Text(text="")),
        user(Text(text="b")), assistant(Text(text="begin ")),
    )  # fmt: skip
    body, changes = write(call_of(messages))
    roles = [one["role"] for one in body["messages"]]
    assert roles == ["user", "assistant", "user", "assistant"]
    texts = [block["text"] for one in body["messages"] for block in one["content"]]
    assert all(text.strip() for text in texts)
    assert texts[1:] == ["Welcome.", "a", "b", "begin"]
    assert told(changes) == ["messages[0]"]  # who begins is another one


def test_trap_42_a_result_that_is_blank_has_no_text():
    blank = user(ToolResult(call_id="c1", parts=(Text(text=""),)))
    body, changes = write(call_of((*USED[:2], blank), tools=(LOOK,)))
    assert body["messages"][2]["content"][0]["toolResult"]["content"] == []
    assert not told(changes)


def test_trap_42_a_model_without_prefill_is_asked_to_go_on():
    body, changes = write(call_of((HI, assistant(Text(text="Once")))), Quirks(takes_prefill=False))
    assert [one["role"] for one in body["messages"]] == ["user", "assistant", "user"]
    assert told(changes) == ["messages[1]"]


def test_trap_41_systems_stand_apart():
    messages = (
        Message(role="developer", parts=(Text(text="one"),)), HI, assistant(Text(text="ok")),
        Message(role="system", parts=(Text(text="two"),)), HI,
    )  # fmt: skip
    body, changes = write(call_of(messages))
    assert body["system"] == [{"text": "one"}]
    said = [block["text"] for block in body["messages"][2]["content"]]
    assert said[:3] == ["<system>", "two", "</system>"]
    assert not told(changes)
    body, changes = write(call_of(messages[:3]), Quirks(has_system_role=False))
    assert "system" not in body
    assert body["messages"][0]["content"][0] == {"text": "one"}


def test_arguments_that_are_no_object_are_told_of():
    for arguments in ("[1]", "not json", '"x"'):
        messages = (HI, assistant(ToolCall(id="c1", name="look", arguments=arguments)), USED[2])
        body, changes = write(call_of(messages, tools=(LOOK,)))
        given = body["messages"][1]["content"][0]["toolUse"]["input"]
        assert list(given) == ["arguments"]
        assert len(told(changes)) == 1


SEALED = Reasoning(text="hm", seal=Seal("bedrock", "c2ln"))


def test_trap_37_only_bedrocks_own_reasoning_goes_back():
    thoughts = (
        SEALED, Reasoning(text="theirs", seal=Seal("anthropic", "x")), Reasoning(text="loose"),
        Reasoning(seal=Seal("bedrock", "cmVk"), is_redacted=True), Reasoning(seal=Seal("google", "x")),
    )  # fmt: skip
    body, changes = write(call_of((HI, assistant(*thoughts, Text(text="so")), HI)))
    assert body["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"text": "so"},
    ]
    assert not told(changes)
    assert told(changes, "loss")
    own = msgspec.structs.replace(call_of((HI, assistant(*thoughts), HI)), dialect="bedrock")
    kept = json.loads(CODEC.write_call(own, PLAIN, Changes()))["messages"][1]["content"]
    assert [next(iter(one["reasoningContent"])) for one in kept] == [
        "reasoningText", "reasoningText", "redactedContent"
    ]  # fmt: skip


def test_trap_47_parts_and_tools_of_other_providers_are_told():
    part = NativePart(dialect="anthropic", kind="server_tool_use", value={"type": "server_tool_use"})
    tool = NativeTool(dialect="anthropic", kind="web_search", value={})
    call = call_of((HI, assistant(part, Refusal(text="I won't.")), HI), dialect="anthropic", tools=(tool,))
    body, changes = write(call)
    assert body["messages"][1]["content"] == [{"text": "I won't."}]
    assert "toolConfig" not in body
    assert sorted(told(changes)) == ["messages[1]", "tools[0]"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"messages":1}', "messages is no list"),
        (b'{"messages":[{"role":"tool","content":[]}]}', "neither user nor assistant"),
        (b'{"messages":[{"role":"user","content":"x"}]}', "content is no list"),
        (b'{"messages":[],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "JSON"),
    ],
)
def test_what_is_no_call_is_refused_by_its_member(body: bytes, said: str):
    with pytest.raises(InvalidRequest, match=said):
        CODEC.read_call(body)


def test_a_message_whose_only_part_cant_be_said_keeps_its_turn():
    film = Media(kind="file", file_id="file-1", native=Native(dialect="google"))
    call = call_of((HI, assistant(Text(text="Yes?")), user(film)))
    body, changes = write(call, msgspec.structs.replace(PLAIN, is_alternating=True, takes_prefill=False))
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][-1]["content"] == [{"text": "(The user says nothing.)"}]
    assert told(changes) == ["messages[2].content[0]"]
