"""`headgate prompts` for managed prompts: its commands stand beside those of prompts in code.

Read next: `prompts`, which mounts them, and `prompt_files`.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Column, moment

app = typer.Typer()

Name = Annotated[str, typer.Argument(help="The prompt's name.")]

VERSIONS = (
    Column("version", "version", right=True),
    Column("labels", "labels"),
    Column("model", "model"),
    Column("made", "created_at", moment),
    Column("by", "created_by"),
    Column("note", "note"),
)
FILES = (
    Column("prompt", "name"),
    Column("version", "version", lambda version: str(version) if version else "-", right=True),
    Column("done", "done"),
    Column("why", "why"),
)


class Of(msgspec.Struct, frozen=True, kw_only=True):
    """Whose prompt is meant."""

    project: Annotated[str | None, typer.Option(help="The project; by default the key's, or `default`.")] = (
        None
    )


class Labelling(msgspec.Struct, frozen=True, kw_only=True):
    """What else happens to a version that is made."""

    label: Annotated[list[str], typer.Option(help="A label to move to it, such as staging; repeat.")] = []
    note: Annotated[str | None, typer.Option(help="Why; stands beside the version.")] = None


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """What to render, and as what."""

    version: Annotated[str | None, typer.Option(help="A version or a label; by default production.")] = None
    var: Annotated[
        list[str], typer.Option(help="A variable, as NAME=TEXT, or NAME:=JSON for what is no text; repeat.")
    ] = []
    dialect: Annotated[
        str | None,
        typer.Option(help="Show the body to be sent: openai-chat, openai-responses, anthropic or google."),
    ] = None
    strict: Annotated[bool, typer.Option("--strict", help="Refuse variables that it does not read.")] = False


def _path(name: str) -> str:
    return f"/api/v1/prompts/{quote(name, safe='/')}"


def _ask(api: Api, method: str, path: str, of: Of, body: Json | None = None, **more: Any) -> Any:
    return api.client.ask(method, path, parameters={"project": of.project, **more}, body=body)


@app.command("create")
@over_api
def create(
    api: Api,
    name: Name,
    file: Annotated[Path, typer.Argument(help="A file as `export` writes it; `-` reads standard input.")],
    labelling: Labelling,
    of: Of,
) -> None:
    """Make a version of a managed prompt, and the prompt if it is new."""
    from headgate.cli import prompt_files

    if str(file) == "-":
        found = prompt_files.parse(sys.stdin.read(), name, "standard input")
    else:
        found = prompt_files.read(file, name)
    found = msgspec.structs.replace(found, name=name)
    if labelling.note is not None:
        version = msgspec.structs.replace(found.version, note=labelling.note)
        found = msgspec.structs.replace(found, version=version)
    made = prompt_files.create(api.client, found, labels=labelling.label, project=of.project)
    if api.out.as_json:
        api.out.json(made)
        return
    said = "is made" if made["made"] else "says that already: nothing is made"
    api.out.say(f"version {made['version']['version']} of {name} {said}")


@app.command("versions")
@over_api
def versions(api: Api, name: Name, of: Of) -> None:
    """List the versions of a managed prompt, the newest first."""
    found = _ask(api, "GET", _path(name), of)
    if found.get("kind") != "managed":
        raise CommandFailed(f"{name} is a prompt in code", f"`headgate prompts show {name}` has its versions")
    api.out.rows(found["versions"], VERSIONS, empty="No versions.")


@app.command("label")
@over_api
def label(
    api: Api,
    name: Name,
    label: Annotated[str, typer.Argument(help="The label, such as production.")],
    version: Annotated[int, typer.Argument(help="The version that it is to mean; 0 takes the label away.")],
    of: Of,
) -> None:
    """Move a label to a version, at once everywhere."""
    path = f"{_path(name)}/labels/{quote(label, safe='')}"
    if version == 0:
        changed, said = _ask(api, "DELETE", path, of), f"{name} has no label {label} any more"
    else:
        changed, said = _ask(api, "PUT", path, of, {"version": version}), f"{label} of {name} is {version}"
    _told(api, changed, said)


@app.command("diff")
@over_api
def diff(
    api: Api,
    name: Name,
    of: Of,
    before: Annotated[
        str | None, typer.Argument(help="A version or label; by default the one before.")
    ] = None,
    after: Annotated[str | None, typer.Argument(help="A version or label; by default the newest.")] = None,
) -> None:
    """Show what changed between two versions of a managed prompt."""
    found = _ask(api, "GET", f"{_path(name)}/diff", of, a=before, b=after)
    if api.out.as_json:
        api.out.json(found)
    elif found["unified"]:
        api.out.text(found["unified"].rstrip("\n"))
    else:
        api.out.say(f"versions {found['a']} and {found['b']} of {name} say the same")


@app.command("render")
@over_api
def render(api: Api, name: Name, rendering: Rendering, of: Of) -> None:
    """Render a managed prompt with variables, for a look; nothing is sent to a model."""
    body: Json = {"variables": _variables(rendering.var), "strict": rendering.strict}
    if rendering.version is not None:
        body["version"] = rendering.version
    if rendering.dialect is not None:
        body["dialect"] = rendering.dialect
    found = _ask(api, "POST", f"{_path(name)}/render", of, body)
    if api.out.as_json:
        api.out.json(found)
        return
    if found["request"] is not None:
        api.out.json(found["request"])
    else:
        api.out.text("\n\n".join(f"[{each['role']}]\n{each['content']}" for each in found["messages"]))
    for change in found["changes"]:
        api.out.say(change)


@app.command("archive")
@over_api
def archive(api: Api, name: Name, of: Of) -> None:
    """Archive a managed prompt: calls that ask for it are refused, its versions stay."""
    _told(api, _ask(api, "POST", f"{_path(name)}/archive", of, {}), f"{name} is archived")


@app.command("unarchive")
@over_api
def unarchive(api: Api, name: Name, of: Of) -> None:
    """Take a managed prompt back that was archived."""
    _told(api, _ask(api, "POST", f"{_path(name)}/unarchive", of, {}), f"{name} is back")


@app.command("delete")
@over_api
def delete(api: Api, name: Name, of: Of) -> None:
    """Delete a managed prompt with all its versions; `archive` keeps them."""
    _told(api, _ask(api, "DELETE", _path(name), of), f"{name} is deleted, with all its versions")


@app.command("export")
@over_api
def export(
    api: Api,
    folder: Annotated[Path, typer.Argument(help="The folder; a file a prompt, named as it is.")],
    of: Of,
    label: Annotated[
        str, typer.Option(help="Which version of each: the one that this label means.")
    ] = "latest",
) -> None:
    """Write managed prompts to files, for git; what says the same already is left as it is."""
    from headgate.cli import prompt_files

    done = prompt_files.export(api.client, folder, label=label, project=of.project)
    api.out.rows([msgspec.to_builtins(each) for each in done], FILES, empty="No managed prompts to write.")


@app.command("import")
@over_api
def bring(
    api: Api,
    folder: Annotated[Path, typer.Argument(help="The folder that `export` wrote.")],
    of: Of,
    label: Annotated[list[str], typer.Option(help="A label to move to what the files say; repeat.")] = [],  # noqa: B006
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be made, and make nothing.")
    ] = False,
) -> None:
    """Make versions of managed prompts of what changed in files; the others stay as they are."""
    from headgate.cli import prompt_files

    done = prompt_files.bring(api.client, folder, labels=label, project=of.project, dry=dry_run)
    api.out.rows([msgspec.to_builtins(each) for each in done], FILES, empty=f"No prompts in {folder}.")
    refused = [each.file for each in done if each.done == "refused"]
    if refused:
        raise CommandFailed(
            f"{len(refused)} of {len(done)} files are refused: {', '.join(refused[:5])}",
            "correct them, then run the command again; the others are done",
        )


def show_managed(api: Api, found: Json) -> None:
    """Print a managed prompt: its labels, its newest version as a file, and how its twin in code differs."""
    version = found["newest"]
    labels = ", ".join(f"{label} is {number}" for label, number in sorted(found["labels"].items()))
    state = ", archived" if found["archived"] else ""
    api.out.text(f"{found['name']} in project {found['project']}{state}: version {version['version']}")
    api.out.text(f"labels: {labels or 'none'}; variables: {_names(version['variables'])}")
    for message in version["messages"]:
        api.out.text(f"\n[{message['role']}]\n{message['content']}")
    twin = found["twin"]
    if twin is None:
        return
    if not twin["unified"]:
        api.out.text(f"\nIt says what {twin['name']} says in the code of {twin['source']}.")
        return
    alike = f"{twin['likeness']:.0%} alike" + (", by its name" if twin.get("by") == "name" else "")
    api.out.text(f"\nIts twin in the code of {twin['source']}, {twin['name']}, differs ({alike}):")
    api.out.text(twin["unified"].rstrip("\n"))


def _names(variables: list[Json]) -> str:
    return (
        ", ".join(each["name"] if each["required"] else f"[{each['name']}]" for each in variables) or "none"
    )


def _told(api: Api, changed: Json, said: str) -> None:
    if api.out.as_json:
        api.out.json(changed)
        return
    api.out.say(said)
    late: list[str] = changed.get("not_acknowledged") or []
    if late:
        api.out.say(f"not taken in yet by {', '.join(late)}")


def _variables(given: list[str]) -> Json:
    values: Json = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or not name.rstrip(":"):
            raise CommandFailed(f"--var {each!r} is no variable", "write NAME=TEXT, or NAME:=JSON")
        if not name.endswith(":"):
            values[name] = text
            continue
        try:
            values[name[:-1]] = json.loads(text)
        except ValueError:
            raise CommandFailed(
                f"--var {each!r} has no JSON after `:=`", "write such as items:='[1, 2]'"
            ) from None
    return values
