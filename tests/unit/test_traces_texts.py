"""What of a step is searched for: what was said, and not how JSON writes it down."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.traces.keeping.texts import TEXT_BYTES_MAX, words_of


def messages(*contents: object, role: str = "user") -> str:
    parts = [{"type": "text", "content": content} for content in contents]
    return json.dumps([{"role": role, "parts": [part]} for part in parts])


def test_messages_give_their_texts_the_newest_first() -> None:
    assert words_of(messages("good morning", "where is it?")) == "where is it?\ngood morning"
    assert words_of("", messages("done"), "plain text") == "done\nplain text"


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (
            {"type": "tool_call", "id": "c1", "name": "find", "arguments": {"id": "A-17", "n": 3}},
            "find\nA-17\n3",
        ),
        ({"type": "tool_call", "id": "c1", "name": "find", "arguments": '{"city": "Oslo"}'}, "find\nOslo"),
        (
            {"type": "tool_call_response", "id": "c1", "result": ["sunny", {"t": 4.5, "ok": True}]},
            "sunny\n4.5",
        ),
        ({"type": "blob", "mime_type": "image/png", "content": "x" * 5000}, ""),
        ({"type": "text", "content": "{not json}"}, "{not json}"),
    ],
)
def test_parts_give_what_they_hold(part: object, text: str) -> None:
    assert words_of(json.dumps([{"role": "assistant", "parts": [part], "finish_reason": "stop"}])) == text


def test_older_messages_and_other_values_give_theirs() -> None:
    said = [
        {"role": "user", "content": [{"type": "text", "text": "hello"}]},
        {"role": "user", "content": "bye"},
    ]
    assert words_of(json.dumps(said)) == "bye\nhello"
    assert words_of(json.dumps({"query": "red shoes", "id": "u-1"})) == "red shoes\nu-1"
    assert words_of('"just text"') == "just text" and words_of("17") == "17" and words_of("null") == ""


def test_json_that_was_cut_gives_its_words_at_least() -> None:
    assert words_of('[{"role": "user", "content": "first one"}, {"con').split() == [
        *("role", "user", "content", "first", "one", "con"),
    ]
    assert words_of('econd", "n": "third"}]').split() == ["econd", "n", "third"]


def test_what_is_too_long_loses_its_end() -> None:
    words = words_of(messages("old " * 20_000, "ü" * 100 + " new " * 20_000))
    assert len(words.encode()) <= TEXT_BYTES_MAX and words.startswith("ü") and "old" not in words


def test_depth_has_an_end() -> None:
    deep: object = "deepest"
    for _ in range(100):
        deep = [deep]
    assert words_of(json.dumps([deep, "near"])) == "near"


@given(st.lists(st.text(max_size=200), max_size=4))
def test_any_text_is_taken_bounded_and_without_what_a_database_refuses(parts: list[str]) -> None:
    words = words_of(*parts)
    assert "\0" not in words and len(words.encode()) <= TEXT_BYTES_MAX


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(JSON)
def test_any_json_is_taken(value: object) -> None:
    words_of(json.dumps(value))
