"""Recorded bodies are read as answers whichever way they were sent; what is none is none, and no error."""

import json
from typing import Any

import pytest

from headgate.core.chat import ChatAnswer, Text
from headgate.traces.lineage.calls import with_call
from headgate.traces.lineage.model import Step
from headgate.wire.dialects.recorded import read_recorded

CHUNK = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
SAID = {"candidates": [{"content": {"role": "model", "parts": [{"text": "yes"}]}, "finishReason": "STOP"}]}
WHOLE = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}]
}
CHOICES: tuple[dict[str, Any], ...] = (
    {"delta": {"role": "assistant", "content": "yes"}},
    {"delta": {}, "finish_reason": "stop"},
)
EVENTS = "".join(
    f"data: {json.dumps({**CHUNK, 'choices': [{'index': 0, **choice}]})}\n\n" for choice in CHOICES
)


def texts(answer: ChatAnswer | None) -> list[str]:
    assert answer is not None
    return [part.text for one in answer.candidates for part in one.parts if isinstance(part, Text)]


@pytest.mark.parametrize(
    ("dialect", "body", "content_type"),
    [
        ("openai-chat", json.dumps({**CHUNK, "object": "chat.completion", **WHOLE}), "application/json"),
        ("openai-chat", EVENTS + "data: [DONE]\n\n", "text/event-stream; charset=utf-8"),
        ("google", json.dumps(SAID), "application/json"),
        ("google", f"data: {json.dumps(SAID)}\n\n", "text/event-stream"),
        ("google", json.dumps([SAID]), "application/json; charset=UTF-8"),
    ],
)
def test_an_answer_is_read_whole_as_events_and_as_an_array(
    dialect: str, body: str, content_type: str
) -> None:
    assert texts(read_recorded(dialect, body.encode(), content_type)) == ["yes"]
    step = with_call(Step(id="", start_us=0, end_us=0), dialect, b"{}", body.encode(), content_type)
    assert [text.value for text in step.outputs] == ["yes"]


@pytest.mark.parametrize(
    ("dialect", "body", "content_type"),
    [
        ("openai-chat", b"", "application/json"),
        ("openai-chat", b'{"error": {"message": "no"}}', "application/json"),
        ("openai-chat", b": still there\n\n", "text/event-stream"),
        ("openai-chat", b'data: {"choices"', "text/event-stream"),
        ("google", b"[]", "application/json"),
        ("openai", b'{"data": []}', "application/json"),
    ],
)
def test_what_is_no_answer_says_nothing(dialect: str, body: bytes, content_type: str) -> None:
    assert read_recorded(dialect, body, content_type) is None
    step = with_call(Step(id="", start_us=0, end_us=0), dialect, b"{}", body, content_type)
    assert step.outputs == ()
