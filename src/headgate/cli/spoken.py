"""Messages of a step as people read them: a role and its words on a line, whatever shape they are kept in."""

from typing import Any, cast

import msgspec

from headgate.cli.output import plain

TEXT_MAX = 2000


def spoken(said: Any) -> str:
    """Return messages, or any other value, as text of bounded length."""
    if isinstance(said, list) and said and all(_is_message(each) for each in cast("list[Any]", said)):
        lines = [_line(message) for message in cast("list[dict[str, Any]]", said)]
        text = "\n".join(lines)
    else:
        text = said if isinstance(said, str) else msgspec.json.encode(said).decode()
    # What an application was told may hold codes that a terminal would obey.
    safe = "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text[:TEXT_MAX])
    return safe if len(text) <= TEXT_MAX else safe[: TEXT_MAX - 1] + "…"


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and "role" in value


def _line(message: dict[str, Any]) -> str:
    parts: Any = message.get("parts", message.get("content"))
    pieces = cast("list[Any]", parts) if isinstance(parts, list) else [parts]
    return f"{plain(message['role'])}: {' '.join(_piece(piece) for piece in pieces)}"


def _piece(piece: Any) -> str:
    if isinstance(piece, str):
        return piece
    if isinstance(piece, dict):
        words: Any = cast("dict[str, Any]", piece).get("content", cast("dict[str, Any]", piece).get("text"))
        if isinstance(words, str):
            return words
    return "" if piece is None else msgspec.json.encode(piece).decode()
