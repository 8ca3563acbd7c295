"""`headgate prompts`: the prompts that stand in code, as a scan finds them and as traffic shows them.

Commands of managed prompts stand in `managed` and go by the same noun. Read next: `scan`, `prompts_push`,
`managed`.
"""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
import typer

from headgate.cli import managed, scan
from headgate.cli.client import Json
from headgate.cli.code_flags import Pushing
from headgate.cli.command import Api, over_api
from headgate.cli.output import NOTHING, Column, moment, usd

app = typer.Typer(no_args_is_help=True, help="See the prompts that stand in code, and the managed ones.")

app.command("scan")(scan.scan)
app.add_typer(managed.app)

SHORT = 10
"""Digits of a commit's id in a table."""
TEXT_LENGTH_MAX = 60

STATES = {
    "current": "as in the code",
    "differs": "DIFFERS from the code",
    "unused": "not seen",
    "gone": "gone",
}


def _short(commit: Any) -> str:
    return str(commit)[:SHORT] or NOTHING


def _cut(text: Any) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= TEXT_LENGTH_MAX else line[: TEXT_LENGTH_MAX - 1] + "…"


PROMPTS = (
    Column("prompt", "name"),
    Column("kind", "kind"),
    Column("source", "source"),
    Column("version", "version"),
    Column("state", "state", lambda state: STATES.get(str(state), str(state))),
    Column("seen", "seen"),
    Column("calls", "traffic.calls", right=True),
    Column("cost", "traffic.cost_usd", usd, right=True),
    Column("last seen", "traffic.last_seen", moment),
    Column("text", "text", _cut),
)
PROMPT = (
    Column("prompt", "name"),
    Column("project", "project"),
    Column("source", "source"),
    Column("state", "state", lambda state: STATES.get(str(state), str(state))),
)
VERSIONS = (
    Column("version", "version"),
    Column("first commit", "first_commit", _short),
    Column("since", "first_at", moment),
    Column("last commit", "last"),
    Column("holes", "holes"),
    Column("calls", "traffic.calls", right=True),
    Column("cost", "traffic.cost_usd", usd, right=True),
    Column("last seen", "traffic.last_seen", moment),
)
PARAMETERS = (
    Column("parameter in the same file", "name"),
    Column("value", "value"),
    Column("line", "line", right=True),
)
UNKNOWN = (
    Column("share", "share", lambda share: f"{float(share):.1%}", right=True),
    Column("calls", "calls", right=True),
    Column("role", "role"),
    Column("last seen", "last_seen", moment),
    Column("what they share", "template", _cut),
)


class Looking(msgspec.Struct, frozen=True, kw_only=True):
    """Which prompts, and over how long."""

    project: Annotated[str | None, typer.Option(help="Only prompts of this project.")] = None
    source: Annotated[str | None, typer.Option(help="Only those of this repository or library.")] = None
    days: Annotated[int, typer.Option(help="How many days of traffic count.")] = 30


@app.command("list")
@over_api
def list_prompts(
    api: Api,
    looking: Looking,
    show: Annotated[
        str | None, typer.Option(help="current, differs, unused, gone or all; else all but gone.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="code or managed.")] = None,
) -> None:
    """List prompts with their traffic: which are unused, and which differ from the code."""
    rows = api.client.items("/prompts", show=show, kind=kind, **msgspec.structs.asdict(looking))
    api.out.rows(
        rows, PROMPTS, empty="No prompts. `headgate prompts push .` tells the server of those in your code."
    )


@app.command("show")
@over_api
def show_prompt(
    api: Api,
    name: Annotated[str, typer.Argument(help="The prompt, as path:symbol.")],
    looking: Looking,
    version: Annotated[str | None, typer.Option(help="One version, with its text.")] = None,
) -> None:
    """Show a prompt with its versions: since which commit, and what they came to."""
    path = f"/prompts/{quote(name, safe='/:')}"
    asked = msgspec.structs.asdict(looking)
    if version is not None:
        _show_version(api, api.client.get(f"{path}/versions/{quote(version, safe='')}", **asked))
        return
    found: Json = api.client.get(path, **asked)
    if api.out.as_json:
        api.out.json(found)
        return
    if found.get("kind") == "managed":
        managed.show_managed(api, found)
        return
    api.out.item(found, PROMPT)
    versions: list[Json] = found.get("versions") or []
    rows: list[Json] = [
        {**each, "last": "now" if each.get("is_newest") else _short(each.get("last_commit"))}
        for each in versions
    ]
    parameters: list[Json] = found.get("parameters") or []
    for part, columns in ((rows, VERSIONS), (parameters, PARAMETERS)):
        if part:
            api.out.text("")
            api.out.rows(part, columns, empty="")
    if rows:
        api.out.text(f"\n{rows[0].get('text', '')}")
    if (twin := found.get("twin")) is not None:
        said = "says the same" if twin["likeness"] == 1 else f"is {twin['likeness']:.0%} alike"
        api.out.text(f"\nIts managed twin is {twin['name']}: version {twin['version']} {said}.")


def _show_version(api: Api, found: Json) -> None:
    if api.out.as_json or "version" not in found:
        api.out.json(found)
        return
    version: Json = found["version"]
    last = "now" if version.get("is_newest") else version.get("last_commit")
    api.out.item({**found, **version, "last": last}, (*PROMPT[:3], *VERSIONS))
    api.out.text(f"\n{version.get('text', '')}")


@app.command("push")
@over_api
def push(
    api: Api,
    path: Annotated[Path, typer.Argument(help="A folder of code, of a git repository where there is one.")],
    pushing: Pushing,
) -> None:
    """Tell the server of the prompts in a folder of code, in all commits; again, of what is new."""
    from headgate.cli.prompts_push import push as push_folder

    push_folder(api, path, pushing)


@app.command("unknown")
@over_api
def unknown(
    api: Api,
    project: Annotated[str | None, typer.Option(help="Only those of this project.")] = None,
    days: Annotated[int, typer.Option(help="How many days of traffic count.")] = 7,
    environment: Annotated[str | None, typer.Option(help="Only what calls of it say; - is none.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the most frequent first.")] = 20,
) -> None:
    """List what calls say that no prompt in the code explains, with its share of the calls."""
    narrowed = {"project": project, "days": days, "environment": environment}
    rows = api.client.items("/prompts/unknown", limit=limit, **narrowed)
    api.out.rows(rows, UNKNOWN, empty="Nothing unknown: prompts in the code explain all that was looked at.")
