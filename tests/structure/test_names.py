"""STYLE, names: modules are named by what they hold, and packages begin with what they are."""

import ast
import re
from collections import Counter

import pytest
from tests.structure.source import SOURCE, Module, modules, modules_of_tests

BANNED = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
BANNED_ENDINGS = re.compile(r"(_v\d+|_legacy|_backup|_old|_new)$")


def test_no_module_is_a_drawer() -> None:
    names = {module.where: module.name.rpartition(".")[2] for module in (*modules(), *modules_of_tests())}
    bad = {where for where, name in names.items() if name in BANNED or BANNED_ENDINGS.search(name)}
    assert not bad


def test_test_files_have_names_of_their_own() -> None:
    given = {"__init__.py", "conftest.py"}
    counts = Counter(module.path.name for module in modules_of_tests() if module.path.name not in given)
    assert not [name for name, count in counts.items() if count > 1]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.where)
def test_every_module_says_what_it_is(module: Module) -> None:
    docstring = ast.get_docstring(module.tree)
    assert docstring, "a module docstring says what it is, what it never does, and where to read next"
    assert docstring != "TBD"


def test_packages_hold_nothing_but_their_docstring() -> None:
    """The package `headgate` itself also says its version, `headgate.sdk` what applications import."""
    holding = [
        module.where
        for module in modules()
        if module.path.name == "__init__.py"
        and len(module.tree.body) > (2 if module.name in ("headgate", "headgate.sdk") else 1)
    ]
    assert not holding


def test_every_package_has_its_init() -> None:
    folders = {path.parent for path in SOURCE.rglob("*.py")}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").exists()]
