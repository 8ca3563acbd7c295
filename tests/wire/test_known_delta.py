"""Events that are told by comparing with one before say and relay just what reading each of them would."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Dialect
from headgate.wire.known_delta import KnownDelta
from headgate.wire.streams import reader

TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["", '"', "\\", "\n\n", 'a"b', "\\n", "}", '","usage":null}', "content", "é", "😀", "index"]
    ),
)
USAGES = st.sampled_from([None, None, None, {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}])


@st.composite
def chat_events(draw: st.DrawFn) -> dict[str, Any]:
    """A chunk, most often a text delta, in one of few shapes."""
    delta: dict[str, Any] = {"content": draw(TEXTS)}
    kind = draw(st.sampled_from(["plain"] * 12 + ["role", "reasoning", "tool", "no delta"]))
    if kind == "role":
        delta = {"role": "assistant", **delta}
    elif kind == "reasoning":
        delta["reasoning_content"] = draw(TEXTS)
    elif kind == "tool":
        delta = {"tool_calls": [{"index": 0, "function": {"arguments": draw(TEXTS)}}]}
    choice: dict[str, Any] = {"index": draw(st.sampled_from([0, 0, 0, 1])), "delta": delta}
    if kind == "no delta":
        choice = {"index": 0, "text": draw(TEXTS)}
    choice["finish_reason"] = draw(st.sampled_from([None] * 9 + ["stop"]))
    chunk: dict[str, Any] = {"id": "c", "model": "m", "choices": [choice]}
    usage = draw(st.sampled_from(["none", "null", "null", "null first", "sum"]))
    if usage == "null first":
        chunk = {"usage": None, **chunk}
    elif usage != "none":
        chunk["usage"] = draw(USAGES) if usage == "sum" else None
    return chunk


@st.composite
def anthropic_events(draw: st.DrawFn) -> dict[str, Any]:
    """A content block's delta of one kind or another."""
    kind = draw(st.sampled_from(["text"] * 8 + ["thinking", "partial_json", "signature"]))
    delta = {"type": f"{kind}_delta", kind: draw(TEXTS)}
    return {"type": "content_block_delta", "index": draw(st.sampled_from([0, 0, 0, 1])), "delta": delta}


def written(chunks: list[dict[str, Any]], *, ascii_only: bool) -> list[bytes]:
    made = [
        b"data: " + json.dumps(chunk, ensure_ascii=ascii_only).encode("utf-8", "ignore") for chunk in chunks
    ]
    return [event + b"\n\n" for event in [*made, b'data: {"choices": [], "error": null}', b"data: [DONE]"]]


def facts(dialect: Dialect, events: list[bytes], *, strip: bool) -> tuple[bytes, list[bool], object]:
    """All that a reader relays, after which events it would commit, and what it knows at the end."""
    found = reader(dialect, "chat", strip_usage=strip)
    seen = [found.feed(event) for event in events]
    said = (found.usage, found.usage_raw, found.finished, found.error, found.output_bytes, found.model)
    return b"".join(event.data for event in seen), [event.commits for event in seen], said


@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic"])
@given(data=st.data(), strip=st.booleans(), ascii_only=st.booleans())
def test_what_is_like_a_known_event_is_told_as_if_it_were_read(
    data: st.DataObject, dialect: Dialect, strip: bool, ascii_only: bool
) -> None:
    kinds = chat_events() if dialect == "openai-chat" else anthropic_events()
    events = written(data.draw(st.lists(kinds, max_size=30)), ascii_only=ascii_only)
    # With a number of its own before it, no event is like another, and each is read.
    numbered = [b"id: %d\n%b" % (number, event) for number, event in enumerate(events)]
    relayed, commits, said = facts(dialect, events, strip=strip)
    read, committed, known = facts(dialect, numbered, strip=strip)
    assert relayed == re.sub(rb"(?m)^id: \d+\n", b"", read)
    assert (commits, said) == (committed, known)
    whole = reader(dialect, "chat", strip_usage=strip).feed(b"".join(events)).data
    assert whole == relayed, "however they arrive"


def test_only_the_text_may_differ() -> None:
    event = b'data: {"a": {"content": "one"}, "usage": null}\n\n'
    known = KnownDelta.of(event, event.replace(b', "usage": null', b""), b'"one"')
    assert known is not None
    other = event.replace(b"one", rb"t\"w\u00e9o")
    text = known.text_of(other)
    assert text == rb"t\"w\u00e9o"
    assert known.relayed(other, text) == rb'data: {"a": {"content": "t\"w\u00e9o"}}' + b"\n\n"
    for unlike in (
        event.replace(b"one", b""),
        event.replace(b"one", b'one", "finish_reason": "stop'),
        event.replace(b"one", b"one\\"),
        event.replace(b"one", b"one\n"),
        event.replace(b"one", rb"\x"),
        event.replace(b"null", b"{}"),
        event + event,
        b'data: {"a": {"content": "}, "usage": null}\n\n',
    ):
        assert known.text_of(unlike) is None, unlike
    assert KnownDelta.of(b'{"one": "one"}', b'{"one": "one"}', b'"one"') is None
