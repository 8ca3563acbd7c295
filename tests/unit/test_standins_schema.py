"""Arguments and structured output of the mock provider: valid by their schema, filled with what was said."""

from random import Random
from typing import Any, cast

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.standins.answers_hints import Hints
from headgate.standins.answers_pattern import matching
from headgate.standins.answers_schema import Filler

SENTENCE = (
    "Alice Smith is 34 years old and lives in Berlin. Her mail is alice@example.org, the page is "
    "https://example.org/a, she came on 2024-05-01 at 14:30 and ordered 3 lamps in 'dark green', express."
)


def filled(schema: dict[str, Any], text: str = SENTENCE, seed: int = 1) -> Any:
    return Filler(schema, Hints(text, text), Random(seed)).fill(schema)


def check(schema: dict[str, Any], value: Any) -> None:
    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    cast("Any", validator).validate(value)


def test_values_come_from_the_conversation() -> None:
    properties = {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "city": {"type": "string"},
        "email": {"type": "string", "format": "email"},
        "page": {"type": "string", "format": "uri"},
        "since": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "time"},
        "lamps": {"type": "integer"},
        "shipping": {"enum": ["standard", "express"]},
    }
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    text = SENTENCE.replace(" in 'dark green'", "")
    assert filled(schema, text) == {
        "name": "Alice Smith",
        "age": 34,
        "city": "Berlin",
        "email": "alice@example.org",
        "page": "https://example.org/a",
        "since": "2024-05-01",
        "at": "14:30:00Z",
        "lamps": 3,
        "shipping": "express",
    }


def test_a_number_out_of_range_is_not_taken() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 10}}, "required": ["n"]}
    assert filled(schema, "Between 500 and 7 of them")["n"] == 7


def test_quoted_words_fill_an_array() -> None:
    schema = {"type": "array", "items": {"type": "string"}}
    assert filled(schema, "Use 'red', 'green' and 'blue'") == ["red", "green", "blue"]


def test_optional_properties_are_left_out_unless_spoken_of() -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "kelvin"]}},
        "required": ["city"],
    }
    assert filled(schema, "The weather in Oslo") == {"city": "Oslo"}
    assert filled(schema, "The weather in Oslo in kelvin") == {"city": "Oslo", "unit": "kelvin"}


def test_a_schema_that_holds_itself_comes_to_an_end() -> None:
    schema = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "value": {"type": "integer"},
                    "left": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                },
                "required": ["value", "left", "children"],
                "additionalProperties": False,
            }
        },
    }
    check(schema, filled(schema))


def test_the_branch_that_is_spoken_of_is_taken() -> None:
    def branch(kind: str) -> dict[str, Any]:
        properties = {"kind": {"const": kind}, "size": {"type": "integer"}}
        return {"type": "object", "properties": properties, "required": ["kind", "size"]}

    schema = {"anyOf": [branch("circle"), branch("square")]}
    assert filled(schema, "Draw a square of 4") == {"kind": "square", "size": 4}


def test_googles_schema_is_understood() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {"count": {"type": "INTEGER"}, "names": {"type": "ARRAY", "items": {"type": "STRING"}}},
        "required": ["count", "names"],
    }
    value = filled(schema, "The 2 names are 'Ada' and 'Bo'")
    assert value == {"count": 2, "names": ["Ada", "Bo"]}


@pytest.mark.parametrize(
    "pattern",
    [r"^[A-Z]{2}-\d{4}$", r"^(red|green)_\w+$", r"^\+?[0-9 ]{6,12}$", r"[^a-z]x", r"^v\d+(\.\d+){2}$", r"^$"],
)
def test_strings_match_their_pattern(pattern: str) -> None:
    schema = {"type": "string", "pattern": pattern}
    check(schema, filled(schema))


def test_a_pattern_that_is_none_does_no_harm() -> None:
    assert matching("(", [], 0, 100) == "text"


_NAMES = st.sampled_from(["name", "age", "city", "unit", "count", "note"])


def _numbers(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    def ranged(low: int, span: int) -> dict[str, Any]:
        return {"type": kind, "minimum": low, "maximum": low + span}

    def excluded(low: int, span: int) -> dict[str, Any]:
        return {"type": kind, "exclusiveMinimum": low, "exclusiveMaximum": low + span + 2}

    def stepped(step: int) -> dict[str, Any]:
        return {"type": kind, "multipleOf": step}

    bounds = st.tuples(st.integers(-1000, 1000), st.integers(0, 1000))
    return st.one_of(
        st.just({"type": kind}),
        bounds.map(lambda pair: ranged(*pair)),
        bounds.map(lambda pair: excluded(*pair)),
        st.integers(1, 50).map(stepped),
    )


def _strings() -> st.SearchStrategy[dict[str, Any]]:
    def sized(least: int, more: int) -> dict[str, Any]:
        return {"type": "string", "minLength": least, "maxLength": least + more}

    forms = st.sampled_from(["date", "email", "ipv4", "ipv6", "uuid"])
    return st.one_of(
        st.just({"type": "string"}),
        st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: sized(*pair)),
        forms.map(lambda form: {"type": "string", "format": form}),
        st.lists(st.text(min_size=1), min_size=1, unique=True).map(lambda values: {"enum": values}),
    )


def _grown(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    def record(properties: dict[str, Any], required: int) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties)[:required],
            "additionalProperties": False,
        }

    def listed(items: dict[str, Any], least: int, more: int) -> dict[str, Any]:
        return {"type": "array", "items": items, "minItems": least, "maxItems": least + more}

    return st.one_of(
        st.tuples(st.dictionaries(_NAMES, inner, max_size=4), st.integers(0, 4)).map(
            lambda pair: record(*pair)
        ),
        st.tuples(inner, st.integers(0, 4), st.integers(0, 4)).map(lambda three: listed(*three)),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
        inner.map(lambda one: {"anyOf": [one, {"type": "null"}]}),
    )


SCHEMAS = st.recursive(
    st.one_of(
        _numbers("integer"),
        _numbers("number"),
        _strings(),
        st.just({"type": "boolean"}),
        st.just({"type": "null"}),
        st.just({"type": ["string", "null"]}),
        st.just({"const": "fixed"}),
    ),
    _grown,
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(schema=SCHEMAS, text=st.one_of(st.just(SENTENCE), st.text(max_size=80)), seed=st.integers(0, 99))
def test_what_is_filled_is_valid(schema: dict[str, Any], text: str, seed: int) -> None:
    value = filled(schema, text, seed)
    check(schema, value)
    assert filled(schema, text, seed) == value


def _doubling() -> dict[str, Any]:
    """Schemas of which each holds two of the next: as a tree, more than there are atoms."""
    definitions = {
        f"level{level}": {
            "type": "object",
            "properties": {side: {"$ref": f"#/$defs/level{level + 1}"} for side in ("left", "right")},
            "required": ["left", "right"],
        }
        for level in range(300)
    }
    return {"$ref": "#/$defs/level0", "$defs": definitions}


HOSTILE: dict[str, dict[str, Any]] = {
    "itself in allOf": {"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}] * 10}}},
    "itself in anyOf": {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}] * 10}}},
    "doubling": _doubling(),
    "a billion items": {"type": "array", "minItems": 10**9, "items": {"type": "array", "minItems": 10**9}},
    "a billion characters": {"type": "string", "minLength": 10**9},
    "a billion properties": {"type": "object", "minProperties": 10**9},
    "a slow pattern": {"type": "string", "pattern": r"^(a+)+$"},
    "many stars": {"type": "string", "pattern": "^" + "a*" * 60 + "b$"},
    "a long pattern": {"type": "string", "pattern": "(a{9999}){9999}"},
    "a deep pattern": {"type": "string", "pattern": "(" * 140 + "a" + ")" * 140},
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_costs_little(name: str) -> None:
    value = filled(
        HOSTILE[name], "Here are 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac' and more"
    )
    assert len(repr(value)) < 1_000_000
