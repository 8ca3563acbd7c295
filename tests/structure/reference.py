"""Writes docs/reference from the code: `make reference`. A test checks that it is up to date."""

import contextlib
import inspect
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from litestar.routes import HTTPRoute

from headgate.api.app import create_control_app
from headgate.api.services import ControlServices
from headgate.cli.app import main
from headgate.cli.checks import CHECKS
from headgate.config.document import Document
from headgate.core import faults
from headgate.policy.egress import GuardedEgress
from headgate.settings import VARIABLES
from headgate.store.clock import SystemClock
from headgate.store.database import Database
from headgate.store.migrate import migrations
from headgate.traces.otlp import bounds
from headgate.traces.otlp.answers import MEDIA_TYPES
from headgate.traces.otlp.receiving import ENCODINGS
from headgate.wire.routes import ROUTES

NOTE = "<!-- Written by `make reference` from the code; change it there. -->\n"

NAMES: dict[Any, str] = {
    Any: "any value",
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
}

COMMANDS = (
    "", "up", "plan", "apply", "keys", "keys create", "keys list", "keys revoke", "keys rotate",
    "budgets", "budgets list", "budgets set", "budgets delete", "budgets leases", "budgets release-boot",
    "requests", "requests list",
    "requests show", "traces", "traces list", "traces show", "traces search",
    "traces sessions", "traces lineage", "traces export", "metrics", "metrics list", "metrics series",
    "providers", "models",
    "costs", "doctor", "drill", "drill list", "drill run", "import", "import litellm", "scan", "check",
    "checks", "checks list", "checks show", "checks keep",
    "datasets", "datasets create", "datasets add", "datasets list",
    "datasets show", "datasets export", "datasets delete",
    "prompts", "prompts list", "prompts push", "prompts scan", "prompts show", "prompts unknown",
    "prompts create", "prompts versions", "prompts label", "prompts diff", "prompts render",
    "prompts archive", "prompts unarchive", "prompts delete", "prompts export", "prompts import",
    "feedback", "feedback add", "feedback list", "feedback import",
    "rollouts", "rollouts list", "rollouts show", "rollouts advance", "rollouts hold", "rollouts back",
    "rollouts resume",
    "experiments", "experiments list", "experiments plan", "experiments show", "experiments stop",
    "judges", "judges list", "judges define", "judges show", "judges check", "judges ask",
    "judges pairs", "judges plan", "reviews", "reviews list",
    "reviews add", "reviews next", "reviews mark", "reviews export",
    "grounding", "grounding show", "grounding check", "grounding sample", "grounding rules",
    "grounding studies",
    "grounding replay",
    "drift", "drift list", "drift show", "drift acknowledge", "drift canaries", "drift run",
    "drift traffic", "drift served",
    "outdated", "optimise",
    "rules", "rules list", "rules show", "rules set", "rules test", "rules history", "rules delete",
    "releases", "releases create", "releases list", "releases show", "releases compare", "releases promote",
    "releases rollback", "releases environments", "releases history", "releases status", "whatif",
    "backup", "restore", "upgrade", "version", "erase", "erasures", "erasures create", "erasures list",
    "erasures show", "erasures verify",
)  # fmt: skip
"""Every command. The test fails when one is missing here."""


def help_of(command: str) -> str:
    """What `headgate COMMAND --help` prints, at a width of its own."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            main([*command.split(), "--help"])
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


def commands() -> str:
    parts = ["# Commands", NOTE, "Data goes to standard output, talk to standard error. Exit status: 0 done,"]
    parts.append("1 failed, 2 the command line makes no sense, 3 no server answers, 130 interrupted.\n")
    for command in COMMANDS:
        parts.append(f"## `{f'headgate {command}'.strip()}`\n\n```text\n{help_of(command)}\n```\n")
    parts.append("## Checks of `headgate doctor`\n\n| Check | Prevents | Mended by |\n|---|---|---|")
    parts.extend(f"| `{check.id}`: {check.what} | {check.why} | {check.fix} |" for check in CHECKS)
    return "\n".join(parts) + "\n"


def structs_of(hint: Any) -> Iterator[type[msgspec.Struct]]:
    """The structs inside a type such as `dict[str, X]` or `tuple[X, ...]`."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for inner in get_args(hint):
        yield from structs_of(inner)


def described(struct: type[msgspec.Struct]) -> str:
    rows = [f"### {first_line(struct)}\n", "| Key | Type | Default |", "|---|---|---|"]
    for field in msgspec.structs.fields(struct):
        kind = plain_type(field.type)
        rows.append(f"| `{field.encode_name}` | {kind} | {default_of(field)} |")
    return "\n".join(rows) + "\n"


def plain_type(hint: Any) -> str:
    """How a type reads: the description of an annotated one, the names of the others; None is left out."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        said = [note.description for note in notes if isinstance(note, msgspec.Meta) and note.description]
        return said[0] if said else plain_type(inner)
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(plain_type(each) for each in get_args(hint) if each is not type(None))
    if get_origin(hint) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(hint))
    if get_origin(hint) is dict:
        return f"table of {plain_type(get_args(hint)[1])}"
    if get_origin(hint) is tuple:
        return f"list of {plain_type(get_args(hint)[0])}"
    if is_struct(hint):
        return first_line(hint).partition(":")[0].rstrip(".")
    return NAMES.get(hint, str(hint))


def is_struct(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def default_of(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else None
    if value is None or isinstance(value, msgspec.Struct) or value == ():
        return ""
    return f"`{msgspec.json.encode(value).decode()}`"


def first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")


def settings() -> str:
    parts = ["# Settings", NOTE, "## Environment\n", "| Variable | Default | |", "|---|---|---|"]
    parts.extend(f"| `{v.name}` | {v.default} | {v.text} |" for v in VARIABLES)
    parts.append("\n## headgate.toml\n\nUnknown keys are errors that name the nearest known key.\n")
    seen: list[type[msgspec.Struct]] = []
    waiting: list[type[msgspec.Struct]] = [Document]
    while waiting:
        struct = waiting.pop(0)
        if struct in seen:
            continue
        seen.append(struct)
        parts.append(described(struct))
        for hint in get_type_hints(struct).values():
            waiting.extend(structs_of(hint))
    return "\n".join(parts)


def control_routes() -> list[tuple[str, str, str, str]]:
    """Method, path, grant and first sentence of every route of the control API."""
    services = ControlServices(
        database=Database("postgresql://unused"), clock=SystemClock(), egress=GuardedEgress({})
    )
    found: list[tuple[str, str, str, str]] = []
    for route in create_control_app(services).routes:
        if not isinstance(route, HTTPRoute) or route.path_format == "/api/{path}":
            continue  # the second is the framework's own page for what is not found
        for handler in route.route_handlers:
            for method in sorted(handler.http_methods - {"OPTIONS"}):
                grant = str(handler.opt.get("grant"))
                found.append((str(method), route.path_format, grant, first_line(handler.fn)))
    return sorted(found, key=lambda row: (row[1], row[0]))


def routes() -> str:
    parts = ["# Routes", NOTE, "## Models\n", "| | Path | Dialect | Operation |", "|---|---|---|---|"]
    for row in ROUTES:
        paths = ", ".join(f"`{path}`" for path in row.paths)
        parts.append(f"| {row.method} | {paths} | {row.dialect} | {row.operation} |")
    parts.append("\n## Control\n\nEverything else; the full description is `/api/openapi.json`.\n")
    parts.extend(("| | Path | Grant | |", "|---|---|---|---|"))
    parts.extend(f"| {m} | `{path}` | `{grant}` | {text} |" for m, path, grant, text in control_routes())
    parts.append(otlp())
    return "\n".join(parts) + "\n"


def otlp() -> str:
    """What exporters rely on: OTLP's own contract, which is why /api/openapi.json says nothing of it."""
    types, encodings = (
        " or ".join(f"`{word}`" for word in words) for words in (MEDIA_TYPES.values(), ENCODINGS)
    )
    parts = [
        "\n## OTLP over HTTP\n\n`/v1/traces`, `/v1/logs` and `/v1/metrics` keep to OTLP's own contract",
        "(opentelemetry.io/docs/specs/otlp), not to `/api/openapi.json`. Bodies are",
        f"{types}, with the content-encoding",
        f"{encodings}; a key may stand in any header that clients use.",
        "200 answers in the form of the request, with `partialSuccess` where some was refused, and why; all",
        "else is a `google.rpc.Status`: 400 no such message, 401 and 403 the key, 413 too large, 415 another",
        "form. 429 and 503 say to come again. Log records and metrics are refused in words.",
        "\n| Bound | |\n|---|---|",
    ]
    named = [(name, value) for name, value in vars(bounds).items() if name.isupper()]
    parts.extend(f"| `{name}` | {value:,} |" for name, value in named)
    return "\n".join(parts)


def leaves(fault: type[faults.Fault]) -> Iterator[type[faults.Fault]]:
    children = fault.__subclasses__()
    if not children:
        yield fault
    for child in children:
        yield from leaves(child)


def errors() -> str:
    parts = ["# Errors", NOTE, "| Status | Code | Retry helps | When | Hint |", "|---|---|---|---|---|"]
    ours = [leaf for leaf in leaves(faults.Fault) if leaf.__module__ == faults.__name__]
    for leaf in sorted(ours, key=lambda leaf: (leaf.status, leaf.code)):
        retry = "yes" if leaf.retryable else "no"
        parts.append(f"| {leaf.status} | `{leaf.code}` | {retry} | {first_line(leaf)} | {leaf.hint} |")
    parts.append(f"\n```text\n{inspect.getdoc(faults)}\n```")
    return "\n".join(parts) + "\n"


def tables() -> str:
    parts = ["# Tables", NOTE]
    created = re.compile(r"((?:^--[^\n]*\n)*)^create table (\w+) \((.*?)^\)", re.MULTILINE | re.DOTALL)
    for migration in migrations():
        parts.append(f"## {migration.name}\n")
        for comment, name, body in created.findall(migration.sql):
            said = " ".join(line.removeprefix("--").strip() for line in comment.splitlines())
            said = f"\n{said}\n" if said else ""
            parts.append(f"### `{name}`\n{said}\n```sql\n{inspect.cleandoc(body.strip(chr(10)))}\n```\n")
    return "\n".join(parts)


PAGES = {
    "commands.md": commands,
    "settings.md": settings,
    "routes.md": routes,
    "errors.md": errors,
    "tables.md": tables,
}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for page, write in PAGES.items():
        (folder / page).write_text(write(), encoding="utf-8")
