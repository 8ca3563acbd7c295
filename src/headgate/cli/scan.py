"""`headgate scan PATH`: the prompts of a tree of code, and what is hard-coded beside them; asks no server.

The scan itself stands in `headgate.prompts`, which is loaded only when the command runs. Read next:
`headgate.prompts.scanning`.
"""

import html
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.command import locally
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Column, Output

app = typer.Typer(help="Find the prompts that stand in code.")

TEXT_LENGTH_MAX = 60
PLACES_MAX = 3
SHORT = 10
"""Digits of a commit's id in a table."""

PROMPTS = (
    Column("prompt", "symbol"),
    Column("where", "where"),
    Column("version", "version"),
    Column("holes", "holes"),
    Column("text", "short"),
)
VERSIONS = (*PROMPTS[:3], Column("first commit", "first"), Column("last commit", "last"), *PROMPTS[3:])
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
    history: Annotated[
        bool, typer.Option("--history", help="Show every version in git, with the commits that hold it.")
    ] = False
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="Where read commits are kept; by default ~/.cache/headgate."),
    ] = None
    dependencies: Annotated[
        bool, typer.Option("--dependencies", help="Read packages installed within PATH, too.")
    ] = False


@app.command("scan")
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
    versions = _versions(path, reading, out) if reading.history else None
    _cleared()
    if reading.html is not None:
        reading.html.write_text(page(found, str(path), versions), encoding="utf-8")
        out.say(f"wrote {reading.html}")
    if out.as_json:
        for line in lines(found, versions):
            out.line(line)
        for skipped in found.skipped:
            out.say(f"not read: {skipped.path}:{skipped.line}: {skipped.why}")
        return
    for columns, rows, empty in sections(found, versions):
        out.rows(rows, columns, empty=empty)
        if rows:
            out.text("")
    out.say(summary(found))


def _versions(path: Path, reading: Reading, out: Output) -> Any:
    """Read the history of what is scanned; raises CommandFailed where there is none."""
    from headgate.prompts.git import NoHistory
    from headgate.prompts.history import history_of

    folder = path if path.is_dir() else path.parent
    kept_in = reading.cache or Path("~/.cache/headgate/scan").expanduser()
    try:
        history = history_of(folder, kept_in, _progress_of_blobs if sys.stderr.isatty() else None)
    except NoHistory as error:
        raise CommandFailed(
            f"{folder} has no history: {error}", "leave --history out, or name a folder of a git repository"
        ) from error
    if history.shallow:
        out.say("a shallow clone: `git fetch --unshallow` brings the older commits")
    out.say(
        f"{len(history.versions)} versions; {history.blobs_read} of {history.blobs} files' states were new"
    )
    return history.versions


def lines(found: Any, versions: Any) -> Iterator[dict[str, Any]]:
    """Yield what `--json` prints: the prompts as they are now, or every version of them."""
    if versions is None:
        for prompt in found.prompts:
            yield as_line(prompt, None, None)
        return
    for version in versions:
        yield as_line(version.found, version.first_commit, version.last_commit)


def as_line(prompt: Any, first: str | None, last: str | None) -> dict[str, Any]:
    """Return a prompt as `--json` prints it; its commits are known only with its history."""
    return {
        "path": prompt.path,
        "symbol": prompt.symbol,
        "line": prompt.line,
        "version": prompt.template.version,
        "text": prompt.template.text,
        "holes": list(prompt.template.holes),
        "kind": prompt.kind,
        "first_commit": first,
        "last_commit": last,
    }


def sections(found: Any, versions: Any = None) -> list[tuple[tuple[Column, ...], Rows, str]]:
    """Return the tables of a report: columns, rows, and what to say where there is none."""
    if versions is None:
        prompts = (PROMPTS, [_prompt(each) for each in found.prompts], "No prompts found.")
    else:
        rows = [
            {
                **_prompt(each.found),
                "first": each.first_commit[:SHORT],
                "last": "now" if each.is_newest else each.last_commit[:SHORT],
            }
            for each in versions
        ]
        prompts = (VERSIONS, rows, "No prompts found in any commit.")
    return [
        prompts,
        (PARAMETERS, _rows(found.parameters), "No parameters are hard-coded."),
        (MODELS, _models(found.models), "No models are named."),
        (KEYS, _rows(found.keys), "No keys were left in the files."),
        (SKIPPED, _rows(found.skipped), "Every file was read."),
    ]


def _prompt(found: Any) -> dict[str, Any]:
    return {
        "symbol": found.symbol,
        "where": _where(found),
        "version": found.template.version,
        "holes": _cut(", ".join(found.template.holes), TEXT_LENGTH_MAX // 2),
        "short": _cut(" ".join(found.template.text.split()), TEXT_LENGTH_MAX),
        "text": found.template.text,
    }


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


def page(found: Any, path: str, versions: Any = None) -> str:
    """Write a report as one HTML page that loads nothing."""
    blocks = [f"<h1>{html.escape(path)}</h1><p>{html.escape(summary(found))}</p>"]
    for columns, rows, empty in sections(found, versions):
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


def _progress_of_blobs(done: int, of: int) -> None:
    print(f"\r\033[Khistory: {done} of {of} new states of files", end="", file=sys.stderr, flush=True)


def _cleared() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
