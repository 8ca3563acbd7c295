"""`headgate optimise`: a better system text for a check's target, claimed on cases that it never saw.

Needs the extra `optimise` (GEPA). Only the command stands here. Read next: `optimise_run`.
"""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from headgate.cli.command import Api, over_api
from headgate.cli.failure import not_installed


class Looking(msgspec.Struct, frozen=True, kw_only=True):
    """How a text is looked for, and where it goes."""

    by: Annotated[str, typer.Option(help="The model that proposes texts.")]
    calls: Annotated[
        int, typer.Option(help="Propose no more texts once so many cases were asked.", min=10)
    ] = 300
    save: Annotated[
        str | None,
        typer.Option(help="Where it is better: make it a version of this managed prompt, without a label."),
    ] = None


@over_api
def optimise(
    api: Api,
    name: Annotated[str, typer.Argument(help="The check whose target is to do better.")],
    looking: Looking,
    file: Annotated[Path, typer.Option(help="The file of the check.")] = Path("checks.toml"),
) -> None:
    """Look for a better system text by GEPA, within the check's budget; held against cases it never saw."""
    try:
        from headgate.cli.optimise_run import run_optimise
    except ImportError as error:
        raise not_installed(error, "server,optimise") from error

    run_optimise(api, name, file, by=looking.by, calls=looking.calls, save=looking.save)
