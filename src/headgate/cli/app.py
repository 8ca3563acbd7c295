"""The command line itself: which commands there are, and how each of them ends.

Imports no slice: `up`, `backup`, `restore` and `upgrade` load the server when they run, `scan`
what it reads code with.
Read next: `command`, then the noun that you are after.
"""

import sys
from collections.abc import Sequence
from typing import Any

import typer

from headgate.cli import (
    budgets,
    configuration,
    database,
    doctor,
    drill,
    importing,
    keys,
    overview,
    prompts,
    releases,
    requests,
    rules,
    scan,
    up,
    whatif,
)
from headgate.cli.command import here, locally
from headgate.cli.failure import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, CommandFailed
from headgate.cli.output import Output
from headgate.core.faults import Fault, Misconfigured

UsageError: Any = typer.BadParameter.__mro__[1]
"""What typer raises for a command line that makes no sense; it exports only this subclass of it."""

SAYS_ITSELF = "change what the message names, then run the command again"

app = typer.Typer(
    name="headgate",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="One URL in front of your models: keys, hard budgets, fallback, residency, every call on record.",
)


@app.command("up")
@here
def start(where: up.Where) -> None:
    """Run Headgate on this machine: gateways, control and an embedded database."""
    raise typer.Exit(up.start(where))


@app.command("version")
@locally
def version(out: Output) -> None:
    """Show which version this is."""
    from importlib.metadata import version as installed_version

    found = installed_version("headgate")
    if out.as_json:
        out.json({"version": found})
    else:
        out.text(found)


app.command("plan")(configuration.plan)
app.command("apply")(configuration.apply)
app.add_typer(keys.app, name="keys")
app.add_typer(budgets.app, name="budgets")
app.add_typer(requests.app, name="requests")
app.add_typer(rules.app, name="rules")
app.add_typer(releases.app, name="releases")
app.command("providers")(overview.providers)
app.command("models")(overview.models)
app.command("costs")(overview.costs)
app.command("whatif")(whatif.whatif)
app.command("scan")(scan.scan)
app.add_typer(prompts.app, name="prompts")
app.command("doctor")(doctor.doctor)
app.add_typer(drill.app, name="drill")
app.add_typer(importing.app, name="import")
app.command("backup")(database.backup)
app.command("restore")(database.restore)
app.command("upgrade")(database.upgrade)


def main(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status; an error ends with a `hint:` line."""
    try:
        status = app(args=list(arguments), prog_name="headgate", standalone_mode=False)
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


def _failed(message: str, hint: str, status: int) -> int:
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    return status


def run() -> None:
    """Run the command line of this process: the `headgate` script."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
