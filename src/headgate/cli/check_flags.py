"""The flags of `headgate check`. Read next: `cli.check_run`."""

from typing import Annotated, Literal

import msgspec
import typer


class Choosing(msgspec.Struct, frozen=True, kw_only=True):
    """Which checks, and how."""

    only: Annotated[str | None, typer.Option("--only", help="Only the check of this name.")] = None
    target: Annotated[str | None, typer.Option("--target", help="Only the target of this name.")] = None
    all_cases: Annotated[
        bool, typer.Option("--all", help="Ask all cases, even when it is decided before.")
    ] = False
    resume: Annotated[
        str | None,
        typer.Option("--resume", help="Go on with a run, by its id; what it knows is not asked again."),
    ] = None


class Comparing(msgspec.Struct, frozen=True, kw_only=True):
    """Whether targets are set beside each other, on all cases."""

    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--compare", help="Compare two: targets of the check, models, or prompts as NAME@VERSION."
        ),
    ] = None
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Set all targets beside each other: quality against cost.")
    ] = False
    margin: Annotated[
        float,
        typer.Option(help="With --matrix: how much lower a score may be, such as 0.05.", min=0, max=0.99),
    ] = 0.05
    by: Annotated[
        Literal["cost", "tokens"],
        typer.Option(help="With --matrix: set quality against cost, or against tokens in and out."),
    ] = "cost"
