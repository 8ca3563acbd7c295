"""Every recorded exchange of OpenAI's chat and its families goes through the codec and says the same."""

import json
import random
import warnings
from typing import Any

import msgspec
from openai.types.chat import ChatCompletion
from tests.wire.dialects.openai_chat_samples import (
    Said,
    answered,
    answers,
    events_of,
    exchanges,
    foreign,
    gathered,
    sent,
    streams,
    text_in,
    thinking_in,
    usage_said,
    walked,
    written,
)

from headgate.core.chat import ChatAnswer, Reasoning, Refusal, Text, ToolCall
from headgate.core.events import Broke, Ended
from headgate.wire.dialects.folding import fold
from headgate.wire.dialects.openai_chat.codec import CODEC

FINISHES = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls"}


def said_by(answer: ChatAnswer) -> Said:
    [candidate, *_] = answer.candidates
    parts = candidate.parts
    usage = answer.usage
    return Said(
        "".join(part.text for part in parts if isinstance(part, Text)),
        "".join(part.text for part in parts if isinstance(part, Refusal)),
        "".join(part.text for part in parts if isinstance(part, Reasoning)),
        [(part.id, part.name, part.arguments) for part in parts if isinstance(part, ToolCall)],
        candidate.finish.native if candidate.finish is not None else None,
        None if usage is None else (usage.total_input, usage.total_output),
    )


def test_every_stream_says_what_its_bytes_say() -> None:
    for one in streams():
        events = events_of(one.response.encode())
        said, wanted = said_by(fold(events)), walked(one.response)
        assert said == wanted, one.id
        assert any(isinstance(event, Ended) for event in events) == (
            "data: [DONE]" in one.response and not any(isinstance(event, Broke) for event in events)
        ), one.id


def test_every_answer_says_what_its_bytes_say() -> None:
    for one in answers():
        body = json.loads(one.response)
        message = body["choices"][0]["message"]
        said = said_by(CODEC.read_answer(one.response.encode()))
        assert said.text == text_in(message.get("content")), one.id
        assert said.refusal == (message.get("refusal") or ""), one.id
        assert said.reasoning == thinking_in(message), one.id
        wanted = [
            call for call in message.get("tool_calls") or () if call.get("type", "function") == "function"
        ]
        assert [name for _, name, _ in said.calls][: len(wanted)] == [
            call["function"]["name"] for call in wanted
        ]
        assert said.usage == usage_said(body["usage"]), one.id


def cut(body: bytes, chance: random.Random) -> list[bytes]:
    pieces: list[bytes] = []
    position = 0
    while position < len(body):
        size = chance.choice((1, 1, 2, 3, 50, 700, 5000))
        pieces.append(body[position : position + size])
        position += size
    return pieces


def test_every_stream_is_the_same_however_it_is_cut() -> None:
    chance = random.Random(11)
    for one in streams():
        body = one.response.encode()
        whole = events_of(body)
        assert events_of(body, cut(body, chance)) == whole, one.id
        if len(body) < 20_000:
            assert events_of(body, [body[at : at + 1] for at in range(len(body))]) == whole, one.id


def finish_of(said: Said) -> str | None:
    word = said.finish if said.finish is not None else "stop"
    return "tool_calls" if said.calls and word == "stop" else FINISHES.get(word, word)


def test_what_comes_from_elsewhere_is_of_the_sdk_s_types_and_says_the_same() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in answers():
            read = CODEC.read_answer(one.response.encode())
            said = said_by(read)
            body = answered(foreign(read))
            sdk: Any = ChatCompletion.model_validate(body)
            message = sdk.choices[0].message
            assert (message.content or "") == said.text, one.id
            assert (message.refusal or "") == said.refusal, one.id
            calls = [
                (call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()
            ]
            assert [call[1:] for call in calls] == [call[1:] for call in said.calls], one.id
            assert all(identifier for identifier, _, _ in calls)
            assert usage_said(body.get("usage")) == said.usage, one.id
            if not said.refusal and said.finish != "eos":
                assert sdk.choices[0].finish_reason == finish_of(said), one.id


def test_streams_from_elsewhere_are_gathered_by_the_sdk_to_the_same() -> None:
    for one in streams():
        events = events_of(one.response.encode())
        if any(isinstance(event, Broke) for event in events):
            continue
        said = said_by(fold(events))
        snapshot, usage = gathered(written([foreign(event) for event in events]))
        message = snapshot.choices[0].message
        assert (message.content or "") == said.text, one.id
        assert (message.refusal or "") == said.refusal, one.id
        calls = [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()]
        assert calls == said.calls, one.id
        assert usage_said(usage) == said.usage, one.id
        if any(isinstance(event, Ended) for event in events) and not said.refusal:
            assert snapshot.choices[0].finish_reason == finish_of(said), one.id


def test_a_call_from_elsewhere_says_the_same_to_a_provider() -> None:
    """Messages that are arranged anew hold every text and call, and each result directly after its call."""
    for one in exchanges():
        read = CODEC.read_call(one.body)
        if any(type(part).__name__ == "NativePart" for message in read.messages for part in message.parts):
            continue
        body = sent(foreign(read))
        texts = [part.text for message in read.messages for part in message.parts if isinstance(part, Text)]
        told = json.dumps(body["messages"], ensure_ascii=False)
        for text in texts:
            if text.strip():
                assert json.dumps(text.strip()[:80], ensure_ascii=False)[1:-1] in told, one.id
        for place, message in enumerate(body["messages"]):
            if message["role"] == "tool":
                asked = [sent for sent in body["messages"][:place] if sent["role"] == "assistant"][-1]
                assert message["tool_call_id"] in [call["id"] for call in asked["tool_calls"]], one.id
        assert not msgspec.json.encode(body).count(b"reasoning_content"), one.id
