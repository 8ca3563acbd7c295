"""The reference is generated and up to date: a setting, route, command or error without docs fails here."""

from typing import Any

import pytest
import typer.main
from tests.structure.reference import COMMANDS, PAGES
from tests.structure.source import ROOT

from headgate.cli.app import command_line

REFERENCE = ROOT / "docs" / "reference"


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_what_the_code_says(page: str) -> None:
    assert (REFERENCE / page).read_text(encoding="utf-8") == PAGES[page](), "run `make reference`"


def test_every_command_is_in_it() -> None:
    found: set[str] = {""}

    def walk(command: Any, path: str) -> None:
        for name, child in getattr(command, "commands", {}).items():
            found.add(f"{path} {name}".strip())
            walk(child, f"{path} {name}".strip())

    walk(typer.main.get_command(command_line()), "")
    assert found == set(COMMANDS)


def test_the_glossary_has_a_word_for_each_idea() -> None:
    text = (REFERENCE / "glossary.md").read_text(encoding="utf-8")
    for word in ("call", "attempt", "target", "budget", "reservation", "snapshot", "segment", "sink"):
        assert f"**{word}**" in text
