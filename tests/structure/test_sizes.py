"""STYLE, size: files and functions stay small, and calls have few parameters. Allowlists only get shorter."""

import ast

from tests.structure.source import AnyFunction, Module, functions, modules, modules_of_tests

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
POSITIONAL_MAX = 5
PARAMETERS_MAX = 8

LONG_FILES: frozenset[str] = frozenset()
LONG_FUNCTIONS: frozenset[str] = frozenset()
MANY_PARAMETERS: frozenset[str] = frozenset()


def everything() -> tuple[Module, ...]:
    return (*modules(), *modules_of_tests())


def count_parameters(function: AnyFunction) -> tuple[int, int]:
    """Positional and all parameters, `self` and `cls` not counted."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    if positional and positional[0].arg in ("self", "cls"):
        positional = positional[1:]
    total = len(positional) + len(arguments.kwonlyargs) + bool(arguments.vararg) + bool(arguments.kwarg)
    return len(positional), total


def test_the_source_is_found() -> None:
    assert len(modules()) > 40
    assert len(modules_of_tests()) > 5


def test_no_file_is_long() -> None:
    long = {m.where for m in everything() if len(m.text.splitlines()) > FILE_LINES_MAX}
    assert long == LONG_FILES


def test_no_function_is_long() -> None:
    long = {
        f"{module.where}:{name}"
        for module in everything()
        for name, function in functions(module)
        if (function.end_lineno or 0) - function.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert long == LONG_FUNCTIONS


def test_no_function_takes_many_parameters() -> None:
    many: set[str] = set()
    for module in everything():
        for name, function in functions(module):
            positional, total = count_parameters(function)
            if positional > POSITIONAL_MAX or total > PARAMETERS_MAX:
                many.add(f"{module.where}:{name}")
    assert many == MANY_PARAMETERS


def test_the_counting_counts() -> None:
    [function] = ast.parse("def f(self, a, b, /, c, *rest, d, **more): ...").body
    assert isinstance(function, ast.FunctionDef)
    assert count_parameters(function) == (3, 6)
