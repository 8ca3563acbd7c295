"""`headgate backup`, `restore` and `upgrade`: of the embedded database, on this machine.

A database of your own is backed up with its own tools. Loads `processes.backup` only when it runs.
"""

from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from headgate.cli.command import locally
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Output
from headgate.settings import Settings

DataFolder = Annotated[Path | None, typer.Option(help="The data folder; by default as for `headgate up`.")]


@locally
def backup(
    out: Output,
    file: Annotated[Path, typer.Argument(help="The file to write; it holds secrets, so it is made private.")],
    data: DataFolder = None,
) -> None:
    """Write the embedded database and the keys to one private file; `up` may go on running."""
    made = _backups().backup(_folder(data), file)
    if out.as_json:
        out.json({"file": str(file), "bytes": made.size_bytes, "postgres": made.postgres_major})
    else:
        out.say(f"{file}: {made.size_bytes} bytes, from PostgreSQL {made.postgres_major}")


@locally
def restore(
    out: Output,
    file: Annotated[Path, typer.Argument(help="A file that `headgate backup` wrote.")],
    data: DataFolder = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace what the folder holds.")] = False,
) -> None:
    """Put a backup into a data folder; `up` must not be running on it."""
    folder = _folder(data)
    _backups().restore(folder, file, replace=replace)
    if out.as_json:
        out.json({"data": str(folder), "restored": str(file)})
    else:
        out.say(f"{folder} holds what {file} held; start it with `headgate up --data {folder}`")


@locally
def upgrade(out: Output, data: DataFolder = None) -> None:
    """Bring the embedded database to this version; `up` must not be running on it, and does it by itself."""
    done = _backups().upgrade(_folder(data))
    if out.as_json:
        out.json({"before": done.before, "after": done.after, "applied": done.applied})
    elif done.applied:
        out.say(f"PostgreSQL {done.after}; applied {', '.join(done.applied)}")
    else:
        out.say(f"PostgreSQL {done.after} and its tables are up to date")


def _folder(data: Path | None) -> Path:
    return data or Settings.from_environment().data_folder


def _backups() -> ModuleType:
    try:
        from headgate.processes import backup as backups
    except ModuleNotFoundError as error:
        raise CommandFailed(
            f"the server's packages are not installed ({error.name} is missing)",
            "pip install 'headgate[server]'",
        ) from error
    return backups
