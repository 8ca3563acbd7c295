"""Takes a request apart into the spans, log records or metrics in it, without reading these. Pure.

Requests of all three signals have one shape: (resource, (scope, item*)*)*. Each item is so read by itself:
one that is broken is refused alone, and no more than one is in memory as more than its bytes. Encoding:
protobuf.dev/programming-guides/encoding. Read next: `otlp.json_form`, which does the same for JSON.
"""

from collections.abc import Iterator

import msgspec

from headgate.traces.otlp.bounds import FIELDS_MAX
from headgate.traces.otlp.reasons import Malformed

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_VARINT_BITS_MAX = 63


class Group(msgspec.Struct, frozen=True):
    """Items of one scope of one resource; `resource` and `scope` are messages as bytes, joined."""

    resource: bytes
    scope: bytes
    items: list[bytes]


def groups(data: bytes) -> Iterator[Group]:
    """Return what a request holds. Raises Malformed where it is cut short, or no such message."""
    reader = _Envelope(data)
    for number, begin, end in reader.fields(0, len(data)):
        if number != 1:
            continue
        resource, scopes = reader.parts(begin, end)
        for begin_scope, end_scope in scopes:
            scope, items = reader.parts(begin_scope, end_scope)
            yield Group(resource, scope, [data[first:last] for first, last in items])


class _Envelope:
    """The fields of one request, and how many of them were read."""

    __slots__ = ("_data", "_read")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._read = 0

    def parts(self, begin: int, end: int) -> tuple[bytes, list[tuple[int, int]]]:
        """Field 1, joined where it stands more than once (which merges it), and where each field 2 lies."""
        head = b""
        rest: list[tuple[int, int]] = []
        for number, first, last in self.fields(begin, end):
            if number == 1:
                head += self._data[first:last]
            elif number == 2:
                rest.append((first, last))
        return head, rest

    def fields(self, position: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Number, begin and end of each field that has a length; the others are passed over."""
        while position < end:
            self._read += 1
            if self._read > FIELDS_MAX:
                raise Malformed(f"the request has more than {FIELDS_MAX} fields; send it in smaller batches")
            tag, position = self._varint(position, end)
            kind = tag & 7
            if kind == _BYTES:
                length, position = self._varint(position, end)
                if length > end - position:
                    raise Malformed(
                        f"the request is cut short: a field at byte {position} has {length} bytes, "
                        f"of which {end - position} are there"
                    )
                yield tag >> 3, position, position + length
                position += length
            elif kind == _VARINT:
                _, position = self._varint(position, end)
            elif kind in (_FIXED_64, _FIXED_32):
                position += 8 if kind == _FIXED_64 else 4
            else:
                raise Malformed(f"the request is no protobuf message: at byte {position} stands no field")
        if position != end:
            raise Malformed("the request is cut short: its last field is not whole")

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while position < end and shift <= _VARINT_BITS_MAX:
            byte = self._data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, position
            shift += 7
        raise Malformed(f"the request is cut short or no protobuf message: no number ends at byte {position}")
