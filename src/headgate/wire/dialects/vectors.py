"""Vectors as numbers and as base64 of little-endian floats of four bytes, as OpenAI defines it. Pure."""

import base64
import binascii
import struct
import sys
from array import array
from typing import cast

from headgate.core.embedding import Vector

FLOAT_MAX = 3.4028234663852886e38


def values_of(vector: Vector) -> tuple[float, ...]:
    """The numbers of a vector. Raises ValueError for data that are none."""
    if not vector.data:
        return vector.values
    try:
        data = base64.b64decode(vector.data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"a vector is no base64: {error}") from None
    if _is_double(data):
        return cast("tuple[float, ...]", struct.unpack(f"<{len(data) // 8}d", data))
    if len(data) % 4:
        raise ValueError(f"a vector of {len(data)} bytes is no row of floats of four bytes")
    return cast("tuple[float, ...]", struct.unpack(f"<{len(data) // 4}f", data))


def _is_double(data: bytes) -> bool:
    """Whether the floats have eight bytes, as some servers write them. Of numbers that were shorter once, the
    first three bytes of every eight are zero then; no vector of shorter floats looks so."""
    return (
        len(data) >= 64 and len(data) % 8 == 0 and not (any(data[0::8]) or any(data[1::8]) or any(data[2::8]))
    )


def data_of(vector: Vector) -> str:
    """The base64 of a vector. Raises ValueError for numbers that no float of four bytes holds."""
    if vector.data:
        data = base64.b64decode(vector.data) if len(vector.data) % 4 == 0 else b""
        if not _is_double(data):
            return vector.data
    try:
        floats = array("f", values_of(vector))
    except (OverflowError, TypeError) as error:
        raise ValueError(f"a vector holds what is no float of four bytes: {error}") from None
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode("ascii")
