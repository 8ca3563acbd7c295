"""STYLE, errors and types: broad handlers at three borders only, never silence; money is never a float."""

import ast
import re
from collections.abc import Iterator

from tests.structure.source import Module, functions, modules

BORDERS: frozenset[str] = frozenset(
    {
        "headgate.api.jobs",  # the job
        "headgate.gateway.serve",  # the request
        "headgate.journal.shipper",  # the job: what a sink can't apply is kept apart, and the rest goes on
        "headgate.store.keeper",  # the job: the embedded database is looked after, whatever a look raises
        "headgate.sdk.border",  # the application: nothing of ours is raised into its code
        "headgate.processes.worker",  # the process: whatever ends it is logged, and is its exit status
    }
)
"""Modules that may catch `Exception`: where a request, a job, a command or our part of an application begins.
Only gets shorter."""

MONEY = re.compile(r"(^|_)(pico_)?usd(_|$)")


def handlers(module: Module) -> Iterator[ast.ExceptHandler]:
    yield from (node for node in ast.walk(module.tree) if isinstance(node, ast.ExceptHandler))


def caught(handler: ast.ExceptHandler) -> set[str]:
    if handler.type is None:
        return {"everything"}
    return {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}


def raises_again(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None


def test_whatever_goes_wrong_is_caught_at_a_border_only() -> None:
    broad = {
        module.name
        for module in modules()
        for handler in handlers(module)
        if "Exception" in caught(handler) and not raises_again(handler)
    }
    assert broad == BORDERS


def test_base_exceptions_are_always_raised_again() -> None:
    swallowed = [
        f"{module.where}:{handler.lineno}"
        for module in modules()
        for handler in handlers(module)
        if caught(handler) & {"everything", "BaseException"} and not raises_again(handler)
    ]
    assert not swallowed


def test_no_handler_is_silent() -> None:
    silent = [
        f"{module.where}:{handler.lineno}"
        for module in modules()
        for handler in handlers(module)
        if all(isinstance(statement, ast.Pass) for statement in handler.body)
    ]
    assert not silent


def names_float(annotation: ast.expr | None) -> bool:
    if annotation is None:
        return False
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        annotation = ast.parse(annotation.value, mode="eval").body
    return any(isinstance(node, ast.Name) and node.id == "float" for node in ast.walk(annotation))


def annotated(module: Module) -> Iterator[tuple[str, ast.expr | None, int]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target).rpartition(".")[2], node.annotation, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.annotation, node.lineno
    for name, function in functions(module):
        yield name.rpartition(".")[2], function.returns, function.lineno


def test_money_is_never_a_float() -> None:
    floats = [
        f"{module.where}:{line} {name}"
        for module in modules()
        for name, annotation, line in annotated(module)
        if MONEY.search(name) and names_float(annotation)
    ]
    assert not floats
