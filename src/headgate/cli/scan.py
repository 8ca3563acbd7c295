"""`headgate scan PATH`: the prompts of a tree of code, and what is hard-coded beside them; asks no server.

Only the flags stand here; the work is loaded when the command runs. Read next: `scan_report`.
"""

from pathlib import Path
from typing import Annotated

import typer

from headgate.cli.code_flags import Reading
from headgate.cli.command import locally
from headgate.cli.output import Output


@locally
def scan(
    out: Output,
    path: Annotated[Path, typer.Argument(help="A folder of code, or one file.")],
    reading: Reading,
) -> None:
    """Find the prompts in code, with the parameters, models and keys written beside them."""
    from headgate.cli.scan_report import report

    report(out, path, reading)
