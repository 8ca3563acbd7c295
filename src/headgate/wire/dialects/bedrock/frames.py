"""Amazon's binary event stream: frames of a prelude, headers and a payload, both checksums checked. Sans-I/O.

Knows nothing of what the events mean. Source: the specification of `vnd.amazon.event-stream`, where a frame
is total length, length of the headers and their CRC (four bytes each), headers, payload, and the CRC of
all before it. Read next: `streams_in`, which gives the frames their meaning.
"""

import struct
import zlib
from typing import Final

import msgspec

from headgate.core.faults import UpstreamError

FRAME_BYTES_MAX: Final = 16 * 1024 * 1024
"""Of one frame in all; what claims to be longer is refused before it is waited for."""
HEADER_BYTES_MAX: Final = 128 * 1024
HEADERS_KEPT_MAX: Final = 32
KEPT_BYTES_MAX: Final = 512

PRELUDE_BYTES: Final = 12
CRC_BYTES: Final = 4
LEAST_BYTES: Final = PRELUDE_BYTES + CRC_BYTES

_prelude = struct.Struct("!III").unpack_from
_number = struct.Struct("!I").unpack_from
_length = struct.Struct("!H").unpack_from

_TEXT: Final = 7
_SIZES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""How many bytes a header's value takes, by its type; types 6 (bytes) and 7 (text) say it themselves."""

Headers = dict[str, str]


class Frame(msgspec.Struct, frozen=True):
    """One frame. Of its headers only texts are kept, and by name."""

    headers: Headers
    payload: bytes


class FrameReader:
    """Takes a stream apart into frames, cut anywhere; keeps nothing but an unfinished frame."""

    __slots__ = ("_buffer", "_failure", "_kept", "_wanted")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._wanted = PRELUDE_BYTES
        self._failure: UpstreamError | None = None
        # Frames of one kind have the same headers byte for byte: they are read once.
        self._kept: dict[bytes, Headers] = {}

    @property
    def is_idle(self) -> bool:
        """Whether no frame has begun."""
        return not self._buffer

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes; return the frames that they end. Raises UpstreamError for what is no frame;
        where frames come before it, by the next call."""
        self.check()
        self._buffer += data
        if len(self._buffer) < self._wanted:
            return []
        frames: list[Frame] = []
        try:
            self._read(frames)
        except UpstreamError as error:
            self._failure = error
            if not frames:
                raise
        return frames

    def check(self) -> None:
        """Raise the UpstreamError that the stream has come to, if it has."""
        if self._failure is not None:
            raise self._failure

    def _read(self, frames: list[Frame]) -> None:
        buffer = self._buffer
        position, available = 0, len(buffer)
        while True:
            left = available - position
            if left < PRELUDE_BYTES:
                self._wanted = PRELUDE_BYTES
                break
            total, header_bytes, checksum = _prelude(buffer, position)
            if zlib.crc32(buffer[position : position + 8]) != checksum:
                raise UpstreamError("the provider's event stream is broken: a prelude has a wrong checksum")
            _check_lengths(total, header_bytes)
            if left < total:
                self._wanted = total
                break
            frames.append(self._frame(bytes(buffer[position : position + total]), header_bytes))
            position += total
        if position:
            del buffer[:position]

    def _frame(self, frame: bytes, header_bytes: int) -> Frame:
        end = len(frame) - CRC_BYTES
        if zlib.crc32(frame[:end]) != _number(frame, end)[0]:
            raise UpstreamError("the provider's event stream is broken: a frame has a wrong checksum")
        start = PRELUDE_BYTES + header_bytes
        block = frame[PRELUDE_BYTES:start]
        headers = self._kept.get(block)
        if headers is None:
            headers = read_headers(block)
            if len(self._kept) < HEADERS_KEPT_MAX and len(block) <= KEPT_BYTES_MAX:
                self._kept[block] = headers
        return Frame(headers, frame[start:end])


def _check_lengths(total: int, header_bytes: int) -> None:
    if total > FRAME_BYTES_MAX:
        raise UpstreamError(
            f"the provider's event stream has a frame of {total} bytes; at most {FRAME_BYTES_MAX} are read"
        )
    if total < LEAST_BYTES or header_bytes > min(total - LEAST_BYTES, HEADER_BYTES_MAX):
        raise UpstreamError("the provider's event stream is broken: a frame's lengths do not fit together")


def read_headers(block: bytes) -> Headers:
    """Read the texts among a frame's headers, by name. Raises UpstreamError for what are no headers."""
    headers: Headers = {}
    position, end = 0, len(block)
    try:
        while position < end:
            size = block[position]
            name = block[position + 1 : position + 1 + size].decode()
            position += 1 + size
            kind = block[position]
            position += 1
            if kind in _SIZES:
                position += _SIZES[kind]
                continue
            if kind not in (_TEXT, 6):
                raise UpstreamError(f"the provider's event stream has a header of the unknown type {kind}")
            length = _length(block, position)[0]
            position += 2
            if kind == _TEXT:
                headers[name] = block[position : position + length].decode()
            position += length
    except (IndexError, struct.error, UnicodeDecodeError):
        position = end + 1
    if position > end:
        raise UpstreamError("the provider's event stream is broken: a frame's headers are cut")
    return headers


def write_frame(headers: Headers, payload: bytes) -> bytes:
    """Write one frame; all headers are texts."""
    pieces: list[bytes] = []
    for name, value in headers.items():
        label, text = name.encode(), value.encode()
        pieces.append(b"%c%b%c%b%b" % (len(label), label, _TEXT, len(text).to_bytes(2, "big"), text))
    block = b"".join(pieces)
    lengths = struct.pack("!II", LEAST_BYTES + len(block) + len(payload), len(block))
    frame = b"".join((lengths, struct.pack("!I", zlib.crc32(lengths)), block, payload))
    return frame + struct.pack("!I", zlib.crc32(frame))
