"""Nulls that a strict schema asked for in place of what is optional, left out again. Pure.

Where a schema leaves a choice, an option counts whose strict form the value could have: all of its properties
and none beside. Read next: `wire.dialects.schemas`, which makes optional properties nullable.
"""

from collections.abc import Sequence
from typing import Final, cast

import msgspec

from headgate.core.chat import Fields
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import decode, objects_in
from headgate.wire.dialects.references import merged, named_by

DEPTH_MAX: Final = 64
STEPS_MAX: Final = 50_000
"""Schemas looked at for one text; what is left then stays as it is. A few lines can stand for billions."""

_CHOICES: Final = ("anyOf", "oneOf")
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}


def without_nulls(text: str, schema: Fields) -> str:
    """The JSON text without the nulls of optional properties whose schema has no null; the same text where
    there are none, or where it is no JSON."""
    if "null" not in text:
        return text
    try:
        value = decode(text)
    except ValueError:
        return text
    changed = _Leaving(schema).value(value, schema, 0)
    return text if changed is value else msgspec.json.encode(changed).decode()


class _Leaving:
    """One text and the schema that it keeps to."""

    def __init__(self, root: Fields) -> None:
        self._root = root
        self._steps = 0

    def value(self, value: object, schema: Fields, depth: int) -> object:
        """The value without those nulls; the same object where it has none."""
        if depth > DEPTH_MAX or not isinstance(value, dict | list):
            return value
        schema = self._node(schema)
        if isinstance(value, dict):
            value = self._members(cast("Fields", value), schema, depth)
        else:
            value = self._items(cast("list[object]", value), schema, depth)
        option = self._option(value, schema, depth)
        return value if option is None else self.value(value, option, depth + 1)

    def _items(self, value: list[object], schema: Fields, depth: int) -> list[object]:
        items = schema.get("items")
        if not isinstance(items, dict):
            return value
        new = [self.value(one, cast("Fields", items), depth + 1) for one in value]
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value

    def _members(self, value: Fields, schema: Fields, depth: int) -> Fields:
        named = _properties(schema)
        needed = _listed(schema, "required")
        found: Fields = {}
        is_changed = False
        for name, one in value.items():
            rules = named.get(name)
            if not isinstance(rules, dict):
                found[name] = one
                continue
            below = cast("Fields", rules)
            if one is None and name not in needed and not self._admits_null(below, 0):
                is_changed = True
                continue
            found[name] = self.value(one, below, depth + 1)
            is_changed = is_changed or found[name] is not one
        return found if is_changed else value

    def _option(self, value: object, schema: Fields, depth: int) -> Fields | None:
        """The option that the value keeps to, of a schema that leaves a choice."""
        for word in _CHOICES:
            options = objects_in(schema.get(word))
            if not options:
                continue
            found = next((one for one in options if self._fits(value, one, depth + 1)), None)
            if found is not None:
                return found
            left = [one for one in options if one.get("type") != "null"]
            return left[0] if len(left) == 1 else None
        return None

    def _node(self, schema: Fields) -> Fields:
        """The schema that a reference names, with what stands beside it, and its `allOf` made part of it."""
        for _ in range(DEPTH_MAX):
            self._steps += 1
            if self._steps > STEPS_MAX:
                return {}
            target = schema.get("$ref")
            if isinstance(target, str):
                beside = {name: one for name, one in schema.items() if name != "$ref"}
                schema = {**(named_by(self._root, target) or {}), **beside}
            elif "allOf" in schema:
                parts = [self._referred(one) for one in objects_in(schema["allOf"]) or []]
                schema = merged({**schema, "allOf": parts}, Changes(), "")
            else:
                return schema
        return {}

    def _referred(self, schema: Fields) -> Fields:
        return self._node(schema) if "$ref" in schema else schema

    def _admits_null(self, schema: Fields, depth: int) -> bool:
        """Whether the schema admits null for sure: where it is optional, leaving it out is right as well."""
        schema = self._node(schema)
        if depth > DEPTH_MAX or self._steps > STEPS_MAX or schema.keys() & {"properties", "not", "if"}:
            return False
        kinds = schema.get("type", "null")
        if kinds != "null" and not (isinstance(kinds, list) and "null" in kinds):
            return False
        if "enum" in schema and None not in _listed(schema, "enum"):
            return False
        if schema.get("const") is not None:
            return False
        for word in _CHOICES:
            options = objects_in(schema.get(word)) or []
            count = sum(self._admits_null(one, depth + 1) for one in options)
            if word in schema and (count == 0 or (word == "oneOf" and count > 1)):
                return False
        return True

    def _fits(self, value: object, schema: Fields, depth: int) -> bool:
        """Whether the strict form of a schema could have admitted the value."""
        schema = self._node(schema)
        if depth > DEPTH_MAX or self._steps > STEPS_MAX or not _is_of(value, schema):
            return False
        if isinstance(value, dict) and not self._fits_members(cast("Fields", value), schema, depth):
            return False
        if isinstance(value, list):
            items = cast("list[object]", value)
            rules = schema.get("items")
            if isinstance(rules, dict) and not all(
                self._fits(one, cast("Fields", rules), depth + 1) for one in items
            ):
                return False
        choices = [objects_in(schema[word]) or [] for word in _CHOICES if word in schema]
        plain = cast("object", value)
        return all(any(self._fits(plain, one, depth + 1) for one in options) for options in choices)

    def _fits_members(self, value: Fields, schema: Fields, depth: int) -> bool:
        named = _properties(schema)
        if "properties" not in schema and "type" not in schema:
            return True  # it is its options that say more
        needed = _listed(schema, "required")
        return value.keys() == named.keys() and all(
            (one is None and name not in needed) or self._fits(one, cast("Fields", named[name]), depth + 1)
            for name, one in value.items()
            if isinstance(named[name], dict)
        )


def _properties(schema: Fields) -> Fields:
    named = schema.get("properties")
    return cast("Fields", named) if isinstance(named, dict) else {}


def _listed(schema: Fields, name: str) -> Sequence[object]:
    value = schema.get(name)
    return cast("list[object]", value) if isinstance(value, list) else ()


def _is_of(value: object, schema: Fields) -> bool:
    """Whether what a schema says of plain values admits this one."""
    kinds = schema.get("type")
    names = cast("list[object]", kinds) if isinstance(kinds, list) else [kinds]
    if kinds is not None and not any(_is_kind(value, name) for name in names):
        return False
    if "enum" in schema and not any(_is_same(value, one) for one in _listed(schema, "enum")):
        return False
    if "const" in schema and not _is_same(value, schema["const"]):
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _is_within(value, schema)
    if isinstance(value, list):
        count = len(cast("list[object]", value))
        least, most = schema.get("minItems", 0), schema.get("maxItems", count)
        return not (isinstance(least, int) and count < least) and not (isinstance(most, int) and count > most)
    return True


def _is_kind(value: object, name: object) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _KINDS.get(str(name), ()))


def _is_same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _is_within(number: float, schema: Fields) -> bool:
    bounds = {
        name: schema.get(name) for name in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
    }
    known = {name: bound for name, bound in bounds.items() if isinstance(bound, int | float)}
    return not (
        number < known.get("minimum", number)
        or number > known.get("maximum", number)
        or ("exclusiveMinimum" in known and number <= known["exclusiveMinimum"])
        or ("exclusiveMaximum" in known and number >= known["exclusiveMaximum"])
    )
