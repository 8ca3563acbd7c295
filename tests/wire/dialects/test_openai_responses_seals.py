"""Seals in Responses: carried to clients in reasoning items, put back, and given to their maker only."""

import json
from typing import Any

import msgspec
import pytest
from tests.wire.dialects.openai_responses_samples import (
    assistant,
    check_events,
    check_response,
    folded,
    foreign_call,
    rewritten,
    sdk_final,
    stream_of,
    streamed_answer,
    user,
    written_answer,
    written_call,
)

from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    ChatCall,
    Finish,
    Message,
    Part,
    Reasoning,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)
from headgate.core.events import Began, Ended, Event, Finished, PartBegan, PartEnded, SealDelta, TextDelta
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.openai_responses.codec import CODEC
from headgate.wire.dialects.seals import MARK

THOUGHT = Reasoning(text="hm", seal=Seal("anthropic", "sig=="))
HIDDEN = Reasoning(seal=Seal("anthropic", "enc"), is_redacted=True)
SUMMED = Reasoning(text="in short", is_summary=True, seal=Seal("openai-responses:openai", "gAAA"))
BOUND = Quirks(maker="openai-responses:openai")


def answer_of(*parts: Part) -> ChatAnswer:
    finish = Finish(reason="tool_calls", native="tool_use")
    return ChatAnswer(
        dialect="anthropic", id="msg_9", model="m", candidates=(Candidate(parts=parts, finish=finish),)
    )


def sent_back(body: dict[str, Any], *more: dict[str, Any]) -> ChatCall:
    """The call of a client that puts what it was answered into its next input, as OpenAI's guide says."""
    said: dict[str, Any] = {
        "model": "m",
        "input": [{"role": "user", "content": "Hello"}, *body["output"], *more],
    }
    return CODEC.read_call(json.dumps(said).encode())


def words(call: ChatCall) -> list[Part]:
    """The assistant's parts, without what Responses says beside them."""
    found: list[Part] = []
    for message in call.messages:
        if message.role == "assistant":
            for part in message.parts:
                bare = msgspec.structs.replace(part, native=None)  # pyright: ignore[reportCallIssue]
                found.append(msgspec.structs.replace(bare, id="") if isinstance(bare, Reasoning) else bare)
    return found


@pytest.mark.parametrize(
    "parts",
    [
        (THOUGHT, Text(text="Hi")),
        (HIDDEN, Text(text="Hi")),
        (THOUGHT, HIDDEN, THOUGHT, Text(text="Hi"), ToolCall(id="t", name="f", arguments="{}")),
        (SUMMED, Text(text="Hi")),
        (Text(text="Hi", seal=Seal("google", "a")),),
        (Text(text="", seal=Seal("google", "a")),),
        (ToolCall(id="t", name="f", arguments="{}", seal=Seal("google", "b")),),
        (
            Text(text="one", seal=Seal("google", "a")),
            ToolCall(id="t", name="f", arguments="{}", seal=Seal("google:vertex", "b")),
            ToolCall(id="u", name="f", arguments="{}"),
            ToolCall(id="v", name="f", arguments="{}", seal=Seal("google", "c")),
        ),
    ],
)
def test_trap_33_what_a_client_sends_back_is_what_it_was_given(parts: tuple[Part, ...]):
    changes = Changes()
    body = written_answer(answer_of(*parts), changes)
    check_response(body)
    assert not len(changes)
    assert words(sent_back(body)) == list(parts)
    stream = streamed_answer(answer_of(*parts))
    check_events(stream)
    assert words(sent_back(sdk_final(stream))) == list(parts)


def test_trap_34_a_seal_that_a_stream_gives_late_is_put_back_all_the_same():
    seal = Seal("google", "late")
    events: list[Event] = [
        Began(dialect="google", id="r", model="m"),
        PartBegan(number=0, part=Text(text="")),
        TextDelta(number=0, text="Hi"),
        SealDelta(number=0, seal=seal),
        PartEnded(number=0),
        PartBegan(number=1, part=ToolCall(id="t", name="f", arguments="{}")),
        SealDelta(number=1, seal=seal),
        PartEnded(number=1),
        Finished(finish=Finish(reason="stop")),
        Ended(),
    ]
    body = stream_of(events)
    check_events(body)
    final = sdk_final(body)
    assert [item["type"] for item in final["output"]] == [
        "message",
        "reasoning",
        "function_call",
        "reasoning",
    ]
    assert words(sent_back(final)) == [
        Text(text="Hi", seal=seal),
        ToolCall(id="t", name="f", arguments="{}", seal=seal),
    ]


def test_trap_33_a_thought_s_seal_comes_when_its_stream_gives_it():
    events: list[Event] = [
        Began(dialect="anthropic", id="r", model="m"),
        PartBegan(number=0, part=Reasoning()),
        TextDelta(number=0, text="hm"),
        SealDelta(number=0, seal=Seal("anthropic", "sig==")),
        PartEnded(number=0),
        Finished(finish=Finish(reason="stop")),
        Ended(),
    ]
    body = stream_of(events)
    check_events(body)
    assert words(sent_back(sdk_final(body))) == [THOUGHT]


def test_trap_35_encrypted_content_goes_back_to_openai_as_it_came():
    said: dict[str, Any] = {
        "model": "m",
        "input": [
            {"role": "user", "content": "Hello"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
            {
                "type": "message",
                "role": "assistant",
                "id": "msg_1",
                "content": [{"type": "output_text", "text": "Hi"}],
            },
        ],
    }
    for quirks in (PLAIN, BOUND):
        body, changes = rewritten(said, quirks)
        assert body == said and not len(changes)
    call = CODEC.read_call(json.dumps(said).encode())
    reasoning = call.messages[1].parts[0]
    assert isinstance(reasoning, Reasoning) and reasoning.seal == Seal("openai-responses", "gAAA")
    assert reasoning.is_redacted and reasoning.id == "rs_1"


def test_trap_35_encrypted_content_of_another_credential_is_taken_out():
    body = written_answer(answer_of(SUMMED, Text(text="Hi")))
    call = sent_back(body)
    own = written_call(call, BOUND)["input"]
    assert own[1]["encrypted_content"] == "gAAA" and own[1]["summary"][0]["text"] == "in short"
    changes = Changes()
    other = written_call(call, Quirks(maker="openai-responses:azure"), changes)["input"]
    assert [item.get("type") for item in other] == [None, "message"]
    assert len(changes.of_weight("loss")) == 1 and not changes.of_weight("meaning")


def test_trap_35_encrypted_content_that_went_through_another_dialect_comes_back():
    call = foreign_call(user(), assistant(SUMMED, Text(text="Hi")), user("And?"))
    item = written_call(call, BOUND)["input"][1]
    assert item == {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "in short"}],
        "encrypted_content": "gAAA",
    }


def test_trap_35_encrypted_content_within_a_stream_is_a_seal():
    item: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    response: dict[str, Any] = {"id": "resp_1", "model": "m", "status": "completed", "output": [item]}
    events: tuple[dict[str, Any], ...] = (
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "encrypted_content": "gAA"},
        },
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response},
    )
    part = (
        folded(b"".join(b"data: %b\n\n" % msgspec.json.encode(event) for event in events))
        .candidates[0]
        .parts[0]
    )
    assert isinstance(part, Reasoning) and part.seal == Seal("openai-responses", "gAAA")


def test_trap_37_foreign_reasoning_and_seals_never_reach_openai():
    parts = (
        THOUGHT,
        HIDDEN,
        Text(text="Hi", seal=Seal("google", "x")),
        ToolCall(id="t", name="f", arguments="{}"),
    )
    result = {"type": "function_call_output", "call_id": "t", "output": "8"}
    call = sent_back(written_answer(answer_of(*parts)), result)
    changes = Changes()
    body = CODEC.write_call(call, PLAIN, changes)
    assert MARK.encode() not in body and b"hm" not in body and b"reasoning" not in body
    assert [item.get("type") for item in json.loads(body)["input"]] == [
        None, "message", "function_call", "function_call_output",
    ]  # fmt: skip
    assert changes.of_weight("loss") and not changes.of_weight("meaning")
    again = Message(role="user", parts=(ToolResult(call_id="t", parts=(Text(text="8"),)),))
    foreign = CODEC.write_call(foreign_call(user(), assistant(*parts), again), PLAIN, Changes())
    assert b"hm" not in foreign and b"sig" not in foreign


@pytest.mark.parametrize(
    "data",
    [
        "hgs1.",
        "hgs1..x",
        "hgs1.!!!.x",
        "next;hgs1.",
        "never;hgs1.Z29vZ2xl.x",
        "next;",
        "x" * 100 + "hgs1.Z29vZ2xl.x",
    ],
)
def test_a_broken_mark_is_openai_s_own(data: str):
    said: dict[str, Any] = {
        "model": "m",
        "input": [{"type": "reasoning", "summary": [], "encrypted_content": data}],
    }
    body, changes = rewritten(said)
    assert body == said and not len(changes)


def test_a_seal_that_belongs_to_nothing_stays_a_reasoning():
    carrier = written_answer(answer_of(Text(text="a", seal=Seal("google", "x"))))["output"][0]
    for items in ([carrier], [carrier, {"role": "user", "content": "x"}], [carrier, carrier]):
        call = CODEC.read_call(json.dumps({"model": "m", "input": items}).encode())
        assert any(isinstance(part, Reasoning) for message in call.messages for part in message.parts)
        assert MARK.encode() not in CODEC.write_call(call, PLAIN, Changes())
