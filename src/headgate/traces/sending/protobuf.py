"""Writes protobuf, as far as OTLP needs it, and reads the few fields of its answers. Pure.

A message is bytes; a field is a number and a value. Source: protobuf.dev, "Encoding"; the .proto files of
opentelemetry-proto 1.7.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5
_SKIPPED: Final = {_FIXED64: 8, _FIXED32: 4}


def varint(value: int) -> bytes:
    """A whole number of at most 64 bits; negative ones as their two's complement."""
    value &= 0xFFFF_FFFF_FFFF_FFFF
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def number(field: int, value: int) -> bytes:
    """A field of a whole number, an enum or a bool."""
    return varint(field << 3 | _VARINT) + varint(value)


def fixed(field: int, value: int) -> bytes:
    """A field of 64 bits."""
    return varint(field << 3 | _FIXED64) + struct.pack("<Q", value)


def double(field: int, value: float) -> bytes:
    """A field of a floating point number."""
    return varint(field << 3 | _FIXED64) + struct.pack("<d", value)


def data(field: int, value: bytes) -> bytes:
    """A field of bytes, or of a message."""
    return varint(field << 3 | _BYTES) + varint(len(value)) + value


def text(field: int, value: str) -> bytes:
    """A field of text; what is no Unicode in it is replaced."""
    return data(field, value.encode("utf-8", "replace"))


def packed_fixed(field: int, values: Iterable[int]) -> bytes:
    """A field of many numbers of 64 bits."""
    return data(field, b"".join([struct.pack("<Q", value) for value in values]))


def packed_doubles(field: int, values: Iterable[float]) -> bytes:
    """A field of many floating point numbers."""
    return data(field, b"".join([struct.pack("<d", value) for value in values]))


def any_value(value: object) -> bytes:
    """An OTLP `AnyValue`: a text, truth, number, or a list of these."""
    match value:
        case bool():
            return number(2, value)
        case int():
            return number(3, value)
        case float():
            return double(4, value)
        case list() | tuple():
            items = cast("Iterable[object]", value)
            return data(5, b"".join([data(1, any_value(item)) for item in items]))
        case _:
            return text(1, str(value))


def attributes(field: int, values: Mapping[str, Any]) -> bytes:
    """Fields of OTLP's `KeyValue`; what is None, empty text or an empty list is left out."""
    return b"".join(
        [
            data(field, text(1, name) + data(2, any_value(value)))
            for name, value in values.items()
            if value is not None and value != "" and value != () and value != []
        ]
    )


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: numbers, and bytes. Raises ValueError for what is none."""
    place = 0
    while place < len(message):
        tag, place = _read(message, place)
        kind = tag & 7
        if kind == _VARINT:
            value, place = _read(message, place)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            length, place = _read(message, place)
        elif kind in _SKIPPED:
            length = _SKIPPED[kind]
        else:
            raise ValueError(f"a field of the unknown type {kind}")
        if place + length > len(message):
            raise ValueError("a field that ends beyond its message")
        yield tag >> 3, message[place : place + length]
        place += length


def _read(message: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            break
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number that does not end")
