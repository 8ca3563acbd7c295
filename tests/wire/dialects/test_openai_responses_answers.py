"""Answers of other providers as responses, and responses in our words: what a client is told."""

import json
from typing import Any

import msgspec
import pytest
from tests.wire.dialects.openai_responses_samples import (
    ASKED,
    check_response,
    written_answer,
)

from headgate.core.call import Usage
from headgate.core.chat import (
    Candidate,
    ChatAnswer,
    Citation,
    Finish,
    FinishReason,
    Media,
    NativePart,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.openai_responses.codec import CODEC

STOP = Finish(reason="stop", native="end_turn")
USAGE = Usage(
    input=10,
    cache_read=20,
    cache_write=3,
    cache_write_1h=4,
    output=7,
    reasoning=5,
    input_audio=2,
    input_image=1,
)


def foreign(*parts: Part, finish: Finish | None = STOP) -> ChatAnswer:
    return ChatAnswer(
        dialect="anthropic",
        id="msg_9",
        model="claude",
        candidates=(Candidate(parts=parts, finish=finish),),
        usage=USAGE,
    )


def own(**members: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "model": "m",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        **members,
    }


def read(fields: dict[str, Any]) -> ChatAnswer:
    return CODEC.read_answer(json.dumps(fields).encode())


def test_a_text_is_one_message():
    changes = Changes()
    body = written_answer(foreign(Text(text="Hello"), Text(text=" you")), changes)
    assert check_response(body).output_text == "Hello you"
    assert body["id"] == "msg_9" and body["model"] == "claude" and body["created_at"] == ASKED.created_s
    assert body["status"] == "completed" and body["native_finish_reason"] == "end_turn"
    assert [item["type"] for item in body["output"]] == ["message"]
    assert len(body["output"][0]["content"]) == 2
    assert not len(changes)


def test_what_the_provider_left_out_is_what_was_asked_for():
    answer = ChatAnswer(dialect="google", id="", model="", candidates=())
    body = written_answer(answer)
    check_response(body)
    assert body["id"] == ASKED.request_id and body["model"] == ASKED.model and body["usage"] is None


def test_trap_02_reasoning_is_part_of_the_output_tokens():
    body = written_answer(foreign(Text(text="Hi")))
    assert body["usage"] == {
        "input_tokens": 40,
        "input_tokens_details": {
            "cached_tokens": 20,
            "cache_write_tokens": 7,
            "audio_tokens": 2,
            "image_tokens": 1,
        },
        "output_tokens": 12,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 52,
    }
    back = read(body).usage
    assert back == msgspec.structs.replace(USAGE, cache_write=7, cache_write_1h=0)


def test_trap_02_a_response_s_reasoning_is_no_output():
    usage = {
        "input_tokens": 50,
        "input_tokens_details": {"cached_tokens": 20},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 18},
        "total_tokens": 80,
    }
    answer = read(own(output=[], usage=usage))
    assert answer.usage == Usage(input=30, cache_read=20, output=12, reasoning=18)
    assert answer.native is not None and answer.native.fields["usage"] == usage


@pytest.mark.parametrize(
    ("members", "reason", "native"),
    [
        ({"status": "completed"}, "stop", "completed"),
        ({"status": "complete"}, "stop", "complete"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            "length",
            "max_output_tokens",
        ),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
            "content_filter",
        ),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, "pause", "steered"),
        ({"status": "incomplete", "incomplete_details": None}, "pause", "incomplete"),
        ({"status": "cancelled"}, "error", "cancelled"),
        ({"status": "queued"}, None, ""),
        ({"status": "in_progress"}, None, ""),
        ({"status": 7}, None, ""),
    ],
)
def test_trap_23_incomplete_is_no_end(members: dict[str, Any], reason: str | None, native: str):
    finish = read(own(output=[], **members)).candidates[0].finish
    assert (finish.reason if finish else None) == reason
    assert (finish.native if finish else "") == native


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("context_window", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        ("refusal", "incomplete", "content_filter"),
        ("error", "failed", None),
    ],
)
def test_every_finish_is_said(reason: FinishReason, status: str, details: str | None):
    body = written_answer(foreign(Text(text="Hi"), finish=Finish(reason=reason, native="own word")))
    check_response(body)
    assert body["status"] == status and body["native_finish_reason"] == "own word"
    assert (body["incomplete_details"] or {}).get("reason") == details
    assert (body["error"] is not None) == (reason == "error")


def test_trap_23_a_pause_is_incomplete():
    body = written_answer(foreign(Text(text="Hi"), finish=Finish(reason="pause", native="pause_turn")))
    check_response(body)
    assert body["status"] == "incomplete" and body["native_finish_reason"] == "pause_turn"
    finish = read(body).candidates[0].finish
    assert finish is not None and finish.reason == "pause"


def test_trap_21_the_stop_sequence_that_was_met_is_said():
    body = written_answer(
        foreign(Text(text="Hi"), finish=Finish(reason="stop", native="stop", sequence="END"))
    )
    assert body["stop_sequence"] == "END"


def test_trap_22_a_refusal_is_no_empty_success():
    body = written_answer(foreign(Refusal(text="No."), finish=Finish(reason="refusal", native="refusal")))
    check_response(body)
    assert body["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]
    assert body["status"] == "completed"
    back = read(body).candidates[0]
    assert back.finish is not None and back.finish.reason == "refusal"
    assert isinstance(back.parts[0], Refusal)
    silent = written_answer(foreign(finish=Finish(reason="refusal", native="SAFETY")))
    assert silent["status"] == "incomplete" and silent["incomplete_details"] == {"reason": "content_filter"}
    assert silent["output"] == []


def test_tool_calls_have_ids_of_their_own():
    body = written_answer(
        foreign(
            ToolCall(id="", name="f", arguments=""),
            ToolCall(id="", name="f", arguments='{"a":1}'),
            ToolCall(id="toolu_1", name="g", arguments="{}"),
            finish=Finish(reason="tool_calls", native="tool_use"),
        )
    )
    check_response(body)
    calls = body["output"]
    assert [call["arguments"] for call in calls] == ["{}", '{"a":1}', "{}"]
    assert calls[2]["call_id"] == "toolu_1"
    assert len({call["call_id"] for call in calls}) == 3 and len({call["id"] for call in calls}) == 3
    assert written_answer(foreign(ToolCall(id="", name="f", arguments=""))) == written_answer(
        foreign(ToolCall(id="", name="f", arguments=""))
    )


def test_thinking_is_a_summary_that_clients_show_and_send_back():
    body = written_answer(foreign(Reasoning(text="hm"), Text(text="Hi")))
    check_response(body)
    assert body["output"][0]["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert [item["type"] for item in body["output"]] == ["reasoning", "message"]


def test_trap_46_citations_keep_their_place():
    citations = (
        Citation(url="https://a", title="A", start=1, end=3),
        Citation(url="https://b"),
        Citation(title="a document", quote="words"),
    )
    changes = Changes()
    body = written_answer(foreign(Text(text="Grüße", citations=citations)), changes)
    check_response(body)
    assert body["output"][0]["content"][0]["annotations"] == [
        {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 1, "end_index": 3},
        {"type": "url_citation", "url": "https://b", "title": "", "start_index": 0, "end_index": 5},
    ]
    assert [one.what for one in changes.of_weight("loss")] == ["output.citations"]
    back = read(body).candidates[0].parts[0]
    assert isinstance(back, Text)
    assert [(one.url, one.start, one.end) for one in back.citations] == [
        ("https://a", 1, 3),
        ("https://b", 0, 5),
    ]


def test_trap_47_items_of_the_provider_s_own_tools_are_parts_and_units():
    output = [
        {
            "type": "web_search_call",
            "id": "ws_1",
            "status": "completed",
            "action": {"type": "search", "query": "x"},
        },
        {"type": "web_search_call", "id": "ws_2", "status": "completed", "action": {"type": "open_page"}},
        {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": "1"},
        {"type": "something_new", "x": 1},
    ]
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    answer = read(own(output=output, usage=usage))
    parts = answer.candidates[0].parts
    assert [part.kind for part in parts if isinstance(part, NativePart)] == [one["type"] for one in output]
    assert answer.usage is not None and answer.usage.units == {"web_search": 1, "code_execution": 1}
    changes = Changes()
    block = NativePart(dialect="anthropic", kind="server_tool_use", value={"type": "server_tool_use"})
    body = written_answer(foreign(block, Text(text="Hi")), changes)
    assert [item["type"] for item in body["output"]] == ["message"]
    assert [str(one) for one in changes.of_weight("loss")] == [
        "output: Responses has no part of the kind server_tool_use"
    ]


def test_an_image_is_an_item_of_its_own():
    changes = Changes()
    parts = (Text(text="Here"), Media(kind="image", media_type="image/png", data="aGk="), Text(text="it is"))
    body = written_answer(foreign(*parts), changes)
    check_response(body)
    assert [item["type"] for item in body["output"]] == ["message", "image_generation_call", "message"]
    assert body["output"][1]["result"] == "aGk=" and not len(changes)
    written_answer(foreign(Media(kind="audio", data="aGk=")), changes)
    assert len(changes.of_weight("meaning")) == 1


def test_more_answers_than_one_are_told():
    changes = Changes()
    one = foreign(Text(text="a")).candidates[0]
    two = msgspec.structs.replace(one, index=1)
    answer = msgspec.structs.replace(foreign(), candidates=(one, two))
    assert check_response(written_answer(answer, changes)).output_text == "a"
    assert [change.what for change in changes.of_weight("meaning")] == ["choices"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b'{"output": {}}',
        b'{"output": ["x"]}',
        b'{"error": {"message": "no"}}',
        b'{"status": "failed", "output": [], "error": {"message": "no", "code": "server_error"}}',
        b'{"status": "failed", "output": [], "error": null}',
        b"[" * 10_000,
        b'{"output": [], "created_at": NaN}',
        b'{"id": "\xff", "output": []}',
    ],
)
def test_what_is_no_answer_is_refused(body: bytes):
    with pytest.raises(UpstreamError):
        CODEC.read_answer(body)


def test_a_failed_response_says_why():
    with pytest.raises(UpstreamError, match="it broke"):
        read(own(status="failed", output=[], error={"code": "server_error", "message": "it broke"}))


@pytest.mark.parametrize(
    "item",
    [
        {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "data": "x"}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "x"}, {"type": "output_audio"}, {"type": "refusal"}],
        },
        {"type": "message", "role": 7, "content": "x"},
        {"type": "message", "role": "assistant", "content": "a string"},
        {"type": "function_call", "name": "f"},
        {"type": "function_call", "name": "f", "call_id": "c", "arguments": "not json", "status": None},
        {"type": "reasoning", "summary": None, "content": [], "encrypted_content": None},
        {"type": "reasoning"},
        {
            "type": "reasoning",
            "id": "",
            "summary": [{"type": "summary_text", "text": ""}],
            "encrypted_content": "",
        },
        {"type": "reasoning", "id": 7, "summary": "x"},
        {"type": 7},
        {},
    ],
)
def test_every_odd_item_is_written_back(item: dict[str, Any]):
    more = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "y"}]}
    for output in ([item], [item, more], [more, item, more]):
        fields = own(output=output, created_at=1.5, service_tier=None, usage=None)
        again = json.loads(CODEC.write_answer(read(fields), ASKED, Changes()))
        assert again == fields
