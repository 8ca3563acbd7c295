"""Amazon's event stream as bytes: frames of the specification, cut anywhere, and broken in every way."""

import struct
import zlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.wire.dialects.bedrock_samples import answers, event, frame, stream_of

from headgate.core.faults import UpstreamError
from headgate.wire.dialects.bedrock.frames import (
    FRAME_BYTES_MAX,
    Frame,
    FrameReader,
    read_headers,
    write_frame,
)

# Two frames of the specification's own examples.
EMPTY = bytes.fromhex("00000010 00000000 05c248eb 7d98c8ff")
NUMBER = (
    b"\x00\x00\x00+\x00\x00\x00\x0e4\x8b\xec{\x08event-id\x04\x00\x00\xa0\x0c{'foo':'bar'}\xd3\x89\x02\x85"
)


def read(data: bytes, sizes: list[int] | None = None) -> list[Frame]:
    reader = FrameReader()
    frames: list[Frame] = []
    position, turn = 0, 0
    while position < len(data):
        size = sizes[turn % len(sizes)] if sizes else len(data)
        frames += reader.feed(data[position : position + size])
        position += size
        turn += 1
    assert reader.is_idle
    return frames


def test_frames_of_the_specification_are_read():
    assert read(EMPTY) == [Frame({}, b"")]
    assert read(NUMBER) == [Frame({}, b"{'foo':'bar'}")]  # a header that is a number says nothing to us
    assert read(EMPTY + NUMBER + EMPTY, [1]) == [Frame({}, b""), Frame({}, b"{'foo':'bar'}"), Frame({}, b"")]
    assert write_frame({}, b"") == EMPTY


def test_headers_of_every_type_are_passed_over_to_the_texts():
    block = (
        b"\x01a\x00" b"\x01b\x01" b"\x01c\x02\x07" b"\x01d\x03\x00\x07" b"\x01e\x04\x00\x00\x00\x07"
        b"\x01f\x05" + bytes(8) + b"\x01g\x06\x00\x02hi" b"\x01h\x07\x00\x03yes" b"\x01i\x08" + bytes(8)
        + b"\x01j\x09" + bytes(16) + b"\x01k\x07\x00\x00"
    )  # fmt: skip
    assert read_headers(block) == {"h": "yes", "k": ""}
    for end in range(1, len(block)):
        try:
            read_headers(block[:end])
        except UpstreamError as error:
            assert "headers are cut" in str(error)
    with pytest.raises(UpstreamError, match="unknown type 10"):
        read_headers(b"\x01a\x0a")


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.text(max_size=20), st.text(max_size=50), max_size=4), st.binary(max_size=300)
        ),
        max_size=6,
    ),
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
)
def test_what_is_written_is_read_however_it_is_cut(
    frames: list[tuple[dict[str, str], bytes]], sizes: list[int]
):
    stream = b"".join(write_frame(headers, payload) for headers, payload in frames)
    assert [(one.headers, one.payload) for one in read(stream, sizes)] == frames


def test_what_is_written_is_what_the_specification_says():
    headers = {":event-type": "messageStart", ":message-type": "event"}
    assert write_frame(headers, b'{"role":"assistant"}') == frame(headers, b'{"role":"assistant"}')


@pytest.mark.parametrize("place", range(len(NUMBER)))
def test_trap_18_a_bit_that_flips_anywhere_is_found(place: int):
    """In the lengths, a checksum, the headers or the payload: no frame comes of it, and none is awaited."""
    broken = bytearray(NUMBER)
    broken[place] ^= 0x20
    with pytest.raises(UpstreamError, match="event stream"):
        read(bytes(broken) + EMPTY)


def prelude(total: int, headers: int) -> bytes:
    lengths = struct.pack("!II", total, headers)
    return lengths + struct.pack("!I", zlib.crc32(lengths))


@pytest.mark.parametrize(
    ("total", "headers", "said"),
    [
        (FRAME_BYTES_MAX + 1, 0, "at most 16777216"),
        (0xFFFFFFFF, 0, "at most 16777216"),
        (15, 0, "lengths do not fit"),
        (0, 0, "lengths do not fit"),
        (20, 5, "lengths do not fit"),
        (1_000_000, 0xFFFFFFFF, "lengths do not fit"),
        (1_000_000, 128 * 1024 + 1, "lengths do not fit"),
    ],
)
def test_lengths_that_can_not_be_are_refused_before_anything_is_waited_for(
    total: int, headers: int, said: str
):
    with pytest.raises(UpstreamError, match=said):
        FrameReader().feed(prelude(total, headers))


def test_the_longest_frame_is_read_and_not_looked_through_again_and_again():
    payload = bytes(FRAME_BYTES_MAX - 16)
    whole = write_frame({}, payload)
    assert len(whole) == FRAME_BYTES_MAX
    reader = FrameReader()
    frames: list[Frame] = []
    for start in range(0, len(whole), 4096):
        frames += reader.feed(whole[start : start + 4096])
    assert [len(one.payload) for one in frames] == [len(payload)]
    with pytest.raises(UpstreamError, match="at most"):
        FrameReader().feed(write_frame({}, payload + b"x"))


@given(st.binary(max_size=200))
@example(b"HTTP/1.1 500 Internal Server Error\r\n\r\n")
@example(b'{"message":"no stream at all"}')
def test_whatever_comes_is_frames_or_an_error(data: bytes):
    reader = FrameReader()
    try:
        reader.feed(data)
    except UpstreamError:
        return
    assert len(data) < 12 or data[:16] == EMPTY


def test_headers_that_are_kept_are_bounded():
    reader = FrameReader()
    stream = b"".join(event(f"kind{number}", {}) for number in range(200))
    assert len(reader.feed(stream)) == 200
    assert len(reader._kept) <= 32


def test_amazons_own_reader_reads_what_is_written_and_what_is_read_here():
    """The reader of Amazon's SDK, where it is installed, as the second opinion on both directions."""
    eventstream: Any = pytest.importorskip("botocore.eventstream")
    for _, raw in answers()[::10]:
        stream = stream_of(raw)
        rewritten = b"".join(write_frame(one.headers, one.payload) for one in read(stream))
        assert rewritten == stream
        buffer = eventstream.EventStreamBuffer()
        buffer.add_data(rewritten)
        theirs = [(one.headers, one.payload) for one in buffer]
        assert theirs == [(one.headers, one.payload) for one in read(stream)]
