"""Nulls that a strict schema asked for in place of what is optional, left out again. Pure.

Read next: `wire.dialects.schemas`, which makes optional properties nullable.
"""

from typing import Final, cast

import msgspec

from headgate.core.chat import Fields
from headgate.wire.dialects.fields import decode, objects_in
from headgate.wire.dialects.references import named_by

DEPTH_MAX: Final = 64


def without_nulls(text: str, schema: Fields) -> str:
    """The JSON text without the nulls of optional properties whose schema has no null; the same text where
    there are none, or where it is no JSON."""
    if "null" not in text:
        return text
    try:
        value = decode(text)
    except ValueError:
        return text
    changed = _without(value, schema, schema, 0)
    return text if changed is value else msgspec.json.encode(changed).decode()


def _without(value: object, schema: Fields, root: Fields, depth: int) -> object:
    if depth > DEPTH_MAX:
        return value
    schema = _plain(schema, root)
    if isinstance(value, dict):
        return _members(cast("Fields", value), schema, root, depth)
    items = schema.get("items")
    if isinstance(items, dict) and isinstance(value, list):
        old = cast("list[object]", value)
        new = [_without(one, cast("Fields", items), root, depth + 1) for one in old]
        return new if any(a is not b for a, b in zip(new, old, strict=True)) else old
    return value


def _members(value: Fields, schema: Fields, root: Fields, depth: int) -> Fields:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return value
    named = cast("Fields", properties)
    required = schema.get("required")
    needed = cast("list[object]", required) if isinstance(required, list) else []
    found: Fields = {}
    is_changed = False
    for name, one in value.items():
        below = named.get(name)
        if not isinstance(below, dict):
            found[name] = one
            continue
        rules = cast("Fields", below)
        if one is None and name not in needed and not _admits_null(rules, root):
            is_changed = True
            continue
        found[name] = _without(one, rules, root, depth + 1)
        is_changed = is_changed or found[name] is not one
    return found if is_changed else value


def _plain(schema: Fields, root: Fields) -> Fields:
    """The schema that a reference names, and the one beside null."""
    for _ in range(DEPTH_MAX):
        target = schema.get("$ref")
        if isinstance(target, str):
            schema = named_by(root, target) or {}
            continue
        options = [one for one in objects_in(schema.get("anyOf")) or [] if one.get("type") != "null"]
        if len(options) != 1 or "properties" in schema:
            return schema
        schema = options[0]
    return {}


def _admits_null(schema: Fields, root: Fields) -> bool:
    for _ in range(DEPTH_MAX):
        target = schema.get("$ref")
        if not isinstance(target, str):
            break
        schema = named_by(root, target) or {}
    kinds = schema.get("type")
    if kinds == "null" or (isinstance(kinds, list) and "null" in kinds):
        return True
    for name in ("anyOf", "oneOf"):
        if any(one.get("type") in ("null", None) for one in objects_in(schema.get(name)) or []):
            return True
    if "enum" in schema:
        return None in cast("list[object]", schema["enum"]) if isinstance(schema["enum"], list) else True
    return not schema.keys() & {"type", "anyOf", "oneOf", "const", "properties"}
