"""STYLE, access: routes are closed by default, and no question on records forgets whose they are."""

import ast
import re
from collections.abc import Iterator

import pytest
from tests.structure.source import SOURCE, AnyFunction, Module, functions, modules

from headgate.core.call import Dialect, Operation
from headgate.store.queries import parse
from headgate.wire.routes import ROUTES, RouteRow, match

HANDLERS = {"get", "post", "put", "patch", "delete", "head", "route", "websocket", "asgi"}

RECORD_TABLES = (
    *(
        "requests",
        "request_bodies",
        "messages",
        "rollups",
        "rollup_days",
        "session_days",
        "series_sums",
        "open_calls",
    ),
    *("spans", "span_words", "span_events", "traces", "trace_rollups", "metric_series", "metric_points"),
)

UNSCOPED: frozenset[str] = frozenset(
    {
        # What the shipper and the jobs do for all projects alike; no caller's answer comes from it.
        "records.boot_open_calls",
        "records.close_calls",
        "records.known_values",
        "records.list_record_projects",
        "records.count_default_rows",
    }
)
"""Statements that read records without `project_ids`. The list only gets shorter."""


def decorators(function: AnyFunction) -> Iterator[tuple[str, ast.Call | None]]:
    for decorator in function.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        target = call.func if call is not None else decorator
        yield (target.id if isinstance(target, ast.Name) else ""), call


def declares_grant(call: ast.Call | None) -> bool:
    if call is None:
        return False
    options = [keyword.value for keyword in call.keywords if keyword.arg == "opt"]
    return any(
        isinstance(key, ast.Constant) and key.value == "grant"
        for option in options
        if isinstance(option, ast.Dict)
        for key in option.keys
    )


def uses_litestar(module: Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.module == "litestar" for node in ast.walk(module.tree)
    )


def handlers() -> Iterator[tuple[str, ast.Call | None]]:
    for module in modules():
        if not uses_litestar(module):
            continue
        for name, function in functions(module):
            for decorator, call in decorators(function):
                if decorator in HANDLERS:
                    yield f"{module.where}:{name}", call


def test_every_route_of_the_control_api_declares_its_grant() -> None:
    found = dict(handlers())
    assert len(found) >= 20
    assert not [where for where, call in found.items() if not declares_grant(call)]


@pytest.mark.parametrize("row", ROUTES, ids=lambda row: f"{row.method} {row.path}")
def test_every_model_route_is_known_to_the_one_way_in(row: RouteRow) -> None:
    """What has a dialect and an operation goes through `serve`; nothing else is routed to a model."""
    assert row.dialect in Dialect.__args__
    assert row.operation in Operation.__args__
    for path in row.paths:
        found = match(row.method, path.replace("{model}", "some-model"))
        assert found is not None
        assert found.operation == row.operation


def test_what_is_no_model_route_is_not_matched() -> None:
    for path in ("/", "/api/v1/keys", "/v1/chat/completions/", "/v1/chat/completions/x", "/healthz"):
        assert match("POST", path) is None


def statements() -> Iterator[tuple[str, str]]:
    for path in sorted(SOURCE.rglob("*.sql")):
        if path.parent.name == "migrations":
            continue
        for name, text in parse(path.read_text(encoding="utf-8"), path.name).items():
            yield f"{path.parent.name}.{name}", re.sub(r"--.*", "", text)


def test_every_statement_that_reads_records_is_scoped_to_projects() -> None:
    tables = "|".join(RECORD_TABLES)
    reads = re.compile(rf"\b(?:from|join)\s+(?:{tables})\b", re.IGNORECASE)
    reading = {name for name, text in statements() if reads.search(text)}
    assert "records.list_requests" in reading
    unscoped = {name for name, text in statements() if name in reading and "project_ids" not in text}
    assert unscoped <= UNSCOPED, "take project_ids, and filter by it inside the query"


def test_every_public_question_on_records_takes_project_ids() -> None:
    asked = 0
    for module in modules():
        if module.name not in ("headgate.records.queries", "headgate.records.bodies"):
            continue
        for node in module.tree.body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                names = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
                assert "project_ids" in names, f"{module.where}:{node.name}"
                asked += 1
    assert asked >= 4
