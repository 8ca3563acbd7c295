"""Managed prompts as files and differences: what is written comes back; twins are found by what they say."""

import difflib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.faults import InvalidRequest
from headgate.prompts.managed.checking import NewVersion, checked
from headgate.prompts.managed.differences import compare_texts, compare_versions
from headgate.prompts.managed.files import read_file, write_file
from headgate.prompts.managed.model import ManagedMessage, ManagedVersion
from headgate.prompts.managed.twins import CodeText, nearest, plain_text

SPACES = st.text(alphabet="ab \t\n\r{}#:-'\"|>&*!%@`\u2028\u00a0\x85\ufeff\U0001f600", max_size=40)
CONTENT = st.one_of(st.text(max_size=60), SPACES).filter(lambda text: "\x00" not in text)
SCHEMAS: Any = st.dictionaries(SPACES, SPACES | st.integers() | st.booleans(), max_size=3)


def version(*contents: str, **said: Any) -> ManagedVersion:
    messages = tuple(ManagedMessage(role="user", content=content) for content in contents)
    return checked(NewVersion(messages=messages, **said))


@given(st.lists(CONTENT.map(lambda text: text.replace("{{", "")), min_size=1, max_size=3), SCHEMAS)
def test_what_is_written_comes_back(contents: list[str], schema: dict[str, Any]) -> None:
    made = version(
        *contents,
        parameters={"temperature": 0.1, "stop": ["yes", "1e3"]},
        response_schema={"type": "object", **schema},
    )
    found = read_file(write_file("a/b", made), "other")
    assert found.name == "a/b"
    assert [each.content for each in found.version.messages] == contents
    assert checked(found.version).digest == made.digest


def test_a_small_change_is_a_small_difference() -> None:
    text = "\n".join(f"Line {number} of what is said." for number in range(50))
    old, new = version(text, model="m/a"), version(text.replace("Line 25", "LINE 25"), model="m/a")
    lines = list(difflib.ndiff(write_file("p", old).splitlines(), write_file("p", new).splitlines()))
    assert sum(line.startswith(("+ ", "- ")) for line in lines) == 2


def test_a_name_may_stand_in_the_path_alone() -> None:
    assert read_file("messages:\n- {role: user, content: x}\n", "from/path").name == "from/path"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no prompt"),
        ("- a list", "holds no prompt"),
        ("a: b: c", "line 1"),
        ("messages: &a []\ntools: *a", "line 2: aliases are not taken"),
        ("messages: []\nextra: 1", "unknown field `extra`"),
        ("messages:\n- role: user", "required field `content`"),
        ("name: ../x\nmessages:\n- {role: user, content: x}", "no name"),
        ("messages: !!python/object/apply:os.system ['id']", "line 1"),
        ("a: " + "[" * 3000, "no YAML|line 1"),
        ("x" * 1_100_000, "more than 1048576 bytes"),
    ],
)
def test_what_is_no_file_of_a_prompt_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        read_file(text, "p")


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_rows_hold_both_texts_whole(before: list[str], after: list[str]) -> None:
    found = compare_texts("\n".join(before), "\n".join(after))
    assert [row.before for row in found.rows if row.before is not None] == before
    assert [row.after for row in found.rows if row.after is not None] == after
    assert (found.unified == "") == (before == after)
    assert all((row.before == row.after) == (row.change == "same") for row in found.rows)


def test_the_longest_texts_are_compared_in_bounded_time() -> None:
    found = compare_texts("a\n" * 50_000, "a\n" * 50_001 + "b\n")
    assert len(found.rows) == 50_002 and found.unified.startswith("--- before\n+++ after\n")


def test_versions_are_compared_as_their_files() -> None:
    one = version("Hi", parameters={"temperature": 0.5})
    other = msgspec.structs.replace(version("Hi", parameters={"temperature": 1}), number=2)
    found = compare_versions("p", one, other)
    assert "--- p@0\n+++ p@2\n" in found.unified and "-  temperature: 0.5\n+  temperature: 1" in found.unified


CODE = "You are a careful reviewer of {language} code. Name each defect, its line, and how to mend it."


def code(text: str, name: str = "app.py:REVIEW") -> CodeText:
    return CodeText(source="app", name=name, version="0" * 12, text=text)


@pytest.mark.parametrize(
    ("engine", "content"),
    [
        ("mustache", CODE.replace("{language}", "{{& language }}")),
        ("jinja", CODE.replace("{language}", "{{ language }}")),
    ],
)
def test_a_twin_is_found_in_any_notation(engine: Any, content: str) -> None:
    found = nearest(
        "mending",
        version("short", content, engine=engine),
        [code("Something else entirely, of other words"), code(CODE)],
    )
    assert found is not None
    assert (found.name, found.message, found.likeness, found.unified) == ("app.py:REVIEW", 1, 1.0, "")


def test_the_nearest_of_several_is_the_twin_and_the_difference_shows() -> None:
    known = [code(CODE.replace("careful", "kind"), "old.py:REVIEW"), code(CODE)]
    changed = CODE.replace("{language}", "{{language}}").replace("mend", "repair")
    found = nearest("mending", version(changed), known)
    assert found is not None and found.name == "app.py:REVIEW" and 0.8 < found.likeness < 1
    assert found.unified.startswith("--- app.py:REVIEW\n+++ message 0\n") and "repair it." in found.unified


@pytest.mark.parametrize("text", ["You are a cook.", "Be kind.", ""])
def test_what_says_something_else_or_too_little_has_no_twin(text: str) -> None:
    assert nearest("mending", version(text), [code(CODE), code("Be kind."), code("")]) is None


def test_holes_read_as_those_of_code() -> None:
    assert plain_text("mustache", "a {{b}} {{{c}}} {{! d }}{{#e}}f{{/e}}") == "a {b} {c} {#e}f{/e}"
    assert plain_text("jinja", "a {{ b.c }}{# d #}") == "a {b.c}"
