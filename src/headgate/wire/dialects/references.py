"""References of a JSON schema put in place, and `allOf` made one. Pure; never fetches what lies elsewhere.

Read next: `wire.dialects.schemas`.
"""

from typing import Final, cast
from urllib.parse import unquote

from headgate.core.chat import Fields
from headgate.wire.dialects.changes import Changes

RECURSION_MAX: Final = 3
"""How often a definition is put into itself; below that it admits anything."""

NODES_MAX: Final = 20_000
"""Of a schema with its references in place; a few lines can stand for billions."""

DEPTH_MAX: Final = 200
"""Of nesting with references in place."""

_DEFINITIONS: Final = ("$defs", "definitions")


def expanded(schema: Fields, changes: Changes, where: str, *, keeps_recursion: bool = False) -> Fields:
    """The schema with each reference replaced by what it names, and what its own node says beside it.

    With `keeps_recursion`, references to what holds them stay, with the definitions that they need.
    """
    walking = _Walk(schema, changes, keeps_recursion=keeps_recursion)
    found = walking.node(schema, where, ())
    if walking.kept:
        found["$defs"] = walking.definitions(where)
    return found


class _Walk:
    """One schema while its references are put in place."""

    def __init__(self, root: Fields, changes: Changes, *, keeps_recursion: bool) -> None:
        self._root = root
        self._changes = changes
        self._keeps = keeps_recursion
        self._nodes = 0
        self._depth = 0
        self.kept: dict[str, str] = {}

    def node(self, schema: Fields, where: str, path: tuple[str, ...]) -> Fields:
        """One schema; `path` holds the references that led here."""
        self._nodes += 1
        if self._nodes > NODES_MAX or self._depth > DEPTH_MAX:
            self._changes.alter(where, "the schema is too large with its references in place")
            return {}
        self._depth += 1
        try:
            target = schema.get("$ref")
            if isinstance(target, str):
                return self._followed(schema, target, where, path)
            return {
                name: self._member(name, value, f"{where}.{name}", path)
                for name, value in schema.items()
                if name not in _DEFINITIONS
            }
        finally:
            self._depth -= 1

    def definitions(self, where: str) -> Fields:
        """The definitions that references were kept to."""
        found: Fields = {}
        waiting = list(self.kept.items())
        while waiting:
            target, name = waiting.pop()
            if name in found:
                continue
            schema = named_by(self._root, target)
            found[name] = self.node(schema if schema is not None else {}, f"{where}.$defs.{name}", (target,))
            waiting.extend(item for item in self.kept.items() if item[1] not in found)
        return found

    def _followed(self, schema: Fields, target: str, where: str, path: tuple[str, ...]) -> Fields:
        named = named_by(self._root, target)
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        if named is None:
            self._changes.alter(f"{where}.$ref", "names nothing in this schema: anything is admitted here")
            return self.node(beside, where, path)
        if self._keeps and (target in path or target == "#"):
            return self._kept(target, beside, where)
        if path.count(target) >= RECURSION_MAX:
            self._changes.alter(
                f"{where}.$ref", f"holds itself: below {RECURSION_MAX} times anything is admitted"
            )
            return {}
        return self.node({**named, **beside}, where, (*path, target))

    def _kept(self, target: str, beside: Fields, where: str) -> Fields:
        if beside.keys() - {"description", "title"}:
            self._changes.alter(
                f"{where}.$ref", "what stands beside a reference is left out: strictness is lost"
            )
        if target == "#":
            return {"$ref": "#"}
        name = self.kept.get(target)
        if name is None:
            name = unquote(target.rpartition("/")[2])
            while name in self.kept.values():
                name += "_"
            self.kept[target] = name
        return {"$ref": f"#/$defs/{name}"}

    def _member(self, name: str, value: object, where: str, path: tuple[str, ...]) -> object:
        if name in ("properties", "patternProperties", "dependentSchemas") and isinstance(value, dict):
            named = cast("Fields", value)
            return {key: self._value(one, f"{where}.{key}", path) for key, one in named.items()}
        if name in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(value, list):
            items = cast("list[object]", value)
            return [self._value(one, f"{where}[{place}]", path) for place, one in enumerate(items)]
        if name in ("items", "additionalProperties", "not", "if", "then", "else", "contains"):
            return self._value(value, where, path)
        return value

    def _value(self, value: object, where: str, path: tuple[str, ...]) -> object:
        return self.node(cast("Fields", value), where, path) if isinstance(value, dict) else value


def named_by(root: Fields, target: str) -> Fields | None:
    """What a reference inside the schema names, or None."""
    if target == "#":
        return root
    if not target.startswith("#/"):
        return None
    found: object = root
    for raw in target[2:].split("/"):
        key = unquote(raw).replace("~1", "/").replace("~0", "~")
        found = _step(found, key)
    return cast("Fields", found) if isinstance(found, dict) else None


def _step(node: object, key: str) -> object:
    if isinstance(node, dict):
        return cast("Fields", node).get(key)
    if not isinstance(node, list) or not key.isdecimal() or len(key) > 8:
        return None
    items = cast("list[object]", node)
    return items[int(key)] if int(key) < len(items) else None


def merged(schema: Fields, changes: Changes, where: str) -> Fields:
    """A schema with its `allOf` made part of it, as far as the two can be one."""
    items = schema.get("allOf")
    found = {name: value for name, value in schema.items() if name != "allOf"}
    for item in cast("list[object]", items) if isinstance(items, list) else []:
        if not isinstance(item, dict):
            continue
        part = cast("Fields", item)
        if "allOf" in part:
            part = merged(part, changes, where)
        for name, value in part.items():
            if name not in found or found[name] == value:
                found[name] = value
            elif name == "properties":
                found[name] = _both(found[name], value, changes, where)
            elif name == "required" and isinstance(found[name], list) and isinstance(value, list):
                names = [*cast("list[str]", found[name]), *cast("list[str]", value)]
                found[name] = list(dict.fromkeys(names))
            elif name not in ("title", "description"):
                changes.alter(where, f"the parts say different things of {name}: strictness is lost")
    return found


def _both(first: object, second: object, changes: Changes, where: str) -> object:
    if not isinstance(first, dict) or not isinstance(second, dict):
        return cast("object", first)
    one, other = cast("Fields", first), cast("Fields", second)
    for name in one.keys() & other.keys():
        if one[name] != other[name]:
            changes.alter(where, f"the parts say different things of {name}: strictness is lost")
    return {**one, **{name: rules for name, rules in other.items() if name not in one}}


def root_of(schema: Fields) -> Fields:
    """The schema that the outermost node names, where it is only a reference."""
    found = schema
    for _ in range(DEPTH_MAX):
        target = found.get("$ref")
        if not isinstance(target, str):
            return found
        named = named_by(schema, target)
        if named is None or named is found:
            return found
        found = named
    return {}


def moved_below(schema: Fields, name: str) -> tuple[Fields, Fields]:
    """A schema as the property `name` of another root, and the definitions that stay at the root."""
    definitions: Fields = {}
    inner: Fields = {}
    for key, value in schema.items():
        (definitions if key in _DEFINITIONS else inner)[key] = _rooted(value, name, 0)
    target = schema.get("$ref")
    if isinstance(target, str):
        inner["$ref"] = _retargeted(target, name)
    return inner, definitions


def _rooted(value: object, name: str, depth: int) -> object:
    if depth > 2 * DEPTH_MAX:
        return value
    if isinstance(value, list):
        return [_rooted(one, name, depth + 1) for one in cast("list[object]", value)]
    if not isinstance(value, dict):
        return value
    found: Fields = {}
    for key, one in cast("Fields", value).items():
        is_reference = key == "$ref" and isinstance(one, str)
        found[key] = _retargeted(str(one), name) if is_reference else _rooted(one, name, depth + 1)
    return found


def _retargeted(target: str, name: str) -> str:
    if not target.startswith("#") or target.startswith(tuple(f"#/{key}/" for key in _DEFINITIONS)):
        return target
    return f"#/properties/{name}{target[1:]}"
