import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.recorded_exchanges import DIALECTS

from headgate.wire.modelslist import ListedModel, model_body, models_body
from headgate.wire.segments import Message, join, split

LONG = "x" * 80


def message(role: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": LONG}]}


@pytest.mark.parametrize(
    ("dialect", "body", "count"),
    [
        (
            "openai-chat",
            {"model": "m", "messages": [message("user"), message("assistant")], "tools": [LONG]},
            3,
        ),
        ("openai-responses", {"instructions": LONG, "input": [message("user")]}, 2),
        ("openai-responses", {"input": LONG}, 1),
        ("anthropic", {"system": LONG, "messages": [message("user"), message("user")]}, 3),
        ("google", {"contents": [message("user")], "systemInstruction": {"parts": [{"text": LONG}]}}, 2),
        ("openai-chat", {"messages": [{"role": "user", "content": "short"}]}, 0),
        ("openai-chat", {"messages": "no list of messages"}, 0),
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_body_is_cut_into_its_messages(dialect: str, body: dict[str, Any], count: int, indent: int | None):
    raw = json.dumps(body, indent=indent).encode()
    pieces = split(dialect, raw)
    assert join(pieces) == raw
    messages = [json.loads(piece.raw) for piece in pieces if isinstance(piece, Message)]
    assert len(messages) == count


def test_a_conversation_that_grows_keeps_its_messages():
    turns = [message("user"), message("assistant"), message("user")]
    first = {
        p.raw
        for p in split("openai-chat", json.dumps({"messages": turns[:1]}).encode())
        if isinstance(p, Message)
    }
    later = {
        p.raw
        for p in split("openai-chat", json.dumps({"messages": turns}).encode())
        if isinstance(p, Message)
    }
    assert first < later


@given(st.binary(max_size=200), st.sampled_from(DIALECTS))
def test_what_can_not_be_cut_is_one_piece(body: bytes, dialect: str):
    assert join(split(dialect, body)) == body
    assert split(dialect, b'{"messages":[' + body) == [b'{"messages":[' + body] or b"]" in body


def test_models_are_listed_in_every_shape():
    models = [ListedModel(name="assistant"), ListedModel(name="openai/gpt-5", max_output=9, context_window=8)]
    listed = json.loads(models_body("openai", models))
    assert [model["id"] for model in listed["data"]] == ["assistant", "openai/gpt-5"]
    assert json.loads(models_body("anthropic", models))["last_id"] == "openai/gpt-5"
    assert json.loads(models_body("anthropic", []))["first_id"] is None
    assert json.loads(models_body("google", models))["models"][1]["outputTokenLimit"] == 9
    for dialect in DIALECTS:
        assert b"assistant" in model_body(dialect, models[0])
