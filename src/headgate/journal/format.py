"""How an envelope lies in a segment: mark, length, checksum, kind, payload. Pure.

    mark (4 bytes) | length of payload u32 | CRC-32 of kind and payload u32 | kind u16 | payload

Little-endian. The checksum begins with the boot's id, so that bytes which a client has sent, and which lie
inside a payload, are never taken for an entry. A torn tail waits for the rest; anything else that does not
check out is skipped to the next mark that does, and counted. Never guesses.
"""

import struct
import uuid
import zlib
from collections.abc import Iterator

import msgspec

MARK = b"\xabHG\x01"
HEAD = struct.Struct("<4sIIH")
_PACK = HEAD.pack
PAYLOAD_BYTES_MAX = 8 * 1024 * 1024
FILLER = 0
"""The kind of an entry that only takes up room."""


class Entry(msgspec.Struct, frozen=True):
    """One entry, and the offset in its segment at which the next one begins."""

    kind: int
    payload: bytes
    next_offset: int


class Damage(msgspec.Struct, frozen=True):
    """Bytes that were no entry, up to the offset at which reading goes on."""

    skipped_bytes: int
    next_offset: int


def seed_of(boot: uuid.UUID) -> int:
    """Return what the checksums of a boot's entries begin with."""
    return zlib.crc32(boot.bytes)


def frame(kind: int, payload: bytes, seed: int) -> bytes:
    """Return an entry as it is written. Raises ValueError for a payload of more than 8 MiB."""
    return frame_seeded(kind, payload, kind_seed(kind, seed))


def kind_seed(kind: int, seed: int) -> int:
    """Return what the checksums of a boot's entries of one kind begin with."""
    return zlib.crc32(kind.to_bytes(2, "little"), seed)


def frame_seeded(kind: int, payload: bytes, seeded: int) -> bytes:
    """Return an entry as it is written, from its kind's seed. Raises as `frame` does."""
    length = len(payload)
    if length > PAYLOAD_BYTES_MAX:
        raise ValueError(f"a payload of {length} bytes is more than {PAYLOAD_BYTES_MAX}")
    return _PACK(MARK, length, zlib.crc32(payload, seeded), kind) + payload


def entries(data: bytes, offset: int, seed: int, *, final: bool) -> Iterator[Entry | Damage]:
    """Read the entries of a piece of a segment that begins at `offset`.

    An entry that `data` holds only in part ends the reading; where the segment is `final` (nothing is added
    to it any more) what is left over is damage.
    """
    position = 0
    while position < len(data):
        found = _entry_at(data, position, seed)
        if isinstance(found, tuple):
            kind, payload, end = found
            yield Entry(kind, payload, offset + end)
            position = end
            continue
        if found and not final:
            return
        following = _next_valid(data, position + 1, seed, final=final)
        yield Damage(following - position, offset + following)
        position = following


def _entry_at(data: bytes, position: int, seed: int) -> tuple[int, bytes, int] | bool:
    """An entry, or whether what stands there may be the beginning of one."""
    if len(data) - position < HEAD.size:
        head = data[position : position + len(MARK)]
        return MARK.startswith(head)
    mark, length, checksum, kind = HEAD.unpack_from(data, position)
    if mark != MARK or length > PAYLOAD_BYTES_MAX:
        return False
    end = position + HEAD.size + length
    if end > len(data):
        return True
    payload = data[position + HEAD.size : end]
    if zlib.crc32(payload, zlib.crc32(kind.to_bytes(2, "little"), seed)) != checksum:
        return False
    return kind, payload, end


def _next_valid(data: bytes, position: int, seed: int, *, final: bool) -> int:
    """The next place where an entry stands, or, unless final, where one may begin; else the end."""
    start = position
    while (position := data.find(MARK, position)) >= 0:
        found = _entry_at(data, position, seed)
        if isinstance(found, tuple) or (found and not final):
            return position
        position += 1
    if final:
        return len(data)
    # The last bytes may be the beginning of a mark that is still being written.
    for length in range(min(len(MARK) - 1, len(data) - start), 0, -1):
        if MARK.startswith(data[-length:]):
            return len(data) - length
    return len(data)
