"""The line locator agrees with the standard parser on what there is, and names the right line."""

import json
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headgate.config.lines import locate, path_text

TEXT = '''# a comment with [brackets] and "quotes"
top = 1
[providers.openai] # trailing [comment]
kind = "openai"
"quoted key" = 'literal \\'
[providers."with.dot"]
regions = [
  "eu", # one
  # a comment, with a comma
  'us',
]
[[budgets]]
name = "a"
scope = { provider = "openai", deep = { user = "*" } }
[budgets.more]
x = 1

[[budgets]]
name = """
two ""quotes"" and # no comment
"""
dotted.key.path = 5
after = 1979-05-27T07:32:00Z
[[budgets.inner]]
y = 2
[[budgets.inner]]
y = [[1, 2], [3]]
'''


def test_each_part_has_its_line() -> None:
    lines = locate(TEXT)
    expected: dict[tuple[str | int, ...], int] = {
        ("top",): 2,
        ("providers", "openai"): 3,
        ("providers", "openai", "quoted key"): 5,
        ("providers", "with.dot"): 6,
        ("providers", "with.dot", "regions", 0): 8,
        ("providers", "with.dot", "regions", 1): 10,
        ("budgets", 0): 12,
        ("budgets", 0, "scope", "deep", "user"): 14,
        ("budgets", 0, "more", "x"): 16,
        ("budgets", 1): 18,
        ("budgets", 1, "name"): 19,
        ("budgets", 1, "dotted", "key", "path"): 22,
        ("budgets", 1, "after"): 23,
        ("budgets", 1, "inner", 0, "y"): 25,
        ("budgets", 1, "inner", 1, "y"): 27,
        ("budgets", 1, "inner", 1, "y", 1, 0): 27,
    }
    assert {path: lines[path] for path in expected} == expected


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    found = {path} if path else set[tuple[str | int, ...]]()
    if isinstance(value, dict):
        for key, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            found |= paths_of(inner, (*path, str(key)))  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, list):
        for index, inner in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            found |= paths_of(inner, (*path, index))
    return found


def test_everything_that_the_parser_finds_has_a_line() -> None:
    assert paths_of(tomllib.loads(TEXT)) == set(locate(TEXT))


_KEYS = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=6)
_VALUES = st.recursive(
    st.one_of(st.integers(0, 99), st.booleans(), st.text(st.sampled_from("a\"'\\#[]{}=,\n "), max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


def written(value: Any) -> str:
    if isinstance(value, dict):
        pairs = [f"{json.dumps(key, ensure_ascii=False)} = {written(inner)}" for key, inner in value.items()]  # pyright: ignore
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(written, value)) + "\n]"  # pyright: ignore
    return json.dumps(value, ensure_ascii=False)


@given(st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=4))
def test_any_valid_file_is_walked_whole(document: dict[str, Any]) -> None:
    text = "".join(
        f"{json.dumps(key, ensure_ascii=False)} = {written(value)}\n" for key, value in document.items()
    )
    assert tomllib.loads(text) == document
    lines = locate(text)
    assert set(lines) == paths_of(document)
    rows = text.split("\n")
    for key in document:
        assert rows[lines[(key,)] - 1].startswith(json.dumps(key, ensure_ascii=False))


def test_quotes_before_the_end_of_a_long_string_belong_to_it() -> None:
    text = 'a = """x\\"""""\nb = \'\'\'y\'\'\'\'\'\nc = """\n""z"""""\nd = 1\n'
    parsed = tomllib.loads(text)
    assert (parsed["a"], parsed["b"], parsed["c"]) == ('x""', "y''", '""z""')
    assert locate(text) == {("a",): 1, ("b",): 2, ("c",): 3, ("d",): 5}


def test_paths_are_written_as_in_the_file() -> None:
    assert path_text(("budgets", 0, "limit")) == "budgets[0].limit"
    assert path_text(("prices", "local/llama-3", "input")) == 'prices."local/llama-3".input'
    assert path_text(("projects", "support-bot")) == "projects.support-bot"
