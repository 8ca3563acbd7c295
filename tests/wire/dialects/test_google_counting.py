"""Google's countTokens, both ways."""

from typing import Any

import msgspec
import pytest

from headgate.core.chat import ChatCall, FunctionTool, Message, Text, ToolChoice
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import PLAIN
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.google.counting import read_count, read_count_call, write_count, write_count_call

CONTENTS: list[Any] = [{"role": "user", "parts": [{"text": "Hi"}]}]


@pytest.mark.parametrize(
    "body",
    [
        {"contents": CONTENTS},
        {"contents": CONTENTS, "system_instruction": {"parts": [{"text": "Be brief."}]}},
        {"generateContentRequest": {"model": "models/m", "contents": CONTENTS, "tools": []}},
        {"generate_content_request": {"contents": CONTENTS}},
    ],
)
def test_a_call_is_read_and_written_back(body: dict[str, Any]):
    call = read_count_call(msgspec.json.encode(body), model="m")
    assert call.messages[-1] == Message(role="user", parts=(Text(text="Hi"),))
    assert msgspec.json.decode(write_count_call(call, PLAIN, Changes())) == body


def test_a_call_of_another_dialect_is_counted_with_all_that_it_says():
    call = ChatCall(
        dialect="anthropic", model="m", messages=(Message(role="user", parts=(Text(text="Hi"),)),)
    )
    assert msgspec.json.decode(write_count_call(call, PLAIN, Changes())) == {"contents": CONTENTS}
    tooled = msgspec.structs.replace(call, tools=(FunctionTool(name="f"),))
    assert msgspec.json.decode(write_count_call(tooled, PLAIN, Changes())) == {
        "generateContentRequest": {
            "model": "models/m",
            "contents": CONTENTS,
            "tools": [{"functionDeclarations": [{"name": "f"}]}],
        }
    }


def test_a_count_is_read_and_written():
    assert read_count(write_count(31)) == 31
    assert read_count(b'{"totalTokens":7,"cachedContentTokenCount":2}') == 7


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"totalTokens":"7"}', b'{"totalTokens":-1}', b'{"totalTokens":null}']
)
def test_what_is_no_count_is_refused(body: bytes):
    with pytest.raises(UpstreamError):
        read_count(body)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"generateContentRequest":{}}', b'{"contents":7}'])
def test_what_is_no_call_is_refused(body: bytes):
    with pytest.raises(InvalidRequest):
        read_count_call(body)


def test_what_vertex_counts_are_the_call_s_own_members():
    call = ChatCall(
        dialect="anthropic",
        model="m",
        messages=(
            Message(role="system", parts=(Text(text="Be brief."),)),
            Message(role="user", parts=(Text(text="Hi"),)),
        ),
        tools=(FunctionTool(name="f"),),
        tool_choice=ToolChoice(mode="required"),
    )
    plain = msgspec.structs.replace(PLAIN, wraps_counted_call=False)
    assert msgspec.json.decode(write_count_call(call, plain, Changes())) == {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": CONTENTS,
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
    }
    wrapped = msgspec.json.decode(write_count_call(call, PLAIN, Changes()))
    assert "toolConfig" in wrapped["generateContentRequest"]
