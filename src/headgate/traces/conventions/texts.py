"""Values of attributes as text, numbers and JSON: what can't be read is None, and nothing ever raises.

Every length has a bound. Read next: `conventions.said`.
"""

from typing import Any, Final, cast

import msgspec

SHORT: Final = 200
"""Characters of an id or a name."""
CONTENT: Final = 1 << 20
"""Characters of an input, an output, or all attributes of a span, as JSON."""
_SHORTER: Final = (65_536, 4_096, 256, 16)
_MEMBERS: Final = 2_000
"""Members of a list or object that stay when it has to be shortened."""
_DEPTH: Final = 60

_decode = msgspec.json.Decoder().decode
_raw = msgspec.json.Decoder(msgspec.Raw).decode
_encode = msgspec.json.Encoder().encode


def short_text(value: object, limit: int = SHORT) -> str | None:
    """Text of at most `limit` characters; a number becomes its digits, JSON text what it says."""
    if type(value) is not str:
        if type(value) is int:
            return str(value)[:limit]
        return None
    if value[:1] == '"' and value[-1:] == '"':
        inner = parsed(value)
        value = inner if isinstance(inner, str) else value
    value = value.strip()
    return value[:limit] or None


def parsed(text: str) -> Any:
    """What a JSON text says; None where it is none, or too deep to read."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def decoded(value: object) -> Any:
    """The value, or what it says where it is the text of a JSON object or list."""
    if type(value) is str:
        if value[:1] in "[{" or value.lstrip()[:1] in "[{":
            found = parsed(value)
            return value if found is None else found
        return value
    return value


def json_text(value: object) -> str:
    """JSON text of a value; of a text that is JSON itself, that text."""
    if type(value) is str and value[:1] in ("[", "{", '"'):
        try:
            _raw(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return encoded(value)
        return value
    return encoded(value)


def encoded(value: object) -> str:
    """JSON text of a value; what JSON cannot say is replaced."""
    try:
        return _encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _encode(_sayable(value, _DEPTH)).decode()


def bounded(text: str, limit: int = CONTENT) -> tuple[str, bool]:
    """JSON text of at most about `limit` characters, and whether it had to be shortened.

    Long texts within it lose their ends first, so that its shape stays.
    """
    if len(text) <= limit:
        return text, False
    value = parsed(text)
    for longest in _SHORTER:
        value = _shortened(value, longest, _DEPTH)
        text = encoded(value)
        if len(text) <= limit:
            return text, True
    return encoded(text[: limit // 2]), True


def _sayable(value: object, depth: int) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth and isinstance(value, dict):
        members = cast("dict[object, object]", value)
        return {_sayable(str(name), 0): _sayable(member, depth - 1) for name, member in members.items()}
    if depth and isinstance(value, list | tuple):
        return [_sayable(member, depth - 1) for member in cast("list[object]", value)]
    return type(value).__name__


def _shortened(value: object, longest: int, depth: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else f"{value[:longest]}…"
    if isinstance(value, dict):
        members = list(cast("dict[str, object]", value).items())[:_MEMBERS]
        return {name[:SHORT]: _shortened(member, longest, depth - 1) for name, member in members if depth}
    if isinstance(value, list):
        items = cast("list[object]", value)[:_MEMBERS]
        return [_shortened(member, longest, depth - 1) for member in items if depth]
    return value


def number_of(value: object) -> float | None:
    """A finite number, also from its digits."""
    if type(value) is str:
        try:
            value = float(value[:SHORT])
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if found - found == 0 else None


def texts_of(value: object, most: int, limit: int = SHORT) -> tuple[str, ...] | None:
    """Texts from a list of them, a JSON list, or one text; each once."""
    value = decoded(value)
    if isinstance(value, list | tuple):
        items = cast("list[object]", value)
        found = [text for item in items[: most * 4] if (text := short_text(item, limit))]
        return tuple(dict.fromkeys(found))[:most] or None
    text = short_text(value, limit)
    return (text,) if text else None
