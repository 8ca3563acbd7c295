"""What goes into a function and comes out of it, as JSON text: bounded, and without secrets.

Never changes a value and never fails for one. What JSON can't say becomes its repr. Read next: `sdk.spans`.
"""

import functools
import json
import math
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, cast

import msgspec

from headgate.sdk.border import attempted

TEXT_BYTES_MAX: Final = 65_536
"""Of one captured value, as JSON in UTF-8."""
DEPTH_MAX: Final = 20
MASK: Final = "***"
CUT: Final = "…"

_NODE: Final = 4
"""What a value counts against the bound, beside its text."""
_INTEGER_BITS_MAX: Final = 63
_NAMED: Final = (
    r"(?:api[_-]?key|secret|password|passwd|pwd|(?<!max_)token|authorization|credentials?|private[_-]?key"
    r"|access[_-]?key|cookie|bearer)"
)
_SECRET: Final = re.compile(rf"{_NAMED}$", re.IGNORECASE)
_SECRET_IN_REPR: Final = re.compile(
    rf"({_NAMED}['\"]?\s*[=:]\s*)('(?:[^'\\]|\\.)*'?|\"(?:[^\"\\]|\\.)*\"?)", re.IGNORECASE
)
_encode = msgspec.json.Encoder().encode


@functools.lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Say whether what goes by this name is masked, as `api_key`, `authorization` and `accessToken` are."""
    return len(name) < 200 and _SECRET.search(name) is not None


def captured(value: object) -> str:
    """Return a value as JSON text of at most 64 KiB."""
    plain = _Walk().plain(value, 0)
    try:
        encoded = _encode(plain)
    except (UnicodeEncodeError, msgspec.MsgspecError):
        # A half of a surrogate pair: no UTF-8 says it, but an escape does.
        encoded = json.dumps(plain, default=str).encode()
    if len(encoded) > TEXT_BYTES_MAX:
        # Of what is cut no byte takes more than two, since JSON holds no control character.
        part = encoded[: TEXT_BYTES_MAX // 2 - 8].decode("utf-8", "ignore")
        encoded = _encode(part + CUT)
    return encoded.decode()


def captured_text(text: str) -> str:
    """Return a text, cut to 64 KiB."""
    if len(text) <= TEXT_BYTES_MAX // 4:
        return text
    cut = text[:TEXT_BYTES_MAX].encode("utf-8", "replace")[: TEXT_BYTES_MAX - 8]
    return text if len(cut) == len(text) else cut.decode("utf-8", "ignore") + CUT


class _Walk:
    """One walk through a value, with what is left of its bound."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = TEXT_BYTES_MAX

    def plain(self, value: object, depth: int) -> Any:
        """Return a value of JSON's own kinds that says what this one does."""
        self._left -= _NODE
        if self._left <= 0 or depth > DEPTH_MAX:
            return CUT
        if value is None or value is True or value is False:
            return value
        match value:
            case str():
                return self._text(str.__str__(value))
            case int():
                bits = value.bit_length()
                return int(value) if bits <= _INTEGER_BITS_MAX else f"<whole number of {bits} bits>"
            case float():
                return float(value) if math.isfinite(value) else str(float(value))
            case bytes() | bytearray() | memoryview():
                return f"<{len(cast('bytes', value))} bytes>"
            case list() | tuple() | set() | frozenset():
                return self._items(cast("Iterable[object]", value), depth)
            case Mapping():
                return self._members(cast("Mapping[object, object]", value), depth)
            case _:
                return self._object(value, depth)

    def _text(self, text: str) -> str:
        if len(text) > self._left:
            text = text[: self._left] + CUT
        self._left -= len(text)
        return text

    def _items(self, values: Iterable[object], depth: int) -> list[Any]:
        items: list[Any] = []
        for value in values:
            items.append(self.plain(value, depth + 1))
            if self._left <= 0:
                break
        return items

    def _members(self, values: Mapping[object, object], depth: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for name, value in islice(values.items(), TEXT_BYTES_MAX):
            text = str.__str__(name) if isinstance(name, str) else attempted(repr, name, "?")
            text = self._text(text[:200])
            members[text] = MASK if is_secret(text) and value is not None else self.plain(value, depth + 1)
            if self._left <= 0:
                break
        return members

    def _object(self, value: object, depth: int) -> Any:
        kind = type(value)
        for names in ("__dataclass_fields__", "__struct_fields__", "model_fields"):
            fields = getattr(kind, names, None)
            if isinstance(fields, dict | tuple):
                parts = {
                    str(name): getattr(value, str(name), None) for name in cast("Iterable[object]", fields)
                }
                return self._members(cast("Mapping[object, object]", parts), depth)
        text = attempted(repr, value, f"<{kind.__name__}, whose repr raises>")
        return self._text(_SECRET_IN_REPR.sub(rf"\1'{MASK}'", text[: self._left + 1]))
