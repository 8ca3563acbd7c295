"""Routes of headgate.toml as it stands on disk, and of the projects that it and the keys name.

Never writes the file, and never shows a secret: the file holds references alone. Read next: `config.http`.
"""

import asyncio
from pathlib import Path

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from headgate.access.gate import CallerKey, grant
from headgate.access.http import Store
from headgate.access.roles import visible
from headgate.access.store import count_keys
from headgate.config.changes import Change, changes_to
from headgate.config.compile import compile_file
from headgate.config.http import InForce
from headgate.config.snapshots import current
from headgate.core.call import RecordMode
from headgate.core.faults import Misconfigured
from headgate.core.pages import Page


class ConfigurationFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file that this server was started with, if any; whether its changes are taken by themselves."""

    path: Path | None = None
    is_watched: bool = False


StartedWith = NamedDependency[SkipValidation[ConfigurationFile]]


class FileView(msgspec.Struct, frozen=True, kw_only=True):
    """headgate.toml against what is in force. `path` null: the server was started without a file.

    `is_watched`: its changes come into force by themselves. `problem`: why it can't be taken as it stands.
    `changes` is what taking it would change.
    """

    path: str | None
    is_watched: bool
    in_force: str | None
    snapshot: str | None
    problem: str | None
    changes: list[Change]


class ProjectView(msgspec.Struct, frozen=True, kw_only=True):
    """A project's rules, and how many keys it has. Null: all models, everywhere. `in_file`: headgate.toml
    names it; else the defaults hold."""

    name: str
    in_file: bool
    models: list[str] | None
    regions: list[str] | None
    record: RecordMode
    retention_days: int
    check_retention_days: int
    keys: int


@get("/config/file", tags=["configuration"], opt={"grant": grant("snapshots:read")})
async def show_file(database: Store, started_with: StartedWith) -> FileView:
    """Show what differs between headgate.toml, as it stands on this host, and what is in force."""
    async with database.connection() as connection:
        active = await current(connection)
    identity, problem, changes = None, None, list[Change]()
    if started_with.path is not None:
        try:
            snapshot = await asyncio.to_thread(compile_file, started_with.path)
            identity, changes = snapshot.id, changes_to(active, snapshot.document)
        except Misconfigured as fault:
            problem = fault.message
    return FileView(
        path=None if started_with.path is None else str(started_with.path),
        is_watched=started_with.is_watched,
        in_force=None if active is None else active.id,
        snapshot=identity,
        problem=problem,
        changes=changes,
    )


@get("/projects", tags=["configuration"], opt={"grant": grant("projects:read")})
async def list_projects(caller: CallerKey, database: Store, configuration: InForce) -> Page[ProjectView]:
    """List projects by name: those of headgate.toml, and those that keys belong to. All on one page."""
    seen = visible(caller)
    snapshot = configuration.snapshot
    async with database.connection() as connection:
        keys = await count_keys(connection, seen)
    named = {} if snapshot is None else snapshot.projects
    items: list[ProjectView] = []
    for name in sorted({*named, *keys}):
        if not seen.sees(name) or snapshot is None:
            continue
        project = snapshot.project(name)
        items.append(
            ProjectView(
                name=name,
                in_file=name in named,
                models=None if project.models is None else list(project.models),
                regions=None if project.regions is None else sorted(project.regions),
                record=project.record,
                retention_days=project.retention_days,
                check_retention_days=project.check_retention_days,
                keys=keys.get(name, 0),
            )
        )
    return Page(items=items)
