"""The words of a step: texts of messages, arguments and results of tools, documents; not JSON's syntax. Pure.

What is newest comes first, so that a long history loses its beginning and not its end. Read next:
`keeping.words`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import msgspec

TEXT_BYTES_MAX: Final = 64 * 1024
BLOB_CHARACTERS: Final = 1000
"""A text as long as this without any space is no text: an image in base64, say."""
DEPTH_MAX: Final = 64

_SAID_ELSEWHERE: Final = frozenset({"role", "type", "finish_reason", "mime_type", "modality", "id"})
"""What a message or a part of one says beside its content."""
_SYNTAX: Final = str.maketrans(dict.fromkeys('{}[]":,\\', " "))


def words_of(*parts: str) -> str:
    """Return the text of JSON values, in their order, cut to 64 KiB; what is no JSON is text itself."""
    found: list[str] = []
    room = TEXT_BYTES_MAX
    for part in parts:
        for text in _texts_of(part):
            if len(text) > BLOB_CHARACTERS and not any(map(str.isspace, text[:BLOB_CHARACTERS])):
                continue
            data = text.encode("utf-8", "replace")[:room]
            found.append(data.decode("utf-8", "ignore").replace("\0", " "))
            room -= len(data) + 1
            if room <= 0:
                return "\n".join(found)
    return "\n".join(found)


def _texts_of(part: str) -> Iterator[str]:
    if not part:
        return
    try:
        value = msgspec.json.decode(part)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        # Plain text, or JSON that was cut.
        yield part.translate(_SYNTAX) if part[0] in "[{" or part[-1] in "]}" else part
        return
    yield from _messages(value) if _is_messages(value) else _strings(value, 0)


def _is_messages(value: object) -> bool:
    messages = cast("list[object]", value) if isinstance(value, list) else []
    return bool(messages) and all(_is_message(one) for one in messages)


def _is_message(value: object) -> bool:
    return isinstance(value, dict) and ("parts" in value or "role" in value)


def _messages(value: Any) -> Iterator[str]:
    """The texts of messages, the last one first."""
    for message in reversed(cast("list[dict[str, Any]]", value)):
        for name, content in message.items():
            if name in _SAID_ELSEWHERE:
                continue
            parts = cast("list[Any]", content) if isinstance(content, list) else [content]
            for one in parts:
                yield from _part(one)


def _part(part: object) -> Iterator[str]:
    if not isinstance(part, dict):
        yield from _strings(part, 0)
        return
    for name, value in cast("Mapping[str, Any]", part).items():
        if name not in _SAID_ELSEWHERE:
            yield from _strings(value, 0)


def _strings(value: object, depth: int) -> Iterator[str]:
    """All texts and numbers in a value, and in JSON that stands in a text, as arguments of tools do."""
    if depth > DEPTH_MAX:
        return
    if isinstance(value, str):
        inner = _json_in(value)
        if inner is None:
            yield value
        else:
            yield from _strings(inner, depth + 1)
    elif isinstance(value, dict):
        for one in cast("Mapping[str, Any]", value).values():
            yield from _strings(one, depth + 1)
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _strings(one, depth + 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _json_in(text: str) -> object:
    if text[:1] not in ("{", "[") or text[-1:] not in ("}", "]"):
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
