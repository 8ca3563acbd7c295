"""What `headgate prompts push` does: reads a folder of code and its history, and sends what the server lacks.

The reading stands in `headgate.prompts.catalogue.gathering`. Read next: `catalogue.pushing`.
"""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from headgate.cli.client import Client, Json
from headgate.cli.code_flags import Pushing
from headgate.cli.command import Api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Column
from headgate.cli.progress import Bars
from headgate.prompts.catalogue.gathering import Gathered, Reading, gather
from headgate.prompts.catalogue.pushing import parts_of

COLUMNS = (
    Column("source", "source"),
    Column("kind", "kind"),
    Column("prompts", "prompts", right=True),
    Column("versions", "versions", right=True),
    Column("commits", "commits", right=True),
    Column("changed", "changed"),
    Column("matched again", "queued", right=True),
)


def push(api: Api, path: Path, pushing: Pushing) -> None:
    """Push a folder and print what came of it, source by source."""
    if not path.is_dir():
        raise CommandFailed(f"there is no folder {path}", "name a folder of code: `headgate prompts push .`")
    project = pushing.project or api.client.get("/whoami")["key"]["project"]
    with Bars() as bars:
        reading = Reading(source=pushing.source, dependencies=pushing.dependencies)
        if pushing.cache is not None:
            reading = msgspec.structs.replace(reading, kept_in=pushing.cache)
        reading = msgspec.structs.replace(
            reading, progress=bars.bar("reading files"), history_progress=bars.bar("reading commits")
        )
        gathered = gather(path, reading)
    done: list[Json] = []
    for each in gathered:
        for note in each.notes:
            api.out.say(f"{each.source}: {note}")
        done.append(_send(api.client, each, project))
    api.out.rows(done, COLUMNS, empty="Nothing to push.")
    if not any(each.state.versions for each in gathered):
        api.out.say("no prompts were found; `headgate scan` shows what it looks at")


def _send(client: Client, gathered: Gathered, project: str) -> Json:
    there = _there(client, gathered.source, project)
    answer: Json = {}
    for part in parts_of(gathered, there, project):
        answer = client.post("/prompts/catalogue", part)
    names = {(each.path, each.symbol) for each in gathered.state.versions}
    return {**answer, "kind": gathered.kind, "prompts": len(names)}


def _there(client: Client, source: str, project: str) -> Json | None:
    """Return what the server has of a source; None where it has none of it."""
    known: list[Any] = client.items("/prompts/catalogue", project=project)
    if not any(each["source"] == source and each["project"] == project for each in known):
        return None
    return client.get(f"/prompts/catalogue/{quote(source, safe='/')}", project=project)
