"""Every recorded call of another dialect, written for Anthropic; every answer, written for its clients."""

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from pydantic import TypeAdapter
from tests.recorded_exchanges import Exchange, recorded
from tests.wire.dialects.anthropic_samples import ASKED, raw_events, sdk_answer, sdk_streamed, written

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatAnswer, ChatCall, Part, Reasoning, Refusal, Text, ToolCall
from headgate.core.events import Ended, Event
from headgate.core.quirks import Quirks
from headgate.wire.dialects.anthropic.codec import CODEC
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.folding import fold, unfold
from headgate.wire.dialects.registry import CODECS

QUIRKS = Quirks(
    output_limit_default=8192,
    temperature_max=1.0,
    has_developer_role=False,
    is_system_first=True,
    is_alternating=True,
    tool_ids="word",
    takes_media_in_results=True,
    schema="native",
    thinking="adaptive",
)
OTHERS: tuple[AnyDialect, ...] = ("openai-chat", "openai-responses", "google")
_PARAMS: TypeAdapter[Any] = TypeAdapter(MessageCreateParamsNonStreaming)
_ID = re.compile(r"[a-zA-Z0-9_-]+")


@cache
def exchanges() -> tuple[tuple[Exchange, AnyDialect, ChatCall], ...]:
    found: list[tuple[Exchange, AnyDialect, ChatCall]] = []
    for one, route in recorded():
        if route.dialect in OTHERS and route.operation == "chat":
            call = CODECS[route.dialect].read_call(one.body, model=route.model, stream=route.stream)
            found.append((one, route.dialect, call))
    return tuple(found)


def forced(value: Any) -> Any:
    """What validating is lazy about, all of it."""
    if hasattr(value, "items"):
        return {name: forced(inner) for name, inner in value.items()}
    if hasattr(value, "__next__") or hasattr(value, "sort"):
        return [forced(inner) for inner in value]
    return value


def test_every_call_passes_the_types_and_the_rules():
    for one, _, call in exchanges():
        body = json.loads(CODEC.write_call(call, QUIRKS, Changes()))
        stream = body.pop("stream", None)
        assert stream is (True if call.stream else None)
        check_rules(one.id, body)
        for setting in ("temperature", "top_p", "top_k"):  # which the types of today's models have no more
            body.pop(setting, None)
        assert forced(_PARAMS.validate_python(body)) == body, one.id


def check_rules(name: str, body: Any) -> None:
    """What Anthropic refuses with 400."""
    roles = [message["role"] for message in body["messages"]]
    assert roles[:1] == ["user"], name
    assert all(first != second for first, second in pairwise(roles)), name
    tools = {tool["name"] for tool in body.get("tools", [])}
    waiting: list[str] = []
    for message in body["messages"]:
        content: Any = message["content"]
        blocks: list[Any] = [{"type": "text", "text": content}] if hasattr(content, "strip") else content
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert sorted(results) == sorted(waiting), name
        assert all(block["type"] == "tool_result" for block in blocks[: len(results)]), name
        calls = [block for block in blocks if block["type"] == "tool_use"]
        assert not calls or tools, name
        waiting = [block["id"] for block in calls]
        assert all(_ID.fullmatch(identifier) for identifier in waiting), name
        assert all(block["text"].strip() for block in blocks if block["type"] == "text"), name
        assert blocks, name
    assert "tool_choice" not in body or tools, name


def said(parts: tuple[Part, ...]) -> dict[str, Any]:
    """What an answer says, wherever its parts begin and end."""
    seals = [part.seal for part in parts if isinstance(part, Text | ToolCall | Reasoning) and part.seal]
    return {
        "text": "".join(part.text for part in parts if isinstance(part, Text | Refusal)),
        "reasoning": "".join(part.text for part in parts if isinstance(part, Reasoning)),
        "calls": [
            (part.name, json.loads(part.arguments or "{}")) for part in parts if isinstance(part, ToolCall)
        ],
        "seals": [(seal.maker, seal.data) for seal in seals],
    }


def check_same(name: str, first: ChatAnswer, second: ChatAnswer) -> None:
    assert said(second.candidates[0].parts) == said(first.candidates[0].parts), name
    finish, again = first.candidates[0].finish, second.candidates[0].finish
    if finish is not None and again is not None:
        reason = "refusal" if finish.reason in ("content_filter", "error") else finish.reason
        assert again.reason == reason, name
    if first.usage is not None and second.usage is not None:
        assert second.usage.total_input == first.usage.total_input, name
        assert second.usage.total_output == first.usage.total_output, name
        assert second.usage.cache_read == first.usage.cache_read, name


def answers() -> Iterator[tuple[Exchange, ChatAnswer]]:
    for one, dialect, _ in exchanges():
        if one.status == 200 and not one.stream and "test_invalid_response" not in one.id:
            yield one, CODECS[dialect].read_answer(one.response.encode())


def test_every_answer_is_heard_by_the_sdk():
    count = 0
    for one, answer in answers():
        body = CODEC.write_answer(answer, ASKED, Changes())
        sdk_answer(body)
        check_same(one.id, answer, CODEC.read_answer(body))
        count += 1
    assert count > 600


def test_every_answer_is_heard_as_a_stream():
    for one, answer in [*answers()][::8]:
        check_heard(one.id, answer, [*unfold(answer)])


def test_every_stream_is_heard_by_the_sdk():
    count = 0
    for one, dialect, _ in exchanges():
        if one.status != 200 or not one.stream:
            continue
        reader = CODECS[dialect].events_in()
        events = reader.feed(one.response.encode()) + reader.end()
        if isinstance(events[-1], Ended):
            check_heard(one.id, fold(events), events)
            count += 1
    assert count > 80


def check_heard(name: str, answer: ChatAnswer, events: list[Event]) -> None:
    body = written(events)
    heard = json.loads(sdk_streamed(body).to_json())
    heard["usage"] |= raw_events(body)[-2][1]["usage"]  # what the SDK leaves out of the last usage
    check_same(name, answer, CODEC.read_answer(json.dumps(heard).encode()))
