"""Writes TOML of the few shapes that a headgate.toml has. Pure; the standard library only reads it.

Format: TOML 1.0.0, "Basic Strings" and "Bare keys".
"""

import re
from typing import Any, cast

import msgspec

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Inline(dict[str, Any]):
    """A table that is written on one line."""


def write_toml(document: dict[str, Any]) -> str:
    """Write tables of tables, lists of tables, and values; empty ones are left out."""
    blocks: list[str] = []
    for section, content in document.items():
        if isinstance(content, list):
            blocks.extend(
                f"[[{_key(section)}]]\n{_lines(table)}" for table in cast("list[dict[str, Any]]", content)
            )
        else:
            blocks.extend(
                f"[{_key(section)}.{_key(name)}]\n{_lines(table)}" for name, table in content.items()
            )
    return "\n\n".join(blocks)


def _lines(table: dict[str, Any]) -> str:
    return "\n".join(f"{_key(name)} = {_value(value)}" for name, value in table.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return "{ " + ", ".join(f"{_key(name)} = {_value(item)}" for name, item in items) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in cast("list[Any]", value)) + "]"
    return _json(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _json(name)


def _json(value: Any) -> str:
    # JSON's strings, numbers and booleans are TOML's, but for DEL, which TOML takes only escaped.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
