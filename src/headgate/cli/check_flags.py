"""The flags of `headgate check`. Read next: `cli.check_run`."""

from typing import Annotated

import msgspec
import typer


class Choosing(msgspec.Struct, frozen=True, kw_only=True):
    """Which checks, and how."""

    only: Annotated[str | None, typer.Option("--only", help="Only the check of this name.")] = None
    target: Annotated[str | None, typer.Option("--target", help="Only the target of this name.")] = None
    all_cases: Annotated[
        bool, typer.Option("--all", help="Ask all cases, even when it is decided before.")
    ] = False
