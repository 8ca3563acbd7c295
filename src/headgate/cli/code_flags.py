"""The flags of commands that read code: what is read, and where what was read goes.

By themselves, so that commands load quickly. Read next: `scan_report`, `prompts_push`.
"""

from pathlib import Path
from typing import Annotated

import msgspec
import typer


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


class Pushing(msgspec.Struct, frozen=True, kw_only=True):
    """What is pushed, and under which name."""

    source: Annotated[
        str | None, typer.Option("--source", help="The source's name; by default the repository's.")
    ] = None
    project: Annotated[str | None, typer.Option(help="Whose prompts they are; by default the key's.")] = None
    dependencies: Annotated[
        bool, typer.Option("--dependencies", help="Push the prompts of installed packages, too.")
    ] = False
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="Where read commits are kept; by default ~/.cache/headgate/scan."),
    ] = None
