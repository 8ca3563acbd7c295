"""Google's Schema objects, a subset of OpenAPI 3.0, read as JSON schemas. Pure; raises nothing.

Types lose their capitals, `nullable` becomes a type or choice of null, counts written as texts numbers. What
JSON Schema does not know stays where it is, as it allows. The other way is `wire.dialects.schemas`.
Source: Gemini API reference, `Schema`.
"""

from typing import Final, cast

from headgate.core.chat import Fields

_COUNTS: Final = frozenset(
    {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
)
_SPELLINGS: Final = {
    "any_of": "anyOf",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "property_ordering": "propertyOrdering",
}


def json_schema_of(schema: Fields) -> Fields:
    """The JSON schema that means the same."""
    found: Fields = {}
    for spelled, value in schema.items():
        name = _SPELLINGS.get(spelled, spelled)
        found[name] = _member(name, value)
    if found.get("nullable") is True:
        del found["nullable"]
        _admit_null(found)
    return found


def _member(name: str, value: object) -> object:
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name in _COUNTS and isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    if name == "properties" and isinstance(value, dict):
        return {key: _inner(inner) for key, inner in cast("Fields", value).items()}
    if name in ("items", "additionalProperties"):
        return _inner(value)
    if name in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(value, list):
        return [_inner(inner) for inner in cast("list[object]", value)]
    return value


def _inner(value: object) -> object:
    return json_schema_of(cast("Fields", value)) if isinstance(value, dict) else value


def _admit_null(schema: Fields) -> None:
    kind, choices, values = schema.get("type"), schema.get("anyOf"), schema.get("enum")
    if isinstance(kind, str):
        schema["type"] = [kind, "null"]
    if isinstance(choices, list):
        schema["anyOf"] = [*cast("list[object]", choices), {"type": "null"}]
    if isinstance(values, list):
        schema["enum"] = [*cast("list[object]", values), None]
