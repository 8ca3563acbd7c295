"""Hostile bytes never raise anything but what the contract says, in any reader, and never break a writer."""

import contextlib
import functools
import json
import random
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.dialects.openai_chat_samples import (
    ASKED,
    answers,
    chunk,
    events_of,
    exchanges,
    foreign,
    stream_of,
    streams,
    written,
)

from headgate.core.events import Event
from headgate.core.faults import InvalidRequest, UpstreamError
from headgate.core.quirks import PLAIN, Quirks
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.openai_chat.codec import CODEC

WRONG: list[Any] = [
    None,
    True,
    -1,
    1 << 70,
    1e308,
    "",
    "x",
    "\ud800",
    [],
    [None],
    [[]],
    ["x"],
    {},
    {"": None},
    [{}],
    {"type": 5},
    {"type": "text"},
    {"type": "function", "function": None},
    {"name": 5},
    {"index": -1},
    "data:image/png;base64,",
]
EVERYTHING = Quirks(
    wants_reasoning_back=True,
    is_alternating=True,
    schema_subset="openai-strict",
    tool_ids="nine",
    thinking="budget",
)


def mangled(value: Any, chance: random.Random) -> Any:
    """The same JSON with something wrong somewhere in it."""
    if chance.random() < 0.06:
        return chance.choice(WRONG)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: mangled(one, chance) for name, one in members.items() if chance.random() > 0.02}
    if isinstance(value, list):
        found = [mangled(one, chance) for one in cast("list[Any]", value)]
        return found * 2 if chance.random() < 0.05 else found
    return value


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "replace")


def take_call(body: bytes) -> None:
    with contextlib.suppress(InvalidRequest):
        call = CODEC.read_call(body)
        CODEC.write_call(call, PLAIN, Changes())
        json.loads(CODEC.write_call(foreign(call), EVERYTHING, Changes()))


def take_answer(body: bytes) -> None:
    with contextlib.suppress(UpstreamError):
        answer = CODEC.read_answer(body)
        CODEC.write_answer(answer, ASKED, Changes())
        json.loads(CODEC.write_answer(foreign(answer), ASKED, Changes()))


def fed(body: bytes, size: int) -> tuple[list[Event], str]:
    """The events of a stream fed in pieces of a size, and the error that it ends in."""
    reader = CODEC.events_in()
    events: list[Event] = []
    try:
        for at in range(0, len(body), size):
            events.extend(reader.feed(body[at : at + size]))
        events.extend(reader.end())
    except UpstreamError as error:
        return events, error.message
    return events, ""


def take_stream(body: bytes) -> None:
    events, error = fed(body, len(body) or 1)
    assert fed(body, 7) == (events, error)
    written(events)
    written([foreign(event) for event in events])


@functools.cache
def said_calls() -> list[bytes]:
    return [one.body for one in exchanges()][::7]


@functools.cache
def said_answers() -> list[bytes]:
    return [one.response.encode() for one in answers()][::7]


@functools.cache
def said_streams() -> list[str]:
    return [one.response for one in streams() if len(one.response) < 20_000]


@pytest.mark.parametrize(("take", "bodies"), [(take_call, said_calls), (take_answer, said_answers)])
@settings(derandomize=True)
@given(seed=st.integers(0, 1 << 32), which=st.integers(0, 1 << 16))
def test_wrong_types_anywhere(
    take: Callable[[bytes], None], bodies: Callable[[], list[bytes]], seed: int, which: int
) -> None:
    body = json.loads(bodies()[which % len(bodies())])
    take(encoded(mangled(body, random.Random(seed))))


@settings(derandomize=True)
@given(seed=st.integers(0, 1 << 32), which=st.integers(0, 1 << 16))
def test_wrong_types_in_any_chunk(seed: int, which: int) -> None:
    chance = random.Random(seed)
    lines = said_streams()[which % len(said_streams())].split("\n\n")
    out: list[bytes] = []
    for line in chance.sample(lines, min(len(lines), 12)):
        said = line.startswith("data: {") and chance.random() < 0.5
        out.append(b"data: " + encoded(mangled(json.loads(line[6:]), chance)) if said else line.encode())
    take_stream(b"\n\n".join(out))


@pytest.mark.parametrize("take", [take_call, take_answer, take_stream])
@settings(derandomize=True)
@given(data=st.data())
def test_bytes_that_are_changed_cut_or_made_up(take: Callable[[bytes], None], data: st.DataObject) -> None:
    streamed = [one.encode() for one in said_streams()[:4]]
    body = data.draw(st.sampled_from([*said_calls()[:4], *said_answers()[:4], *streamed]))[:4000]
    start = data.draw(st.integers(0, len(body)))
    put = data.draw(
        st.binary(max_size=6) | st.sampled_from([b"\xff", b"NaN", b"1e999", b"9" * 5000, b"\\ud800"])
    )
    take(body[:start] + put + body[data.draw(st.integers(start, len(body))) :])


DEEP = 900


def deep(depth: int, opening: str = '{"a":', closing: str = "}") -> str:
    return opening * depth + "1" + closing * depth


@pytest.mark.parametrize("depth", [DEEP, 10_000])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
def test_what_is_nested_deeply_is_taken_or_refused(depth: int, opening: str, closing: str) -> None:
    nested = deep(depth, opening, closing)
    take_call(
        f'{{"model": "m", "messages": [{{"role": "user", "content": {nested}}}], "x": {nested}}}'.encode()
    )
    take_call(f'{{"model": "m", "messages": [], "tools": [{{"function": {nested}}}]}}'.encode())
    call = f'{{"id": "a", "function": {{"name": "f", "arguments": {nested}}}}}'
    take_call(f'{{"model": "m", "messages": [{{"role": "assistant", "tool_calls": [{call}]}}]}}'.encode())
    message = f'{{"content": {nested}, "reasoning_details": [{{"type": "x", "y": {nested}}}]}}'
    take_answer(f'{{"choices": [{{"message": {message}}}], "x": {nested}}}'.encode())
    for delta in (f'{{"x": {nested}}}', f'{{"tool_calls": [{call}]}}', message):
        choice = f'{{"delta": {delta}, "finish_reason": "stop"}}'
        take_stream(f'data: {{"choices": [{choice}], "y": {nested}}}\n\n'.encode() * 2)


def test_an_event_that_is_too_large_is_an_error() -> None:
    piece = b"x" * (1 << 20)
    reader = CODEC.events_in()
    with pytest.raises(UpstreamError, match="larger than"):
        for _ in range(18):
            reader.feed(piece)


def test_a_large_event_is_taken() -> None:
    text = "é" * (1 << 22)
    [candidate] = [
        event
        for event in events_of(stream_of(chunk({"content": text})))
        if type(event).__name__ == "TextDelta"
    ]
    assert candidate.text == text  # pyright: ignore


def test_many_choices_and_calls_stay_apart_or_together() -> None:
    entries: list[Any] = [
        {"index": index, "id": f"i{index}", "function": {"name": "f"}} for index in range(2000)
    ]
    body = stream_of(
        chunk({"tool_calls": entries}), {"choices": [{"index": 1 << 40, "delta": {"content": "x"}}]}
    )
    take_stream(body)
