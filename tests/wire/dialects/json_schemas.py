"""JSON schemas and values of every kind, for Hypothesis, and what a schema written for a target means."""

from typing import Any, cast

from hypothesis import strategies as st
from jsonschema_rs import validator_for

from headgate.core.chat import Fields

NAMES = ("a", "b", "title")

DEFINITIONS: Fields = {
    "leaf": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    "tree": {
        "type": "object",
        "properties": {"a": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]}},
        "required": ["a"],
    },
}

_PLAIN: list[Fields] = [
    {"type": "string"},
    {"type": "integer"},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["string", "null"]},
    {"type": ["string", "integer"]},
    {"type": "integer", "exclusiveMinimum": 1},
    {"type": "integer", "exclusiveMaximum": 3, "maximum": 1},
    {"type": "string", "minLength": 2},
    {"type": "string", "format": "uri"},
    {"enum": ["a", "b"]},
    {"enum": ["a", None]},
    {"const": "a"},
    {"const": 1},
    {"not": {"type": "string"}},
    {"$ref": "#/$defs/leaf"},
    {"$ref": "#/$defs/tree", "description": "A tree."},
]


def _object(properties: Fields, needed: list[str], is_closed: bool) -> Fields:
    closed: Fields = {"additionalProperties": False} if is_closed else {}
    required = [name for name in needed if name in properties]
    return {"type": "object", "properties": properties, "required": required, **closed}


def _list(items: Fields) -> Fields:
    return {"type": "array", "items": items, "maxItems": 2}


def _joined(word: str, options: list[Fields]) -> Fields:
    return {word: options}


def _wider(inner: st.SearchStrategy[Fields]) -> st.SearchStrategy[Fields]:
    named = st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    return st.one_of(
        st.builds(_object, named, st.lists(st.sampled_from(NAMES), max_size=2, unique=True), st.booleans()),
        st.builds(_list, inner),
        st.builds(
            _joined, st.sampled_from(["anyOf", "oneOf", "allOf"]), st.lists(inner, min_size=1, max_size=2)
        ),
    )


def _root(properties: Fields) -> Fields:
    return {**_object(properties, ["a"], True), "$defs": DEFINITIONS}


schemas: st.SearchStrategy[Fields] = st.builds(
    _root,
    st.dictionaries(
        st.sampled_from(NAMES), st.recursive(st.sampled_from(_PLAIN), _wider, max_leaves=5), max_size=3
    ),
)


def _wider_value(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)


_SCALARS: list[object] = [None, True, 0, 1, 2, 3, "a", "b", "long"]
values: st.SearchStrategy[object] = st.recursive(st.sampled_from(_SCALARS), _wider_value, max_leaves=6)
objects: st.SearchStrategy[Fields] = st.dictionaries(st.sampled_from(NAMES), values, max_size=3)


def admits(schema: Fields, value: object) -> bool:
    """Whether a value keeps to a JSON schema."""
    return validator_for(cast("dict[str, Any]", schema), offline=True).is_valid(value)


def as_json_schema(schema: object) -> object:
    """What an OpenAPI schema means: null where it is nullable, and no property beside the named ones."""
    if isinstance(schema, list):
        return [as_json_schema(one) for one in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    node = cast("Fields", schema)
    found = {
        name: as_json_schema(value) for name, value in node.items() if name not in ("properties", "nullable")
    }
    if "properties" in node:
        named = cast("Fields", node["properties"])
        found["properties"] = {name: as_json_schema(one) for name, one in named.items()}
        found["additionalProperties"] = False
    return {"anyOf": [found, {"type": "null"}]} if node.get("nullable") else found


def nodes(schema: object) -> list[Fields]:
    """Every schema in a schema."""
    if isinstance(schema, list):
        return [node for one in cast("list[object]", schema) for node in nodes(one)]
    if not isinstance(schema, dict):
        return []
    node = cast("Fields", schema)
    found = [node]
    for name, value in node.items():
        if name in ("properties", "$defs"):
            found.extend(below for one in cast("Fields", value).values() for below in nodes(one))
        elif name in ("items", "anyOf"):
            found.extend(nodes(value))
    return found
