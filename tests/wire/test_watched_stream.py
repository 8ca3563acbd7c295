"""Streams watched on their way out: all passes but the end, in any chunking, and what they said is known."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flow.structured_pieces import PIECES, google_chunks

from headgate.core.call import AnyDialect
from headgate.core.chat import ChatAnswer, Text
from headgate.wire.dialects.registry import codec_of
from headgate.wire.watched_stream import WatchedStream

SAID = '{"name": "Ada"}'
DIALECTS: tuple[AnyDialect, ...] = ("openai-chat", "openai-responses", "anthropic", "google")


def watched(dialect: AnyDialect, *, is_array: bool = False) -> WatchedStream:
    codec = codec_of(dialect)
    assert codec is not None
    return WatchedStream(codec.events_in(), is_array=is_array)


def text_of(answer: ChatAnswer | None) -> str:
    assert answer is not None
    (candidate,) = answer.candidates
    assert candidate.finish is not None and candidate.finish.reason == "stop"
    return "".join(part.text for part in candidate.parts if isinstance(part, Text))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:stop] for start, stop in pairwise(edges)]


CUTS = st.lists(st.integers(0, 5_000), max_size=12)


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=25)
@given(places=CUTS)
def test_all_but_the_end_passes_in_any_chunking(dialect: AnyDialect, places: list[int]) -> None:
    pieces = PIECES[dialect](SAID)
    watch = watched(dialect)
    passed = b"".join(watch.take(piece) for piece in cut(b"".join(pieces), places))
    assert passed == b"".join(pieces if dialect == "google" else pieces[:-1])
    assert text_of(watch.answer()) == SAID
    assert passed + watch.release() == b"".join(pieces)
    assert watch.is_over and watch.take(b"more") == b"more"


def test_the_end_of_an_array_is_its_last_bracket() -> None:
    """Its items come whole: so the readers before give them."""
    items = [json.dumps(chunk).encode() for chunk in google_chunks(SAID)]
    watch = watched("google", is_array=True)
    passed = b"".join(watch.take(piece) for piece in (b"[" + items[0], b",\r\n" + items[1], b"\r\n]\r\n"))
    assert passed == b"[" + items[0] + b",\r\n" + items[1] + b"\r\n"
    assert text_of(watch.answer()) == SAID and watch.release() == b"]\r\n"
    whole = b"[" + b",".join(items) + b"]"
    inner = whole.index(b"]") + 1
    cut = watched("google", is_array=True)
    assert cut.take(whole[:inner]) == whole[: inner - 1], "it may be the end"
    assert cut.take(whole[inner : inner + 9]) == whole[inner - 1 : inner + 9], "it was not"
    again = watched("google", is_array=True)
    assert b"".join(again.take(piece) for piece in [whole]) == whole[:-1]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_passes_once_it_is_cut(dialect: AnyDialect) -> None:
    pieces = PIECES[dialect](SAID)
    watch = watched(dialect)
    for piece in pieces:
        watch.take(piece)
    watch.cut()
    assert watch.is_over and watch.take(b"data: [DONE]\n\n") == b"" and watch.release() == b""


def test_each_piece_passes_at_once() -> None:
    for dialect in DIALECTS:
        watch = watched(dialect)
        pieces = PIECES[dialect](SAID)
        assert [watch.take(piece) for piece in pieces[:-1]] == pieces[:-1], dialect


def test_what_can_t_be_read_is_passed_and_said() -> None:
    watch = watched("google")
    hostile = b"data: {nothing}\n\n"
    assert watch.take(hostile) == hostile
    assert watch.answer() is None and "JSON" in watch.fault
    empty = watched("openai-chat")
    assert empty.answer() is None and not empty.fault


def test_an_event_that_no_blank_line_ended_is_read_and_not_lost() -> None:
    *pieces, last = PIECES["openai-chat"](SAID)
    watch = watched("openai-chat")
    passed = b"".join(watch.take(piece) for piece in [*pieces, last.rstrip()])
    assert text_of(watch.answer()) == SAID
    assert passed + watch.release() == b"".join([*pieces, last.rstrip()])
