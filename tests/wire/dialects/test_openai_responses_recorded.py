"""Every recorded exchange of the Responses API, read and written back. Skips where there are none."""

import json
import random
from typing import Any, cast

import msgspec
import pytest
from tests.wire.dialects.openai_responses_samples import (
    SEALED_ANEW,
    answers,
    calls,
    check_events,
    events_of,
    folded,
    raw_events,
    sdk_final,
    stream_of,
    streams,
    without,
)

from headgate.core.chat import NativePart, Reasoning, Refusal, Text, ToolCall, ToolResult
from headgate.core.events import Ended, Finished
from headgate.core.faults import UpstreamError
from headgate.wire.dialects.folding import fold, unfold
from headgate.wire.dialects.openai_responses.codec import CODEC
from headgate.wire.usage import usage_of


def test_there_is_enough_to_go_by():
    assert len(calls()) >= 212
    assert len(answers()) >= 173
    assert len(streams()) >= 36


def test_what_a_call_says_has_words():
    """An independent count over the raw bodies: each item is one message, and what has a word has it."""
    seen: dict[str, int] = {}
    for one in calls():
        call = CODEC.read_call(one.body)
        said: Any = one.request["input"]
        items = cast("list[dict[str, Any]]", [{"content": said}] if isinstance(said, str) else said)
        assert len(call.messages) == len(items) + isinstance(one.request.get("instructions"), str), one.id
        parts = [part for message in call.messages for part in message.parts]
        for kind, word in (
            ("function_call", ToolCall),
            ("function_call_output", ToolResult),
        ):
            raw = sum(item.get("type") == kind for item in items)
            assert raw == sum(isinstance(part, word) for part in parts), one.id
            seen[kind] = seen.get(kind, 0) + raw
        natives = {part.kind for part in parts if isinstance(part, NativePart)}
        assert natives <= {
            "additional_tools", "compaction", "mcp_call", "mcp_list_tools", "tool_search_call",
            "tool_search_output", "web_search_call",
        }, one.id  # fmt: skip
        assert len(call.tools) == len(one.request.get("tools") or []), one.id
        assert call.max_output == one.request.get("max_output_tokens"), one.id
        assert call.stream == bool(one.request.get("stream")), one.id
        seals = [part.seal for part in parts if isinstance(part, Reasoning) and part.seal is not None]
        encrypted = [
            item["encrypted_content"]
            for item in items
            if item.get("type") == "reasoning" and item.get("encrypted_content")
        ]
        assert [seal.data for seal in seals] == encrypted, one.id
        assert {seal.maker for seal in seals} <= {"openai-responses"}
        seen["reasoning"] = seen.get("reasoning", 0) + len(encrypted)
    assert seen == {"function_call": 96, "function_call_output": 98, "reasoning": 33}


def walked(response: dict[str, Any]) -> dict[str, Any]:
    """What a response says, walked over its raw JSON."""
    texts: list[str] = []
    found: list[tuple[str, str, str]] = []
    others: list[str] = []
    for item in response["output"]:
        if item["type"] == "message":
            texts += [part["text"] for part in item["content"] if part["type"] == "output_text"]
        elif item["type"] == "function_call":
            found.append((item["call_id"], item["name"], item["arguments"]))
        elif item["type"] != "reasoning":
            others.append(item["type"])
    return {"texts": texts, "calls": found, "others": others, "usage": response.get("usage")}


def check_words(answer: Any, response: dict[str, Any], where: str) -> None:
    raw = walked(response)
    parts = answer.candidates[0].parts
    assert [part.text for part in parts if isinstance(part, Text)] == raw["texts"], where
    assert [(p.id, p.name, p.arguments) for p in parts if isinstance(p, ToolCall)] == raw["calls"], where
    assert [part.kind for part in parts if isinstance(part, NativePart)] == raw["others"], where
    assert not any(isinstance(part, Refusal) for part in parts)
    assert answer.id == response["id"] and answer.model == response["model"], where
    if raw["usage"] is None:
        assert answer.usage is None, where
    else:
        usage = usage_of("openai-responses", "chat", raw["usage"])
        assert answer.usage is not None
        assert answer.usage.total == usage.total == raw["usage"]["total_tokens"], where
        assert answer.usage.reasoning == raw["usage"]["output_tokens_details"]["reasoning_tokens"], where
    finish = answer.candidates[0].finish
    if response["status"] == "queued":
        assert finish is None
    else:
        assert finish.reason == ("tool_calls" if raw["calls"] else "stop"), where
        assert finish.native == response["status"]


def test_every_answer_says_what_its_json_says():
    for one in answers():
        check_words(CODEC.read_answer(one.response.encode()), json.loads(one.response), one.id)


def test_every_stream_folds_to_what_its_last_event_says():
    for one in streams():
        last = raw_events(one.response.encode())[-1]
        answer = folded(one.response.encode())
        check_words(answer, last["response"], one.id)
        assert answer.service_tier == last["response"].get("service_tier"), one.id


def test_every_stream_is_written_back():
    for one in streams():
        body = one.response.encode()
        events = events_of(body)
        assert isinstance(events[-1], Ended)
        assert sum(isinstance(event, Finished) for event in events) == 1
        again = stream_of(events)
        assert fold(events_of(again)) == fold(events), one.id


def test_every_written_stream_gives_the_sdk_the_same_response():
    for one in streams():
        body = one.response.encode()
        again = stream_of(events_of(body))
        kept = [without(sdk_final(each), SEALED_ANEW) for each in (body, again)]
        assert kept[0] == kept[1], one.id


def test_every_written_stream_has_the_same_events_in_the_same_order():
    """All but a few: what was queued begins at once, and what only the last event held is said before it."""
    same = 0
    for one in streams():
        raw = [event["type"] for event in raw_events(one.response.encode())]
        again = [event["type"] for event in raw_events(stream_of(events_of(one.response.encode())))]
        same += raw == again
    assert same >= len(streams()) - 2


def test_every_answer_streamed_gives_the_sdk_the_whole_one():
    for one in answers():
        answer = CODEC.read_answer(one.response.encode())
        if answer.candidates[0].finish is None:
            continue
        body = stream_of(unfold(answer))
        final, whole = sdk_final(body), json.loads(one.response)
        assert without(final, "parsed", "parsed_arguments")["output"] == whole["output"], one.id
        assert final["usage"] == whole["usage"] and final["status"] == whole["status"], one.id


def test_any_chunking_gives_the_same_events():
    chance = random.Random(11)
    for one in streams():
        body = one.response.encode()
        whole = events_of(body)
        sizes = [chance.choice((1, 2, 3, 7, 60, 900)) for _ in range(len(body) + 1)]
        assert events_of(body, sizes=sizes) == whole, one.id


def test_byte_by_byte_gives_the_same_events():
    for one in sorted(streams(), key=lambda one: len(one.response))[:24]:
        body = one.response.encode()
        assert events_of(body, sizes=[1] * len(body)) == events_of(body), one.id


def test_line_ends_of_another_kind_make_no_difference():
    for one in streams()[:8]:
        body = one.response.encode()
        assert events_of(body.replace(b"\n", b"\r\n")) == events_of(body), one.id


def test_a_cut_stream_is_no_ended_one():
    for one in streams():
        body = one.response.encode()
        cut = body[: body.rindex(b"data:") - 40]
        assert not any(isinstance(event, Ended) for event in events_of(cut)), one.id


def test_refused_calls_are_no_answers():
    for one in calls():
        if one.status != 400:
            continue
        with pytest.raises(UpstreamError):
            CODEC.read_answer(one.response.encode())


def test_written_events_of_new_streams_pass_the_sdk_s_types():
    """Of answers that other providers might have given; recorded ones are older than some of its members."""
    for one in answers()[::4]:
        answer = CODEC.read_answer(one.response.encode())
        usage = answer.usage
        parts = tuple(
            part for part in answer.candidates[0].parts if isinstance(part, Text | ToolCall | Reasoning)
        )
        if usage is None or not parts:
            continue
        foreign = foreign_of(answer, parts)
        check_events(stream_of(unfold(foreign)))


def foreign_of(answer: Any, parts: Any) -> Any:
    """The same answer as another dialect would have given it."""
    bare = tuple(msgspec.structs.replace(part, native=None) for part in parts)
    candidate = msgspec.structs.replace(answer.candidates[0], parts=bare, native=None)
    return msgspec.structs.replace(answer, dialect="anthropic", candidates=(candidate,), native=None)
