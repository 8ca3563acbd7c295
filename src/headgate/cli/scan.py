"""`headgate scan PATH`: the prompts of a tree of code, and what is hard-coded beside them; asks no server.

The scan itself stands in `headgate.prompts`, which is loaded only when the command runs. Read next:
`headgate.prompts.scanning`.
"""

import html
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.command import locally
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Column, Output

TEXT_LENGTH_MAX = 60
PLACES_MAX = 3

PROMPTS = (
    Column("prompt", "symbol"),
    Column("where", "where"),
    Column("version", "version"),
    Column("holes", "holes"),
    Column("text", "short"),
)
PARAMETERS = (
    Column("parameter", "name"),
    Column("value", "value"),
    Column("where", "where"),
    Column("in", "symbol"),
    Column("call", "call"),
)
MODELS = (
    Column("model", "model"),
    Column("state", "state"),
    Column("places", "count", right=True),
    Column("where", "where"),
)
KEYS = (Column("key", "kind"), Column("masked", "masked"), Column("where", "where"))
SKIPPED = (Column("not read", "where"), Column("why", "why"))

Rows = list[dict[str, Any]]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan reads, and where its report goes."""

    html: Annotated[Path | None, typer.Option("--html", help="Write the report as one HTML page.")] = None
    tests: Annotated[bool, typer.Option("--tests", help="Count prompts in tests, too.")] = False
    dependencies: Annotated[
        bool, typer.Option("--dependencies", help="Read packages installed within PATH, too.")
    ] = False


@locally
def scan(
    out: Output,
    path: Annotated[Path, typer.Argument(help="A folder of code, or one file.")],
    reading: Reading,
) -> None:
    """Find the prompts in code, with the parameters, models and keys written beside them."""
    from headgate.prompts.scanning import Options, scan_tree

    if not path.exists():
        raise CommandFailed(f"there is no {path}", "name a folder of code, for example `headgate scan .`")
    found = scan_tree(path, Options(tests=reading.tests, dependencies=reading.dependencies), _progress())
    _cleared()
    if reading.html is not None:
        reading.html.write_text(page(found, str(path)), encoding="utf-8")
        out.say(f"wrote {reading.html}")
    if out.as_json:
        for prompt in found.prompts:
            out.line(as_line(prompt))
        for skipped in found.skipped:
            out.say(f"not read: {skipped.path}:{skipped.line}: {skipped.why}")
        return
    for columns, rows, empty in sections(found):
        out.rows(rows, columns, empty=empty)
        if rows:
            out.text("")
    out.say(summary(found))


def as_line(prompt: Any) -> dict[str, Any]:
    """Return a prompt as `--json` prints it; its commits are known only with its history."""
    return {
        "path": prompt.path,
        "symbol": prompt.symbol,
        "line": prompt.line,
        "version": prompt.template.version,
        "text": prompt.template.text,
        "holes": list(prompt.template.holes),
        "kind": prompt.kind,
        "first_commit": None,
        "last_commit": None,
    }


def sections(found: Any) -> list[tuple[tuple[Column, ...], Rows, str]]:
    """Return the tables of a report: columns, rows, and what to say where there is none."""
    prompts = [
        {
            "symbol": each.symbol,
            "where": f"{each.path}:{each.line}",
            "version": each.template.version,
            "holes": _cut(", ".join(each.template.holes), TEXT_LENGTH_MAX // 2),
            "short": _cut(" ".join(each.template.text.split()), TEXT_LENGTH_MAX),
            "text": each.template.text,
            "why": each.why,
        }
        for each in found.prompts
    ]
    return [
        (PROMPTS, prompts, "No prompts found."),
        (PARAMETERS, _rows(found.parameters), "No parameters are hard-coded."),
        (MODELS, _models(found.models), "No models are named."),
        (KEYS, _rows(found.keys), "No keys were left in the files."),
        (SKIPPED, _rows(found.skipped), "Every file was read."),
    ]


def summary(found: Any) -> str:
    """Say in one line what was found."""
    models = {named.model: named.state for named in found.models}
    retired = sum(state == "retired" for state in models.values())
    dated = sum(state == "dated" for state in models.values())
    return (
        f"{len(found.prompts)} prompts, {len(found.parameters)} parameters, {len(models)} models "
        f"({retired} retired, {dated} dated), {len(found.keys)} keys in {found.files} files; "
        f"{len(found.skipped)} not read"
    )


def page(found: Any, path: str) -> str:
    """Write a report as one HTML page that loads nothing."""
    blocks = [f"<h1>{html.escape(path)}</h1><p>{html.escape(summary(found))}</p>"]
    for columns, rows, empty in sections(found):
        blocks.append(_table(columns, rows) if rows else f"<p>{html.escape(empty)}</p>")
    return PAGE.replace("BODY", "\n".join(blocks))


def _table(columns: tuple[Column, ...], rows: Rows) -> str:
    head = "".join(f"<th>{html.escape(column.title)}</th>" for column in columns)
    lines: list[str] = []
    for row in rows:
        cells: list[str] = []
        for column in columns:
            text = html.escape(column.text(row))
            if column.path == "short":
                text = f"<details><summary>{text}</summary><pre>{html.escape(row['text'])}</pre></details>"
            cells.append(f"<td>{text}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>headgate scan</title><style>
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color-scheme: light dark }
table { border-collapse: collapse; margin: 1.5rem 0; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884 }
pre { white-space: pre-wrap; max-width: 60rem }
</style></head><body>
BODY
</body></html>
"""


def _rows(found: Any) -> Rows:
    return [{**msgspec.structs.asdict(each), "where": _where(each)} for each in found]


def _models(named: Any) -> Rows:
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in named:
        places[(each.model, each.state)].append(_where(each))
    order = {"retired": 0, "dated": 1, "unknown": 2, "known": 3}
    return [
        {
            "model": model,
            "state": state,
            "count": len(where),
            "where": ", ".join(where[:PLACES_MAX]) + (" …" if len(where) > PLACES_MAX else ""),
        }
        for (model, state), where in sorted(places.items(), key=lambda item: (order[item[0][1]], item[0][0]))
    ]


def _where(each: Any) -> str:
    return f"{each.path}:{each.line}" if each.line else each.path


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _progress() -> Callable[[str], None] | None:
    if not sys.stderr.isatty():
        return None
    return _say_path


def _say_path(name: str) -> None:
    print(f"\r\033[K{name[:100]}", end="", file=sys.stderr, flush=True)


def _cleared() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
