"""`headgate plan` and `headgate apply`: show, or make, the difference between headgate.toml and a server.

The file is checked and compiled by the server; a wrong one is refused whole, with line and reason.
"""

from pathlib import Path
from typing import Annotated

import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Column

CHANGES = (Column("change", "change"), Column("what", "path"), Column("from", "old"), Column("to", "new"))

File = Annotated[Path, typer.Argument(help="The configuration file.")]


@over_api
def plan(api: Api, file: File = Path("headgate.toml")) -> None:
    """Show what applying the file would change; changes nothing."""
    _show(api, _plan(api, file))


@over_api
def apply(
    api: Api,
    file: File = Path("headgate.toml"),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Make the server serve the file, as one new snapshot; refused if another change came in between."""
    planned = _plan(api, file)
    if not planned.get("changes"):
        _show(api, planned)
        return
    if not yes and not api.out.as_json:
        _show(api, planned)
        if not typer.confirm("Apply?", err=True):
            raise CommandFailed("nothing was applied", "answer y, or pass --yes")
    done: Json = api.client.post("/config/apply", {"toml": _read(file), "base": planned.get("base")})
    if api.out.as_json:
        api.out.json(done)
    else:
        api.out.say(f"snapshot {done.get('snapshot')} is in force")


def _plan(api: Api, file: Path) -> Json:
    return api.client.post("/config/plan", {"toml": _read(file)})


def _show(api: Api, planned: Json) -> None:
    if api.out.as_json:
        api.out.json(planned)
    else:
        api.out.rows(
            planned.get("changes") or [], CHANGES, empty="Nothing to change: the server serves this file."
        )


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandFailed(
            f"{file} can't be read ({error.strerror})", "name the configuration file as the argument"
        ) from error
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{file} is no UTF-8 text ({error.reason})", "save it as UTF-8") from error
