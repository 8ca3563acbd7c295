"""Schemas in the part of the language that a target takes: what they then admit, and what is told."""

import json
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.wire.dialects.json_schemas import (
    DEFINITIONS,
    admits,
    as_json_schema,
    nodes,
    objects,
    schemas,
)

from headgate.core.chat import Fields
from headgate.wire.dialects.changes import Changes
from headgate.wire.dialects.nulls import without_nulls
from headgate.wire.dialects.schemas import Subset, fitted

OPENAPI_WORDS = (
    "type format title description nullable enum maxItems minItems properties required minProperties "
    "maxProperties minLength maxLength pattern example anyOf propertyOrdering default items minimum maximum"
)
STRICT_WORDS = (
    "type format title description enum const properties required additionalProperties items anyOf $ref "
    "$defs pattern multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minItems maxItems"
)
HOSTILE_WORDS = (
    "$ref $defs type properties required items anyOf oneOf allOf enum const not additionalProperties "
    "nullable format exclusiveMinimum #"
)


def done(schema: Fields, subset: Subset) -> tuple[Fields, Changes]:
    changes = Changes()
    return fitted(schema, subset, changes, "schema"), changes


@settings(max_examples=300)
@given(schemas)
def test_trap_44_an_openapi_schema_has_its_own_words_only(schema: Fields) -> None:
    written, _ = done(schema, "openapi")
    for node in nodes(written):
        assert node.keys() <= set(OPENAPI_WORDS.split())
        assert not isinstance(node.get("type"), list)
        properties = cast("Fields", node.get("properties", {}))
        if len(properties) > 1:
            assert node["propertyOrdering"] == list(properties)


@settings(max_examples=300)
@given(schemas)
def test_trap_44_a_strict_schema_requires_every_property_and_admits_no_other(schema: Fields) -> None:
    written, _ = done(schema, "openai-strict")
    assert written["type"] == "object"
    for node in nodes(written):
        assert node.keys() <= set(STRICT_WORDS.split())
        assert node.keys() & {"type", "anyOf", "enum", "const", "$ref"}
        if "properties" in node or node.get("type") == "object":
            assert node["required"] == list(cast("Fields", node["properties"]))
            assert node["additionalProperties"] is False
    admits(written, {})


@settings(max_examples=300)
@given(schemas, objects)
@example({"type": "object", "properties": {"a": {"anyOf": [{"enum": ["a"]}]}}, "required": []}, {"a": None})
def test_trap_44_what_a_fitted_schema_admits_the_callers_does_unless_told(
    schema: Fields, value: Fields
) -> None:
    written, changes = done(schema, "openai-strict")
    if all(one.weight == "note" for one in changes) and admits(written, value):
        assert admits(schema, json.loads(without_nulls(json.dumps(value), schema)))
    written, changes = done(schema, "openapi")
    if all(one.weight == "note" for one in changes) and admits(
        cast("Fields", as_json_schema(written)), value
    ):
        assert admits(schema, value)


@settings(max_examples=200)
@given(schemas)
def test_properties_keep_their_order(schema: Fields) -> None:
    for subset in ("openapi", "openai-strict"):
        written, _ = done(schema, subset)
        before, after = cast("Fields", schema["properties"]), cast("Fields", written["properties"])
        assert list(after) == list(before)


def test_trap_44_references_are_put_in_place_and_recursion_ends_and_is_told() -> None:
    schema: Fields = {"type": "object", "properties": {"t": {"$ref": "#/$defs/tree"}}, "$defs": DEFINITIONS}
    written, changes = done(schema, "openapi")
    assert "$ref" not in str(written) and "$defs" not in written
    depth, node = 0, cast("Any", written["properties"])["t"]
    while "properties" in node:
        depth, node = depth + 1, node["properties"]["a"]
    assert depth == 3
    assert any("holds itself" in one.why for one in changes.of_weight("meaning"))
    written, changes = done(schema, "openai-strict")
    assert not changes.of_weight("meaning")
    assert admits(written, {"t": {"a": {"a": {"a": {"a": {"a": None}}}}}})
    assert not admits(written, {"t": {"a": {"a": {"a": {"a": {"b": None}}}}}})


def test_trap_44_optional_properties_become_nullable_and_null_is_left_out_of_the_answer() -> None:
    schema: Fields = {
        "type": "object",
        "properties": {
            "a": {"type": "string"},
            "b": {"type": "integer"},
            "c": {"type": ["string", "null"]},
            "d": {"enum": ["x"]},
        },
        "required": ["a"],
    }
    written, changes = done(schema, "openai-strict")
    assert written["properties"] == {
        "a": {"type": "string"},
        "b": {"type": ["integer", "null"]},
        "c": {"type": ["string", "null"]},
        "d": {"anyOf": [{"enum": ["x"]}, {"type": "null"}]},
    }
    assert [one.weight for one in changes] == ["note"] * 3
    assert without_nulls('{"a":"x","b":null,"c":null,"d":null}', schema) == '{"a":"x","c":null}'
    assert without_nulls('{ "a": null }', schema) == '{ "a": null }'


OPEN: Fields = {"type": "object", "properties": {"b": {"type": "string"}}}
FULL: Fields = {"type": "object", "properties": {"b": {"type": "null"}, "c": {"type": "integer"}}}
CHOSEN: list[tuple[Fields, object, object]] = [
    ({"anyOf": [{"enum": ["a"]}]}, None, ...),  # what a property test found: an option without a type
    ({"anyOf": [{"anyOf": [{"type": "string"}]}]}, None, ...),
    ({"anyOf": [{"const": "a"}]}, None, ...),
    ({"anyOf": [{"$ref": "#/$defs/leaf"}]}, None, ...),
    ({"allOf": [{"type": "string"}]}, None, ...),
    ({"anyOf": [{"enum": ["a", None]}]}, None, None),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, None, None),
    ({"allOf": [OPEN]}, {"b": None}, {}),
    ({"allOf": [{"$ref": "#/$defs/open"}]}, {"b": None}, {}),
    ({"anyOf": [{"type": "string"}, OPEN]}, {"b": None}, {}),
    ({"anyOf": [FULL, OPEN]}, {"b": None}, {}),
    ({"anyOf": [OPEN, FULL]}, {"b": None, "c": None}, {"b": None}),
    ({"type": "array", "items": {"anyOf": [OPEN, FULL]}}, [{"b": None}], [{}]),
    ({"anyOf": [OPEN, FULL]}, {"d": None}, {"d": None}),
]


@pytest.mark.parametrize(("rules", "said", "left"), CHOSEN)
def test_trap_44_nulls_are_left_out_by_the_option_that_was_chosen(
    rules: Fields, said: object, left: object
) -> None:
    definitions = {**DEFINITIONS, "open": OPEN}
    schema: Fields = {"type": "object", "properties": {"a": rules}, "$defs": definitions}
    expected = {} if left is ... else {"a": left}
    assert json.loads(without_nulls(json.dumps({"a": said}), schema)) == expected


def test_nulls_in_a_schema_of_countless_options_take_no_time() -> None:
    choices: Fields = {
        f"d{n}": {"anyOf": [{"type": "array", "items": {"$ref": f"#/$defs/d{n + 1}"}}] * 10}
        for n in range(40)
    }
    text = "[" * 40 + "null" + "]" * 40
    assert without_nulls(text, {"$ref": "#/$defs/d0", "$defs": choices}) == text


def test_trap_44_lost_strictness_is_told_with_its_path() -> None:
    schema: Fields = {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "string", "minLength": 2}, "uniqueItems": True}
        },
        "required": ["a"],
        "additionalProperties": {"type": "string"},
    }
    _, changes = done(schema, "openai-strict")
    assert [one.what for one in changes.of_weight("meaning")] == [
        "schema.properties.a.items.minLength",
        "schema.properties.a.uniqueItems",
        "schema.additionalProperties",
    ]
    _, changes = done(schema, "openapi")
    assert [one.what for one in changes.of_weight("meaning")] == [
        "schema.properties.a.uniqueItems",
        "schema.additionalProperties",
    ]


def test_trap_44_openapi_spells_bounds_choices_and_null_its_own_way() -> None:
    cases: list[tuple[Fields, Fields]] = [
        ({"type": "integer", "exclusiveMinimum": 1}, {"type": "integer", "minimum": 2}),
        ({"type": "integer", "exclusiveMaximum": 3, "maximum": 1}, {"type": "integer", "maximum": 1}),
        ({"type": "integer", "minimum": 9, "exclusiveMinimum": 3}, {"type": "integer", "minimum": 9}),
        ({"type": "integer", "exclusiveMinimum": 3, "minimum": 0}, {"type": "integer", "minimum": 4}),
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"enum": ["a", None]}, {"type": "string", "enum": ["a"], "nullable": True}),
        ({"type": "string", "enum": ["a", None]}, {"type": "string", "enum": ["a"]}),
        (
            {"type": ["string", "null"], "enum": ["a", None]},
            {"type": "string", "enum": ["a"], "nullable": True},
        ),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string", "nullable": True}),
        (
            {"type": ["string", "integer", "null"]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
        ),
    ]
    for schema, spelled in cases:
        written, changes = done({"type": "array", "items": schema}, "openapi")
        assert written["items"] == spelled
        assert not changes.of_weight("meaning")


def test_trap_44_parts_of_an_all_of_are_one_and_what_they_disagree_in_is_told() -> None:
    base: Fields = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    more: Fields = {"properties": {"b": {"type": "integer"}}, "required": ["b"], "description": "Both."}
    for subset in ("openapi", "openai-strict"):
        written, changes = done({"allOf": [base, more]}, subset)
        assert list(cast("Fields", written["properties"])) == ["a", "b"]
        assert written["required"] == ["a", "b"] and not changes.of_weight("meaning")
        other: Fields = {"type": "object", "properties": {"a": {"type": "integer"}}}
        _, changes = done({"allOf": [base, other]}, subset)
        assert [one.what for one in changes.of_weight("meaning")] == ["schema.allOf"]


def test_a_full_schema_stays_as_it_is() -> None:
    schema: Fields = {"$ref": "#/$defs/tree", "$defs": DEFINITIONS, "x-mine": 1}
    written, changes = done(schema, "full")
    assert written is schema and len(changes) == 0


@pytest.mark.parametrize("subset", ["openapi", "openai-strict"])
def test_hostile_schemas_end(subset: Subset) -> None:
    bomb: Fields = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 10} for n in range(40)}
    deep: Any = {}
    for _ in range(900):
        deep = {"type": "array", "items": deep}
    chain: Fields = {f"d{n}": {"items": {"$ref": f"#/$defs/d{n + 1}"}} for n in range(2_000)}
    circle: Fields = {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}
    hostile: list[Fields] = [
        {"$ref": "#/$defs/d0", "$defs": bomb},
        {"properties": {"a": deep}},
        {"$ref": "#/$defs/d0", "$defs": chain},
        {"$ref": "#/$defs/a", "$defs": circle},
        {"allOf": [{"$ref": "#"}]},
        {"$ref": "https://example.com/schema.json"},
    ]
    for schema in hostile:
        _, changes = done(schema, subset)
        assert changes.of_weight("meaning")


def _hostile(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    named = st.dictionaries(
        st.sampled_from(HOSTILE_WORDS.split()),
        inner | st.sampled_from(["#", "#/$defs", "#/items/0", "object", "null"]),
        max_size=5,
    )
    return st.lists(inner, max_size=3) | named


scalars: st.SearchStrategy[object] = st.none() | st.booleans() | st.integers() | st.text(max_size=3)


@settings(max_examples=300)
@given(st.recursive(scalars, _hostile, max_leaves=12), st.sampled_from(["openapi", "openai-strict"]))
def test_whatever_stands_in_a_schema_nothing_is_raised(value: object, subset: Subset) -> None:
    schema = cast("Fields", value) if isinstance(value, dict) else {"items": value}
    written, _ = done(schema, subset)
    without_nulls('{"items": null, "type": [null, {"items": null}]}', schema)
    assert all(isinstance(node, dict) for node in nodes(written))
