"""Prompts of public programs, as people listed them by reading: the scan finds at least 95 % of each list.

The programs are not in this repository. `PROMPT_REPOSITORIES` names a folder that holds copies of them, each
in a folder named as its list; without it these tests are skipped. `path:symbol` names a constant, an entry of
which counts, too; `path@line` names the line of a text that has no name.
"""

import os
from pathlib import Path

import pytest

from headgate.prompts.model import Found
from headgate.prompts.scanning import scan_tree

LISTS = sorted((Path(__file__).parent / "prompts_by_hand").glob("*.txt"))
SHARE_MIN = 0.95
LINES_APART_MAX = 1


def listed(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


def is_found(name: str, found: list[Found]) -> bool:
    path, at, line = name.partition("@")
    if at:
        return any(each.path == path and abs(each.line - int(line)) <= LINES_APART_MAX for each in found)
    path, _, symbol = name.partition(":")
    entries = (f"{symbol}[", f"{symbol}.")
    return any(
        each.path == path and (each.symbol == symbol or each.symbol.startswith(entries)) for each in found
    )


@pytest.mark.timeout(60)
@pytest.mark.parametrize("file", LISTS, ids=lambda file: file.stem)
def test_what_people_listed_is_found(file: Path) -> None:
    copies = os.environ.get("PROMPT_REPOSITORIES")
    if copies is None or not (Path(copies) / file.stem).is_dir():
        pytest.skip(f"PROMPT_REPOSITORIES names no folder with a copy of {file.stem}")
    found = list(scan_tree(Path(copies) / file.stem).prompts)
    names = listed(file)
    missing = [name for name in names if not is_found(name, found)]
    assert len(names) - len(missing) >= SHARE_MIN * len(names), missing


def test_every_list_names_places() -> None:
    assert len(LISTS) == 5
    for file in LISTS:
        names = listed(file)
        assert len(names) >= 28
        assert len(set(names)) == len(names), file.name
        assert all((":" in name) != ("@" in name) for name in names), file.name
