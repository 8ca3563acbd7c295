"""The command line itself: which commands there are, and how each of them ends.

Imports no slice, and of its own modules only those of the noun that is named: `up`, `backup`, `restore` and
`upgrade` load the server when they run, `scan` what it reads code with.
Read next: `command`, then the noun that you are after.
"""

import importlib
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import typer
import typer.main

from headgate.cli import up
from headgate.cli.command import here, locally
from headgate.cli.failure import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, CommandFailed
from headgate.cli.output import Output
from headgate.cli.values import take_plain_values
from headgate.core.faults import Fault, Misconfigured

NOUNS: Final = {
    "plan": "configuration",
    "apply": "configuration",
    "keys": "keys",
    "budgets": "budgets",
    "erase": "erase",
    "erasures": "erasures",
    "requests": "requests",
    "feedback": "feedback",
    "experiments": "experiments",
    "rollouts": "rollouts",
    "datasets": "datasets",
    "check": "check",
    "checks": "check_runs",
    "optimise": "optimise",
    "judges": "judges",
    "reviews": "reviews",
    "grounding": "grounding",
    "drift": "drift",
    "outdated": "outdated",
    "traces": "traces",
    "metrics": "metrics",
    "rules": "rules",
    "releases": "releases",
    "providers": "overview",
    "models": "overview",
    "costs": "overview",
    "whatif": "whatif",
    "scan": "scan",
    "prompts": "prompts",
    "doctor": "doctor",
    "drill": "drill",
    "import": "importing",
    "backup": "database",
    "restore": "database",
    "upgrade": "database",
}
"""The module of `headgate.cli` that each noun stands in, beside `up` and `version`: a command loads its own
alone. A module holds the commands of one noun as `app`, or functions that are commands by their names."""

UsageError: Any = typer.BadParameter.__mro__[1]
"""What typer raises for a command line that makes no sense; it exports only this subclass of it."""

SAYS = "One URL in front of your models: keys, hard budgets, fallback, residency, every call on record."
SAYS_ITSELF = "change what the message names, then run the command again"


def command_line(nouns: Iterable[str] = NOUNS) -> typer.Typer:
    """Return the command line with these nouns, beside `up` and `version`."""
    app = typer.Typer(
        name="headgate",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        help=SAYS,
    )
    app.command("up")(start)
    app.command("version")(version)
    for noun in nouns:
        module: Any = importlib.import_module(f"headgate.cli.{NOUNS[noun]}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=noun)
        else:
            app.command(noun)(getattr(module, noun))
    return app


@here
def start(where: up.Where) -> None:
    """Run Headgate on this machine: gateways, control and an embedded database."""
    raise typer.Exit(up.start(where))


@locally
def version(out: Output) -> None:
    """Show which version this is."""
    from importlib.metadata import version as installed_version

    found = installed_version("headgate")
    if out.as_json:
        out.json({"version": found})
    else:
        out.text(found)


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; an error ends with a `hint:` line."""
    command: Any = typer.main.get_command(command_line(_needed(arguments)))
    take_plain_values(command)
    try:
        status = command.main(args=list(arguments), prog_name="headgate", standalone_mode=False)
    except UsageError as error:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "headgate"
        return _failed(str(error.format_message()), f"`{path} --help` shows what it takes", EXIT_USAGE)
    except CommandFailed as failure:
        return _failed(failure.message, failure.hint, failure.status)
    except Fault as fault:
        hint = SAYS_ITSELF if isinstance(fault, Misconfigured) else fault.hint
        return _failed(fault.message, hint, EXIT_FAILED)
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; there is nobody left to tell
        return EXIT_FAILED
    return status if isinstance(status, int) else 0


def _needed(arguments: Sequence[str]) -> Iterable[str]:
    """Name the nouns without which a command line can't be read: all, unless it begins with a known word."""
    first = arguments[0] if arguments else ""
    if first in ("up", "version"):
        return ()
    return (first,) if first in NOUNS else NOUNS


def _failed(message: str, hint: str, status: int) -> int:
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    return status


def run() -> None:
    """Run the command line of this process: the `headgate` script."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
