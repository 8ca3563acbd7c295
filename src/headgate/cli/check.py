"""`headgate check`: whether targets are as good as a file says they have to be, with few calls.

Only the command stands here; the work is loaded when it runs. Read next: `check_run`.
"""

from pathlib import Path
from typing import Annotated

import typer

from headgate.cli.check_flags import Choosing, Comparing
from headgate.cli.command import Api, over_api
from headgate.cli.failure import not_installed


@over_api
def check(
    api: Api,
    choosing: Choosing,
    comparing: Comparing,
    file: Annotated[Path, typer.Argument(help="The file of the checks.")] = Path("checks.toml"),
) -> None:
    """Check requirements on models and prompts, through the gateway: 0 passes, 1 fails, 2 asks for more."""
    try:
        from headgate.cli.check_run import run_checks
    except ImportError as error:
        raise not_installed(error) from error

    raise typer.Exit(run_checks(api, file, choosing, comparing))
