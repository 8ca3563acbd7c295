"""What `headgate scan` does and prints: its tables, its lines of JSON, and what it says beside them.

The scan itself stands in `headgate.prompts`. Read next: `scan_page`, then `headgate.prompts.scanning`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headgate.cli.code_flags import Reading
from headgate.cli.failure import CommandFailed
from headgate.cli.output import PIPE_WIDTH, Column, Output
from headgate.cli.progress import Bars
from headgate.cli.scan_page import page
from headgate.cli.scan_sections import STATE_STYLES, Section, Survey, count, counted, sections, summary
from headgate.prompts.git import NoHistory
from headgate.prompts.history import History, history_of
from headgate.prompts.kept_files import KeptFiles
from headgate.prompts.model import Found
from headgate.prompts.packages import environments_of, scan_packages
from headgate.prompts.scanning import Options, scan_tree

KEPT_IN = "~/.cache/headgate/scan"


def report(out: Output, path: Path, reading: Reading) -> None:
    """Scan a path and print what was found; raises CommandFailed where there is nothing to scan."""
    if not path.exists():
        raise CommandFailed(f"there is no {path}", "name a folder of code, for example `headgate scan .`")
    survey = _survey(out, path, reading)
    if reading.html is not None:
        reading.html.write_text(page(survey), encoding="utf-8")
        out.say(f"wrote {reading.html}")
    if out.as_json:
        for line in lines(survey):
            out.line(line)
        for skipped in survey.scan.skipped:
            out.say(f"not read: {skipped.path}:{skipped.line}: {skipped.why}")
    else:
        _print(sections(survey))
    for line in _said(survey):
        out.say(line)


def _survey(out: Output, path: Path, reading: Reading) -> Survey:
    options = Options(tests=reading.tests)
    with_commits = reading.history or reading.commits
    with Bars() as bars:
        kept = KeptFiles(path, _kept_in(reading), options) if with_commits else None
        found = scan_tree(path, options, bars.bar("reading files"), kept.read if kept else None)
        if kept is not None:
            kept.save()
        history, why = None, "commits were not asked for"
        if with_commits:
            history, why = _history(path, reading, found.prompts, bars)
        for packages in environments_of(path) if reading.dependencies else ():
            installed = scan_packages(path, packages, options, bars.bar("reading packages"))
            of = f"{counted(installed.files, 'file')} of {packages}"
            out.say(f"{count(installed.prompts, 'prompt')} in {of}")
            found = msgspec.structs.replace(found, prompts=(*found.prompts, *installed.prompts))
    if reading.history and history is None:
        raise CommandFailed(
            f"{path} has no history: {why}", "leave --history out, or name a folder of a git repository"
        )
    return Survey(path=str(path), scan=found, history=history, why=why, every=reading.history)


def _kept_in(reading: Reading) -> Path:
    return reading.cache or Path(KEPT_IN).expanduser()


def _history(
    path: Path, reading: Reading, prompts: tuple[Found, ...], bars: Bars
) -> tuple[History | None, str]:
    """Read all of the history, or what tells since when the prompts are what they are."""
    folder = path if path.is_dir() else path.parent
    only = None if reading.history and path.is_dir() else frozenset(each.path for each in prompts)
    if path.is_file():
        only = frozenset({path.name})
    try:
        return history_of(folder, _kept_in(reading), bars.bar("reading commits"), only), ""
    except NoHistory as error:
        return None, str(error)


def lines(survey: Survey) -> Iterator[dict[str, Any]]:
    """Yield what `--json` prints: the prompts as they are now, or every version of them."""
    if survey.every and survey.history is not None:
        for version in survey.history.versions:
            yield as_line(version.found, version.first_commit, version.last_commit)
        return
    for prompt in survey.scan.prompts:
        version = survey.version_of(prompt)
        if version is None:
            yield as_line(prompt, None, None)
        else:
            yield as_line(prompt, version.first_commit, version.last_commit)


def as_line(prompt: Found, first: str | None, last: str | None) -> dict[str, Any]:
    """Return a prompt as `--json` prints it; its commits are null where no commit holds it."""
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


def _said(survey: Survey) -> Iterator[str]:
    """Yield what is said beside the report."""
    history = survey.history
    if history is None:
        yield f"first_commit and last_commit are empty: {survey.why}"
    else:
        uncommitted = sum(survey.version_of(each) is None for each in survey.own)
        if uncommitted and not survey.every:
            yield f"in no commit yet: {counted(uncommitted, 'prompt')}"
        if history.shallow:
            yield "a shallow clone: `git fetch --unshallow` brings the older commits"
        yield (
            f"{count(history.versions, 'version')} in {counted(history.commits, 'commit')}; "
            f"{history.blobs_read:,} of {counted(history.blobs, 'state')} of files were new"
        )
    yield summary(survey)


def _print(parts: list[Section]) -> None:
    at_terminal = sys.stdout.isatty()
    console = Console(file=sys.stdout, width=None if at_terminal else PIPE_WIDTH, highlight=False)
    for part in parts:
        if not part.rows:
            continue
        table = Table(
            box=None, pad_edge=False, header_style="bold", title=f"{part.title} ({len(part.rows):,})",
            title_justify="left", title_style="bold cyan",
        )  # fmt: skip
        columns = _for_terminal(part) if at_terminal and part.by_file else part.columns
        for column in columns:
            table.add_column(
                column.title,
                justify="right" if column.right else "left",
                no_wrap=column.path != "why",
                style="dim" if column.path in ("where", "line", "version") else "",
                min_width=STATE_WIDTH if column.path == "shown" else None,
                max_width=SYMBOL_WIDTH_MAX if at_terminal and column.path == "symbol" else None,
                ratio=1 if at_terminal and column.path == "short" else None,
            )
        table.expand = at_terminal and any(column.path == "short" for column in columns)
        _fill(table, part, columns, by_file=columns is not part.columns)
        console.print(table)
        console.print()


SYMBOL_WIDTH_MAX = 48
STATE_WIDTH = len("retired on 2026-01-01")


def _for_terminal(part: Section) -> tuple[Column, ...]:
    """Return the columns of a table in which each file's path stands above its rows."""
    shown = [column for column in part.columns if column.path not in ("where", "holes", "version", "since")]
    since = [Column("since", "day")] if any(column.path == "since" for column in part.columns) else []
    return (*_first_symbol(shown), *since, *[each for each in shown if each.path != "symbol"])


def _first_symbol(columns: list[Column]) -> tuple[Column, ...]:
    symbols = [column for column in columns if column.path == "symbol"]
    return (*symbols, Column("line", "line", right=True))


def _fill(table: Table, part: Section, columns: tuple[Column, ...], *, by_file: bool) -> None:
    path = ""
    for row in part.rows:
        if by_file and row["path"] != path:
            path = row["path"]
            table.add_row(Text(path, style="bold"))
        style = STATE_STYLES.get(str(row.get("state")), "")
        cells = [Text(column.text(row)) for column in columns]
        if by_file:
            cells[0] = Text("  ") + cells[0]
        table.add_row(*cells, style=style)
