"""Managed prompts between a server and a folder of files, one a prompt, that people keep in git.

Loaded by `headgate prompts export`, `import`, `create` when they run. Read next:
`headgate.prompts.managed.files`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import msgspec

from headgate.cli.client import Client, Json
from headgate.cli.failure import CommandFailed
from headgate.core.faults import InvalidRequest
from headgate.prompts.managed.checking import check_name, checked
from headgate.prompts.managed.files import ENDINGS, PromptFile, read_file, write_file
from headgate.sdk.rendering import version_of

FILES_MAX = 5000

Done = Literal["written", "same", "made", "would be made", "refused"]


class FileDone(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one file. `version` is the prompt's on the server; 0 where it has none."""

    name: str
    file: str
    done: Done
    version: int = 0
    why: str = ""


def address(name: str) -> str:
    """Return the path of a prompt's routes."""
    return f"/prompts/{quote(name, safe='/')}"


def export(client: Client, folder: Path, *, label: str, project: str | None) -> list[FileDone]:
    """Write what a label means of each prompt; a file that says it already is left as it is."""
    done: list[FileDone] = []
    chosen = project or _own_project(client)
    for item in client.items("/prompts", kind="managed", project=chosen):
        name = check_name(str(item["name"]))
        if label != "latest" and label not in client.get(address(name), project=chosen)["labels"]:
            continue
        said: Json = client.get(f"{address(name)}/versions/{quote(label, safe='')}", project=chosen)
        text = write_file(name, version_of(said))
        path = folder / f"{name}{ENDINGS[0]}"
        same = path.is_file() and path.read_text(encoding="utf-8") == text
        if not same:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        done.append(
            FileDone(name=name, file=str(path), done="same" if same else "written", version=said["version"])
        )
    return done


def _own_project(client: Client) -> str:
    """The project that routes mean where none is named: a folder holds the prompts of one."""
    who: Json = client.get("/whoami")
    return "default" if who["projects"] is None else str(who["key"]["project"])


def bring(
    client: Client, folder: Path, *, labels: list[str], project: str | None, dry: bool
) -> list[FileDone]:
    """Make versions of what files say anew; one that is refused is told of, and the rest goes on."""
    done: list[FileDone] = []
    for path in _files(folder):
        name = path.relative_to(folder).with_suffix("").as_posix()
        try:
            found = read(path, name)
            if dry:
                done.append(_compare(client, path, found, project))
                continue
            made = create(client, found, labels=labels, project=project)
        except (CommandFailed, InvalidRequest) as error:
            done.append(FileDone(name=name, file=str(path), done="refused", why=str(error)))
            continue
        version = int(made["version"]["version"])
        outcome: Done = "made" if made["made"] else "same"
        done.append(FileDone(name=found.name, file=str(path), done=outcome, version=version))
    return done


def read(path: Path, name: str) -> PromptFile:
    """Read a prompt's file. Raises CommandFailed that names the file, and the line where it is known."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path} can't be read: {error}", "check that it is text in UTF-8") from None
    return parse(text, name, str(path))


def parse(text: str, name: str, where: str) -> PromptFile:
    """Read the text of a prompt's file, as `read` does; `where` is what messages name."""
    try:
        found = read_file(text, name)
        checked(found.version)
    except InvalidRequest as fault:
        raise CommandFailed(f"{where}: {fault.message}", "correct it, then run the command again") from None
    return found


def create(client: Client, found: PromptFile, *, labels: list[str], project: str | None) -> Json:
    """Make a version of what a file says, unless the newest one says the same."""
    body: Json = {**msgspec.to_builtins(found.version), "labels": labels}
    made: Json = client.ask(
        "POST", f"/api/v1{address(found.name)}/versions", parameters={"project": project}, body=body
    )
    return made


def _compare(client: Client, path: Path, found: PromptFile, project: str | None) -> FileDone:
    query = "" if project is None else f"?project={quote(project)}"
    status, newest = client.probe(f"/api/v1{address(found.name)}/versions/latest{query}")
    known: Json = newest if status == 200 else {"digest": "", "version": 0}
    same = checked(found.version).digest == known["digest"]
    outcome: Done = "same" if same else "would be made"
    return FileDone(name=found.name, file=str(path), done=outcome, version=int(known["version"]))


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise CommandFailed(f"{folder} is no folder", "name the one that `headgate prompts export` wrote")
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in ENDINGS and path.is_file() and not _is_hidden(path.relative_to(folder))
    )
    if len(found) > FILES_MAX:
        raise CommandFailed(
            f"{folder} has {len(found)} files of YAML, and {FILES_MAX} are read", "name a smaller folder"
        )
    yield from found


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
