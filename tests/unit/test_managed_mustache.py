"""Mustache templates: what the specification says, and where a prompt is stricter than a page."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.prompts.managed.templates import compile_template, render, unused
from headgate.prompts.managed.work import Refusal

VALUES: dict[str, Any] = {
    "name": "Ada",
    "zero": 0,
    "half": 0.5,
    "yes": True,
    "no": False,
    "none": None,
    "empty": [],
    "text": "",
    "object": {"a": {"b": "deep"}, "name": "inner"},
    "people": [{"n": "a"}, {"n": "b", "name": "own"}],
    "items": ["x", "y"],
    "markup": "<b>&amp;\"'",
}


def rendered(text: str, values: dict[str, Any] | None = None) -> str:
    return render([compile_template("mustache", text)], VALUES if values is None else values)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi {{name}}, {{ name }}, {{{name}}}, {{& name}}", "Hi Ada, Ada, Ada, Ada"),
        ("{{markup}}{{{markup}}}", "<b>&amp;\"'<b>&amp;\"'"),
        ("{{zero}} {{half}} {{yes}} {{none}}|", "0 0.5 true |"),
        ("{{object.a.b}} {{object.a}} {{items}}", 'deep {"b":"deep"} ["x","y"]'),
        ("{{#yes}}a{{/yes}}{{#no}}b{{/no}}{{#none}}c{{/none}}{{#gone}}d{{/gone}}", "a"),
        ("{{#empty}}a{{/empty}}{{^empty}}b{{/empty}}{{^gone}}c{{/gone}}{{^yes}}d{{/yes}}", "bc"),
        ("{{#zero}}a{{/zero}}{{#text}}b{{/text}}{{^text}}c{{/text}}", "c"),
        ("{{#items}}<{{.}}>{{/items}}", "<x><y>"),
        ("{{#people}}{{n}}-{{name}} {{/people}}", "a-Ada b-own "),
        ("{{#object}}{{#a}}{{b}}{{/a}}{{name}}{{/object}}", "deepinner"),
        ("{{#object}}{{name}}{{/object}} {{name}}", "inner Ada"),
        ("{{! not said }}a{{!\n neither }}b", "ab"),
        ("{{=<% %>=}}<% name %> {{name}}<%={{ }}=%> {{name}}", "Ada {{name}} Ada"),
        ("a\n{{#yes}}\nb\n{{/yes}}\nc\n", "a\nb\nc\n"),
        ("  {{#yes}}  \r\n  b\r\n  {{/yes}}\r\nc", "  b\r\nc"),
        ("a {{#yes}}\nb\n{{/yes}} c", "a \nb\n c"),
        ("{{#yes}}{{#items}}{{.}}{{/items}}{{/yes}}", "xy"),
        ("no tags { at } all }} {", "no tags { at } all }} {"),
        ("", ""),
    ],
)
def test_it_is_as_the_specification_says(text: str, expected: str) -> None:
    assert rendered(text) == expected


@pytest.mark.parametrize(
    ("text", "variable"),
    [("{{gone}}", "gone"), ("{{object.gone}}", "object.gone"), ("{{#people}}{{m}}{{/people}}", "m")],
)
def test_a_missing_variable_is_named(text: str, variable: str) -> None:
    with pytest.raises(Refusal, match="is missing") as refused:
        rendered(text)
    assert refused.value.variable == variable


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a\n{{#b}}\nc", 2, "'b' is never closed"),
        ("a\n\n{{/b}}", 3, "'b' is closed"),
        ("{{#a}}{{/b}}", 1, "'b' is closed, but 'a' is open"),
        ("a {{b", 1, "never closed"),
        ("{{{b}}", 1, "never closed"),
        ("a\n{{> other}}", 2, "no partials"),
        ("{{< parent}}", 1, "no partials"),
        ("{{two words}}", 1, "no name of a variable"),
        ("{{}}", 1, "no name of a variable"),
        ("{{=x=}}", 1, "no pair of delimiters"),
        ("{{#a}}" * 40, 1, "nested 32 deep"),
        ("{{a}}" * 2001, 1, "2000 tags"),
    ],
)
def test_what_is_no_template_is_refused_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        compile_template("mustache", text)
    assert refused.value.line == line


@given(st.text(), st.text())
def test_values_never_become_syntax(name: str, after: str) -> None:
    value = f"{{{{{name}}}}}{{{{#a}}}}{{{{/b}}}}"
    text = "{{v}}" + after.replace("{{", "")
    assert rendered(text, {"v": value}) == value + after.replace("{{", "")


@given(st.text(alphabet="{}#^/&! =<>a.\n", max_size=60))
def test_any_text_is_a_template_or_is_refused(text: str) -> None:
    try:
        template = compile_template("mustache", text)
        render([template], {"a": ["a"]})
    except Refusal:
        return


def test_variables_that_are_read_are_known() -> None:
    template = compile_template("mustache", "{{a.b}} {{#c}}{{d}}{{/c}}{{^e}}x{{/e}}{{.}}")
    assert template.names == {"a", "c", "d", "e"}
    assert template.required == {"a"}
    assert unused([template], {"a": 1, "f": 2, "d": 3}) == ["f"]


LONG = "b" + ".b" * 999


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        ("{{#a}}{{#a}}{{#a}}x{{/a}}{{/a}}{{/a}}", {"a": list(range(1, 1000))}, "more than 20000 steps"),
        ("{{#a}}{{b}}{{/a}}", {"a": list(range(1, 100)), "b": "x" * 20_000}, "more than 1000000 characters"),
        ("{{#a}}{{b}}{{/a}}", {"a": list(range(1, 9999)), "b": [1] * 5000}, "more than"),
        (
            f"{{{{#a}}}}{{{{^{LONG}}}}}{{{{/{LONG}}}}}{{{{/a}}}}",
            {"a": list(range(1, 999))},
            "more than 20000 steps",
        ),
    ],
)
def test_work_and_output_are_bounded(text: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal, match=said):
        rendered(text, values)


def test_the_bound_counts_all_messages_together() -> None:
    template = compile_template("mustache", "{{a}}")
    assert render([template], {"a": "x" * 600_000})
    with pytest.raises(Refusal, match="characters"):
        render([template, template], {"a": "x" * 600_000})
