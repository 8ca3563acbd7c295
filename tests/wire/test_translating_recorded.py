"""Recorded answers and streams through the facade: the facts that relay and settlement work with are the same
as those of a stream that is passed through, whichever dialect the caller speaks."""

import functools
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.recorded_exchanges import Exchange, recorded

from headgate.core.call import AnyDialect, Dialect
from headgate.core.chat import ChatCall
from headgate.core.quirks import PLAIN
from headgate.wire.answers import read_answer
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.model import Asked
from headgate.wire.model import Route, StreamReader
from headgate.wire.streams import reader as passed_reader
from headgate.wire.translated_stream import TranslatedStream
from headgate.wire.translating import Translation

CALLERS: tuple[Dialect, ...] = ("openai-chat", "openai-responses", "anthropic", "google")
NO_ANSWER = "pydantic-ai/test_openai/test_invalid_response#0"
"""A provider that echoes the call: no answer of any dialect."""
ASKED = Asked(model="asked", request_id="req-1", created_s=1)


def between(own: AnyDialect, other: AnyDialect) -> Translation:
    made = Translation.between(own, other, PLAIN)
    assert made is not None
    return made


def call_of(dialect: AnyDialect) -> ChatCall:
    return ChatCall(dialect=dialect, model="asked", messages=(), stream=True)


@functools.cache
def streams() -> tuple[tuple[Exchange, Route], ...]:
    return tuple(
        (one, route)
        for one, route in recorded()
        if one.stream and one.status < 300 and route.operation == "chat" and route.dialect in CALLERS
    )


@functools.cache
def answers() -> tuple[tuple[Exchange, Route], ...]:
    return tuple(
        (one, route)
        for one, route in recorded()
        if not one.stream
        and one.status < 300
        and route.operation == "chat"
        and route.dialect in CALLERS
        and one.id != NO_ANSWER
    )


def facts_of(reader: StreamReader) -> tuple[object, ...]:
    """What the caller hears as the answer's id is Headgate's own where the provider gives none."""
    heard = reader.response_id or ASKED.request_id
    return (reader.usage, reader.service_tier, reader.model, heard, reader.error is None)


def read(reader: StreamReader, data: bytes, size: int) -> bytes:
    said = [reader.feed(data[start : start + size]).data for start in range(0, len(data), size)]
    return b"".join([*said, reader.end().data])


def translated(
    own: Dialect, other: AnyDialect, data: bytes, size: int = 4096
) -> tuple[TranslatedStream, bytes]:
    reader = between(own, other).stream_reader(call_of(own), ASKED, Changes())
    return reader, read(reader, data, size)


@pytest.mark.parametrize("own", CALLERS)
def test_trap_11_a_translated_stream_has_the_facts_of_a_passed_one(own: Dialect) -> None:
    """Usage, tier and the model that served are what the price depends on."""
    seen = 0
    for one, route in streams():
        data = one.response.encode()
        passed = passed_reader(route.dialect, "chat", strip_usage=False)
        read(passed, data, 4096)
        reader, said = translated(own, route.dialect, data)
        assert facts_of(reader) == facts_of(passed), one.id
        assert bool(said), one.id
        if reader.error is None:
            assert reader.finished == passed.finished, one.id
        seen += 1
    assert seen > 50


@pytest.mark.parametrize("own", CALLERS)
def test_trap_11_a_translated_answer_has_the_facts_of_a_passed_one(own: Dialect) -> None:
    seen = 0
    for one, route in answers():
        data = one.response.encode()
        made = between(own, route.dialect).answer(data, call_of(own), ASKED, Changes())
        facts = read_answer(route.dialect, "chat", data)
        heard = facts.response_id or ASKED.request_id
        assert made.facts == msgspec.structs.replace(facts, response_id=heard), one.id
        assert made.body.startswith(b"{"), one.id
        seen += 1
    assert seen > 300


def test_any_chunking_says_the_same() -> None:
    found = streams()

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, len(found) - 1), st.sampled_from(CALLERS), st.integers(1, 400))
    def check(index: int, own: Dialect, size: int) -> None:
        one, route = found[index]
        data = one.response.encode()[:20_000]
        whole, first = translated(own, route.dialect, data, len(data) or 1)
        pieces, second = translated(own, route.dialect, data, size)
        assert first == second
        assert facts_of(whole) == facts_of(pieces)

    check()


def test_trap_17_a_stream_that_is_cut_is_not_finished() -> None:
    """Wherever it is cut, before its last event: not finished, whatever the caller speaks."""
    for one, route in streams()[::3]:
        data = one.response.encode()
        for own in CALLERS:
            if own != route.dialect:
                reader, _ = translated(own, route.dialect, data[: len(data) // 2])
                assert not reader.finished, one.id


def test_every_dialect_of_a_caller_has_a_codec() -> None:
    for own in get_args(Dialect):
        made = Translation.between(own, "bedrock", PLAIN)
        assert (made is None) == (own == "openai")
