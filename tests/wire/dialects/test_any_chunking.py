"""Any chunking of any stream gives the same events, in every dialect, and the same bytes to every caller."""

import functools
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.wire.dialects.across_walk import ASKED, SOURCES, Answered, answered
from tests.wire.dialects.official_clients import CALLERS

from headgate.core.call import AnyDialect, Dialect
from headgate.core.chat import ChatCall
from headgate.core.events import Event
from headgate.core.quirks import PLAIN
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.registry import CODECS
from headgate.wire.translating import Translation

BYTES_MAX = 6_000
"""Of each stream: what comes later is of the same kinds."""


@functools.cache
def streams(dialect: AnyDialect) -> tuple[Answered, ...]:
    return tuple(one for one in answered() if one.is_stream and one.dialect == dialect)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The bytes, cut at those places; single bytes stand where places follow each other."""
    marks = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(marks)]


places = st.lists(st.integers(0, BYTES_MAX), max_size=40) | st.integers(0, BYTES_MAX).map(
    lambda first: list(range(first, first + 40))
)


@pytest.mark.parametrize("dialect", SOURCES.values())
def test_any_chunking_gives_the_same_events(dialect: AnyDialect):
    found = streams(dialect)

    @settings(max_examples=60)
    @given(st.integers(0, len(found) - 1), places)
    def check(index: int, cuts: list[int]) -> None:
        data = found[index].body[:BYTES_MAX]
        assert events_of(dialect, cut(data, cuts)) == events_of(dialect, [data]), found[index].name

    check()


def events_of(dialect: AnyDialect, pieces: list[bytes]) -> list[Event]:
    reading = CODECS[dialect].events_in()
    return [*(event for piece in pieces for event in reading.feed(piece)), *reading.end()]


@pytest.mark.parametrize("dialect", SOURCES.values())
def test_any_chunking_gives_the_same_bytes_to_a_caller(dialect: AnyDialect):
    found = streams(dialect)

    @settings(max_examples=60)
    @given(st.integers(0, len(found) - 1), st.sampled_from(CALLERS), places)
    def check(index: int, caller: Dialect, cuts: list[int]) -> None:
        data = found[index].body[:BYTES_MAX]
        assert said_to(caller, dialect, cut(data, cuts)) == said_to(caller, dialect, [data])

    check()


def said_to(caller: Dialect, dialect: AnyDialect, pieces: list[bytes]) -> tuple[object, ...]:
    """The bytes, and the facts that relay and settlement go by."""
    translation = Translation.between(caller, dialect, PLAIN)
    assert translation is not None
    call = ChatCall(dialect=caller, model="asked", messages=(), stream=True)
    reading = translation.stream_reader(call, ASKED, Changes())
    said = b"".join([*(reading.feed(piece).data for piece in pieces), reading.end().data])
    return said, reading.usage, reading.finished, reading.error, reading.model, reading.output_bytes
