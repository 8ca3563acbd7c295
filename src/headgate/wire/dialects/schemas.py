"""A JSON schema in the part of the language that a target takes, and what that loses. Pure.

`openapi`: what Gemini's `Schema` has, no references. `openai-strict`: every property required and none beside
them. Properties keep their order. Sources: Gemini API, `Schema`; OpenAI, "Structured Outputs".
Read next: `wire.dialects.references`.
"""

from typing import Final, Literal, cast

from headgate.core.chat import Fields
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.fields import objects_in
from headgate.wire.dialects.references import expanded, merged

Subset = Literal["full", "openapi", "openai-strict"]

DEPTH_MAX: Final = 64
"""Of a schema; what lies deeper is taken to admit anything, and told."""

_OPENAPI_WORDS: Final = (
    "type format title description nullable enum maxItems minItems properties required minProperties"
    " maxProperties minLength maxLength pattern example anyOf propertyOrdering default items minimum maximum"
)
_OPENAPI: Final = frozenset(_OPENAPI_WORDS.split())
_OPENAPI_FORMATS: Final = frozenset({"enum", "date-time", "float", "double", "int32", "int64"})

_STRICT_WORDS: Final = (
    "type format title description enum const properties required additionalProperties items anyOf $ref $defs"
    " pattern multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minItems maxItems"
)
_STRICT: Final = frozenset(_STRICT_WORDS.split())
_STRICT_FORMATS_KNOWN: Final = "date-time time date duration email hostname ipv4 ipv6 uuid"
_STRICT_FORMATS: Final = frozenset(_STRICT_FORMATS_KNOWN.split())

_NO_RULE_WORDS: Final = (
    "$schema $id $comment $anchor title examples default deprecated readOnly writeOnly discriminator xml"
    " externalDocs contentMediaType contentEncoding example propertyOrdering"
)
_NO_RULES: Final = frozenset(_NO_RULE_WORDS.split())
"""Keywords that admit and refuse nothing."""

_ANYTHING: Final[Fields] = {"type": ["string", "number", "boolean", "null"]}
"""What strict schemas have for one that admits anything; objects and lists have to be named."""

_TYPES: Final[dict[type, str]] = {bool: "boolean", int: "integer", float: "number", str: "string"}


def fitted(schema: Fields, subset: Subset, changes: Changes, where: str) -> Fields:
    """The schema as the target takes it. `where` is its path in the caller's body; paths below it are told.

    A recursive schema is inlined three times over for `openapi`, and below that admits anything; strict ones
    may refer to themselves. What can't be said is left out: `alter` where it refuses answers that are then
    admitted, `lose` where it is only said.
    """
    match subset:
        case "full":
            return schema
        case "openapi":
            return _Openapi(changes).node(expanded(schema, changes, where), where, 0)
        case "openai-strict":
            return _strict_root(schema, changes, where)


class _Fitting:
    """What both subsets do alike: walk a schema in its order, and tell what they leave out."""

    def __init__(self, changes: Changes) -> None:
        self.changes = changes

    def node(self, schema: Fields, where: str, depth: int) -> Fields:
        raise NotImplementedError

    def value(self, value: object, where: str, depth: int) -> Fields:
        """A schema that stands below another; `true` and what is none admit anything."""
        if depth > DEPTH_MAX:
            self.changes.alter(where, "lies too deep: anything is admitted here")
            return {}
        if isinstance(value, dict):
            return self.node(cast("Fields", value), where, depth)
        if value is False:
            self.changes.alter(where, "the target has no schema that admits nothing")
        return {}

    def properties(self, value: object, where: str, depth: int) -> Fields:
        """Each property's schema, in the order in which they came."""
        if not isinstance(value, dict):
            return {}
        named = cast("Fields", value)
        return {name: self.value(one, f"{where}.{name}", depth + 1) for name, one in named.items()}

    def options(self, value: object, where: str, depth: int) -> list[Fields]:
        """The schemas of an `anyOf`."""
        items = cast("list[object]", value) if isinstance(value, list) else []
        return [self.value(one, f"{where}[{place}]", depth + 1) for place, one in enumerate(items)]

    def alternatives(self, schema: Fields, where: str) -> Fields:
        """`allOf` and `oneOf` put in words that both subsets have."""
        if "allOf" in schema:
            schema = merged(schema, self.changes, f"{where}.allOf")
        if "oneOf" in schema and "anyOf" not in schema:
            self.changes.lose(
                f"{where}.oneOf", "is written as anyOf, which admits what more than one option does"
            )
            schema = {("anyOf" if name == "oneOf" else name): value for name, value in schema.items()}
        return schema

    def leave_out(self, name: str, where: str) -> None:
        """Tell that a keyword has no place."""
        if name in _NO_RULES:
            self.changes.note(f"{where}.{name}", "the target has no such word, and it is no rule")
        elif name == "format":
            self.changes.lose(f"{where}.{name}", "the target knows no such format")
        else:
            self.changes.alter(f"{where}.{name}", "the target's schemas can't say so: strictness is lost")


class _Openapi(_Fitting):
    """Gemini's `responseSchema` and function parameters."""

    def node(self, schema: Fields, where: str, depth: int) -> Fields:
        schema = self._types(self._const(self.alternatives(schema, where), where), where)
        schema = self._bounds(schema, where)
        found: Fields = {}
        for name, value in schema.items():
            path = f"{where}.{name}"
            match name:
                case "properties":
                    found[name] = self.properties(value, path, depth)
                case "items":
                    found[name] = self.value(value, path, depth + 1)
                case "anyOf":
                    self._any_of(found, value, path, depth)
                case "format" if str(value) not in _OPENAPI_FORMATS:
                    self.leave_out(name, where)
                case "enum":
                    self._enum(found, schema, value, path)
                case "additionalProperties":
                    if value not in (False, None):
                        self.changes.alter(path, "objects have named properties only")
                case _ if name in _OPENAPI:
                    found[name] = value
                case _:
                    self.leave_out(name, where)
        return self._ordered(found)

    def _enum(self, found: Fields, schema: Fields, value: object, path: str) -> None:
        options = cast("list[object]", value) if isinstance(value, list) else []
        texts = [one for one in options if isinstance(one, str)]
        others = [one for one in options if one is not None and not isinstance(one, str)]
        if others or not texts:
            self.changes.alter(path, "the target takes texts only to choose from: strictness is lost")
            return
        found["enum"] = texts
        if "type" not in schema:
            found["type"] = "string"
            if len(texts) < len(options):
                found["nullable"] = True

    def _const(self, schema: Fields, where: str) -> Fields:
        if "const" not in schema:
            return schema
        value = schema["const"]
        typed = {"type": _TYPES[type(value)]} if "type" not in schema and type(value) in _TYPES else {}
        if isinstance(value, str):
            self.changes.note(f"{where}.const", "is written as an enum of one")
        spelled: Fields = {}
        for name, one in schema.items():
            spelled["enum" if name == "const" else name] = [one] if name == "const" else one
        return {**typed, **spelled}

    def _types(self, schema: Fields, where: str) -> Fields:
        """`type: [..., "null"]` as `nullable`, and more types than one as `anyOf`."""
        kinds = schema.get("type")
        if not isinstance(kinds, list):
            return schema
        names = [kind for kind in cast("list[object]", kinds) if kind != "null"]
        rest = {name: value for name, value in schema.items() if name != "type"}
        nullable: Fields = {"nullable": True} if len(names) < len(cast("list[object]", kinds)) else {}
        enum = rest.get("enum")
        if nullable and isinstance(enum, list):
            rest["enum"] = [one for one in cast("list[object]", enum) if one is not None]
        if len(names) == 1:
            return {"type": names[0], **rest, **nullable}
        if not names:
            return {**rest, **nullable}
        if "anyOf" in rest:
            self.changes.alter(f"{where}.type", "the target takes one type beside anyOf: strictness is lost")
            return {**rest, **nullable}
        return {**rest, "anyOf": [{"type": name} for name in names], **nullable}

    def _bounds(self, schema: Fields, where: str) -> Fields:
        """Exclusive bounds of whole numbers as inclusive ones."""
        if schema.get("type") != "integer":
            return schema
        found: Fields = {}
        for name, value in schema.items():
            step = {"exclusiveMinimum": 1, "exclusiveMaximum": -1}.get(name)
            if step is None or type(value) is not int:
                found.setdefault(name, value)
                continue
            plain = "minimum" if step == 1 else "maximum"
            self.changes.note(f"{where}.{name}", f"is written as {plain}")
            other = schema.get(plain)
            bound = value + step
            if type(other) is int:
                bound = max(bound, other) if step == 1 else min(bound, other)
            found[plain] = bound
        return found

    def _any_of(self, found: Fields, value: object, path: str, depth: int) -> None:
        options = objects_in(value) or []
        left = [one for one in options if one.get("type") != "null"]
        if len(left) < len(options):
            found["nullable"] = True
        written = self.options(left if len(left) < len(options) else value, path, depth)
        if len(written) == 1 and not found.keys() & written[0].keys() - {"nullable"}:
            found.update(written[0])
        elif written:
            found["anyOf"] = written

    def _ordered(self, found: Fields) -> Fields:
        """Objects with the order of their properties, which the target does not keep otherwise."""
        properties = found.get("properties")
        if isinstance(properties, dict):
            names = list(cast("Fields", properties))
            required = found.get("required")
            if isinstance(required, list):
                kept = [name for name in cast("list[object]", required) if name in names]
                found["required"] = kept
                if not kept:
                    del found["required"]
            if len(names) > 1 and "propertyOrdering" not in found:
                found["propertyOrdering"] = names
        return found


class _Strict(_Fitting):
    """OpenAI's `strict: true`."""

    def node(self, schema: Fields, where: str, depth: int) -> Fields:
        schema = self.alternatives(schema, where)
        found: Fields = {}
        for name, value in schema.items():
            path = f"{where}.{name}"
            match name:
                case "properties" | "$defs":
                    found[name] = self.properties(value, path, depth)
                case "items":
                    found[name] = self.value(value, path, depth + 1)
                case "anyOf":
                    found[name] = self.options(value, path, depth)
                case "format" if str(value) not in _STRICT_FORMATS:
                    self.leave_out(name, where)
                case "required" | "additionalProperties":
                    continue
                case _ if name in _STRICT:
                    found[name] = value
                case _:
                    self.leave_out(name, where)
        if schema.get("type") == "array" and "items" not in found:
            found["items"] = {}
        if not found.keys() & {"type", "properties", "anyOf", "enum", "const", "$ref"}:
            self.changes.alter(where, "strict schemas name a type: only plain values are admitted here")
            found.update(_ANYTHING)
        if found.get("items") == {}:
            self.changes.alter(f"{where}.items", "strict schemas name a type: only plain values are admitted")
            found["items"] = _ANYTHING
        return self._closed(schema, found, where)

    def _closed(self, schema: Fields, found: Fields, where: str) -> Fields:
        kinds = schema.get("type")
        is_object = kinds == "object" or (isinstance(kinds, list) and "object" in kinds)
        if not is_object and "properties" not in found:
            return found
        properties = cast("Fields", found.setdefault("properties", {}))
        required = schema.get("required")
        needed = cast("list[object]", required) if isinstance(required, list) else []
        for name, value in properties.items():
            if name not in needed and isinstance(value, dict):
                self.changes.note(f"{where}.properties.{name}", "is optional, and comes as null instead")
                properties[name] = nullable(cast("Fields", value))
        extra = schema.get("additionalProperties")
        if extra not in (None, False):
            self.changes.alter(f"{where}.additionalProperties", "objects have named properties only")
        found["required"] = list(properties)
        found["additionalProperties"] = False
        return found


def nullable(schema: Fields) -> Fields:
    """The schema, admitting null too."""
    kinds = schema.get("type")
    if schema.get("enum") is None and "const" not in schema:
        if isinstance(kinds, str):
            return schema if kinds == "null" else {**schema, "type": [kinds, "null"]}
        if isinstance(kinds, list):
            names = cast("list[object]", kinds)
            return schema if "null" in names else {**schema, "type": [*names, "null"]}
    if not schema:
        return schema
    options = objects_in(schema.get("anyOf"))
    if options is not None and len(schema.keys() - {"description"}) == 1:
        if any(one.get("type") == "null" for one in options):
            return schema
        return {**schema, "anyOf": [*options, {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]}


def _strict_root(schema: Fields, changes: Changes, where: str) -> Fields:
    found = _Strict(changes).node(expanded(schema, changes, where, keeps_recursion=True), where, 0)
    if found.get("type") != "object":
        changes.alter(where, "the target takes objects only: strictness is lost")
    return found
