"""Attributes and their values, from messages to plain Python, within bounds. Pure.

What is longer, more or deeper than the bounds is left out, and `Kept` remembers that.
"""

import base64
import math
from collections.abc import Iterable
from typing import Any

from headgate.traces.otlp.bounds import (
    ATTRIBUTES_MAX,
    LIST_MAX,
    NAME_CHARACTERS_MAX,
    NESTING_MAX,
    SMALL_SPAN_BYTES_MAX,
    SMALL_VALUE_BYTES_MAX,
    SPAN_BYTES_MAX,
    VALUE_BYTES_MAX,
)

CUT = "cut"
"""The flag of a span of which something was left out."""


class Kept:
    """How much of one span, log record or data point was kept so far, and what was left out of it."""

    __slots__ = ("_room", "_value_bytes_max", "left_out")

    def __init__(self, *, is_small: bool = False) -> None:
        self._room = SMALL_SPAN_BYTES_MAX if is_small else SPAN_BYTES_MAX
        self._value_bytes_max = SMALL_VALUE_BYTES_MAX if is_small else VALUE_BYTES_MAX
        self.left_out: list[str] = []

    def text(self, text: str, name: str) -> str:
        """Return a text, or its head and tail where it is too long or too much came before."""
        length = len(text)
        if length * 4 > self._value_bytes_max:
            length = len(text.encode("utf-8", "replace"))
            most = min(self._value_bytes_max, max(0, self._room))
            if length > most:
                self.left_out.append(f"{name[:100]} has {length} bytes and was cut to {most}")
                text = _head_and_tail(text, length, most)
                length = most
        elif length > self._room:
            self.left_out.append(f"{name[:100]} was left out: the rest takes all the room of a span")
            self._room -= 1
            return ""
        self._room -= length
        return text

    def name(self, name: str) -> str:
        """Return a name, cut where it is too long."""
        if len(name) > NAME_CHARACTERS_MAX:
            self.left_out.append(f"the name {name[:40]!r} has {len(name)} characters and was cut")
            name = name[:NAME_CHARACTERS_MAX]
        self._room -= len(name)
        return name


def attributes(pairs: Iterable[Any], kept: Kept, of: str = "attributes") -> dict[str, Any]:
    """Return a list of `KeyValue` by name; of those with the same name the last counts."""
    found: dict[str, Any] = {}
    dropped = 0
    for pair in pairs:
        name = pair.key
        if len(found) >= ATTRIBUTES_MAX and name not in found:
            dropped += 1
        else:
            found[kept.name(name)] = value_of(pair.value, kept, name)
    if dropped:
        kept.left_out.append(f"{of}: {dropped} beyond {ATTRIBUTES_MAX} were left out")
    return found


def value_of(value: Any, kept: Kept, name: str, depth: int = 0) -> Any:
    """Return an `AnyValue` as plain Python; None where it says none."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return kept.text(value.string_value, name)
    if kind == "int_value":
        return value.int_value
    if kind == "double_value":
        number = value.double_value
        return number if math.isfinite(number) else str(number)
    if kind == "bool_value":
        return value.bool_value
    if kind == "bytes_value":
        return kept.text(base64.b64encode(value.bytes_value).decode("ascii"), name)
    if kind in ("array_value", "kvlist_value"):
        return _nested(value, kind, kept, name, depth)
    return None


def _nested(value: Any, kind: str, kept: Kept, name: str, depth: int) -> Any:
    members = value.array_value.values if kind == "array_value" else value.kvlist_value.values
    if depth >= NESTING_MAX:
        kept.left_out.append(f"{name[:100]} lies deeper than {NESTING_MAX}, and was left out")
        return [] if kind == "array_value" else {}
    if len(members) > LIST_MAX:
        left_out = len(members) - LIST_MAX
        kept.left_out.append(f"{name[:100]}: {left_out} members beyond {LIST_MAX} were left out")
        members = members[:LIST_MAX]
    if kind == "array_value":
        return [value_of(member, kept, name, depth + 1) for member in members]
    return {kept.name(member.key): value_of(member.value, kept, name, depth + 1) for member in members}


def _head_and_tail(text: str, length: int, most: int) -> str:
    note = f"\n[... {length - most} bytes cut ...]\n"
    room = max(0, most - len(note))
    tail = room // 4
    data = text.encode("utf-8", "replace")
    head = data[: room - tail].decode("utf-8", "ignore")
    return head + note + (data[-tail:].decode("utf-8", "ignore") if tail else "")
