"""Each promise is a sentence with its bound and the tests that attack it, and those tests exist."""

import ast
import re

import pytest
from tests.structure.source import ROOT

PAGE = ROOT / "docs" / "concepts" / "promises.md"
PROMISES_MIN = 18

_NAMED = re.compile(r"`((?:tests|bench)/[\w./-]+\.py)(?:::(\w+))?`")


def promises() -> list[tuple[str, str]]:
    """The title of each promise, and its text."""
    text = PAGE.read_text(encoding="utf-8").partition("\n## What they do not say")[0]
    paragraphs = [part for part in text.split("\n\n") if part.startswith("**")]
    return [(part.split("**")[1], part) for part in paragraphs]


def attackers() -> list[tuple[str, str, str]]:
    """Promise, file and test of each attack that is named."""
    return [(title, file, test) for title, text in promises() for file, test in _NAMED.findall(text)]


def test_every_promise_names_what_attacks_it() -> None:
    found = promises()
    assert len(found) >= PROMISES_MIN
    named = {title for title, _, _ in attackers()}
    assert not [title for title, _ in found if title not in named]


@pytest.mark.parametrize(("promise", "file", "test"), attackers())
def test_what_attacks_a_promise_exists(promise: str, file: str, test: str) -> None:
    path = ROOT / file
    assert path.is_file(), f"{promise}: there is no {file}"
    if not test:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert test in defined, f"{promise}: {file} has no {test}"
    assert test.startswith("test_")


def test_every_attack_and_every_drill_attacks_a_promise() -> None:
    named = {file for _, file, _ in attackers()}
    found = [
        *(ROOT / "tests" / "attack").glob("test_attack_*.py"),
        *(ROOT / "tests" / "faults").rglob("test_*.py"),
    ]
    wanted = {str(path.relative_to(ROOT)) for path in found}
    assert len(wanted) > 20
    assert wanted <= named, f"say in promises.md what these attack: {sorted(wanted - named)}"
