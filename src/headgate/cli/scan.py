"""`headgate scan PATH`: the prompts of a tree of code, and what is hard-coded beside them; asks no server.

Only the flags stand here; the work is loaded when the command runs. Read next: `scan_report`.
"""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headgate.cli.command import locally
from headgate.cli.output import Output


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a scan reads, and where its report goes."""

    html: Annotated[Path | None, typer.Option("--html", help="Write the report as one HTML page.")] = None
    tests: Annotated[bool, typer.Option("--tests", help="Count prompts in tests, too.")] = False
    history: Annotated[
        bool, typer.Option("--history", help="Show every version in git, with the commits that hold it.")
    ] = False
    commits: Annotated[
        bool, typer.Option(help="Whether to look up in git since when each prompt reads as it does.")
    ] = True
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="Where read commits are kept; by default ~/.cache/headgate/scan."),
    ] = None
    dependencies: Annotated[
        bool,
        typer.Option(
            "--dependencies",
            help="Read installed packages, too: those of PATH's virtual environments, else of this Python.",
        ),
    ] = False


@locally
def scan(
    out: Output,
    path: Annotated[Path, typer.Argument(help="A folder of code, or one file.")],
    reading: Reading,
) -> None:
    """Find the prompts in code, with the parameters, models and keys written beside them."""
    from headgate.cli.scan_report import report

    report(out, path, reading)
