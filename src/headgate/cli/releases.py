"""`headgate releases`: what goes out together, which of it is in force where, and what two differ in.

`create` reads the folder of a team's CI and asks the server to add what is in force there; it runs none of
the code that it reads. Read next: `headgate.releases.collecting`, `headgate.releases.http`.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Column, Output, moment, plain

app = typer.Typer(no_args_is_help=True, help="Make, compare, promote and roll back releases.")

SHORT = 12

Project = Annotated[str | None, typer.Option(help="The project; by default your key's own.")]
ReleaseText = Annotated[
    str, typer.Argument(help="A release: its id, name or commit, or six characters of id or commit on.")
]
EnvironmentName = Annotated[str, typer.Argument(help="The environment, such as production.")]
Why = Annotated[str, typer.Option("--why", help="Why; stands in the history and in the audit log.")]


def _short(value: Any) -> str:
    return str(value)[:SHORT]


RELEASES = (
    Column("release", "id"),
    Column("name", "name"),
    Column("commit", "commit", _short),
    Column("uncommitted", "dirty", _short),
    Column("made", "created_at", moment),
    Column("note", "note"),
)
DETAILS = (
    Column("release", "id"),
    Column("project", "project"),
    Column("name", "name"),
    Column("commit", "commit"),
    Column("uncommitted", "dirty"),
    Column("environment", "environment"),
    Column("made", "created_at", moment),
    Column("by", "created_by"),
    Column("note", "note"),
    Column("prices", "manifest.prices"),
)
ENVIRONMENTS = (
    Column("environment", "name"),
    Column("project", "project"),
    Column("release", "release"),
    Column("commit", "commit", _short),
    Column("rules", "rules"),
    Column("pins", "models"),
    Column("since", "moved_at", moment),
    Column("by", "moved_by"),
    Column("why", "why"),
)
MOVES = (
    Column("time", "at", moment),
    Column("what", "action"),
    Column("release", "release"),
    Column("from", "previous"),
    Column("by", "actor"),
    Column("why", "why"),
)
DIFFERENCES = (
    Column("part", "part"),
    Column("", "how"),
    Column("what", "name"),
    Column("from and to", "shown"),
)
UNRELEASED = (
    Column("environment", "environment"),
    Column("prompt", "prompt"),
    Column("version", "version"),
    Column("calls", "calls", right=True),
    Column("last seen", "last_at", moment),
    Column("release has", "released"),
)


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What a release is made of, and what is said of it."""

    path: Annotated[Path, typer.Option(help="The folder of code, in a git repository.")] = Path()
    name: Annotated[str | None, typer.Option(help="A name for it, such as 2026-11-21.1.")] = None
    note: Annotated[str, typer.Option(help="What it is for.")] = ""
    environment: Annotated[
        str | None, typer.Option(help="Whose label says which managed prompts hold, such as production.")
    ] = None
    pin: Annotated[
        list[str], typer.Option(help="A name pinned to one model, as ALIAS=provider/model; repeat.")
    ] = []
    installed: Annotated[
        bool, typer.Option("--installed", help="Take versions from what is installed, not from lock files.")
    ] = False
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Allow what is not committed; a digest of it is kept.")
    ] = False


class Between(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls of the releases count."""

    environment: Annotated[str | None, typer.Option(help="Only calls of this environment.")] = None
    since: Annotated[str | None, typer.Option("--from", help="Not before, such as 2026-11-21T08:00:00Z.")] = (
        None
    )
    until: Annotated[str | None, typer.Option("--to", help="Before this time.")] = None


@app.command("create")
@over_api
def create(api: Api, described: Described, project: Project = None) -> None:
    """Make a release of the code in a folder and of what is in force: in a team's CI, before it deploys.

    Prints the release's id. The same content twice is the same release.
    """
    facts = _collected(api.out, described)
    body: Json = {
        **msgspec.to_builtins(facts),
        "note": described.note,
        "pins": _pins(described.pin),
        "name": described.name,
        "environment": described.environment,
        "project": project,
    }
    done = api.client.post(
        "/releases", {name: value for name, value in body.items() if value not in (None, "")}
    )
    if api.out.as_json:
        api.out.json(done)
        return
    api.out.text(done["id"])
    held = ", ".join(f"{count} {part}" for part, count in done["counts"].items() if count)
    known = "" if done["is_new"] else "; nothing has changed since it was made"
    api.out.say(f"commit {_short(done['commit'])}: {held or 'nothing but the commit'}{known}")


@app.command("list")
@over_api
def list_releases(
    api: Api,
    project: Project = None,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.")] = 20,
) -> None:
    """List releases, newest first."""
    api.out.rows(
        api.client.items("/releases", limit=limit, project=project),
        RELEASES,
        empty="No releases yet. `headgate releases create` makes one of the code in this folder.",
    )


@app.command("show")
@over_api
def show(api: Api, release: ReleaseText, project: Project = None) -> None:
    """Show a release in full: its prompts, parameters, pins, rules and dependencies."""
    found: Json = api.client.get(f"/releases/{release}", project=project)
    api.out.item(found, DETAILS)
    if api.out.as_json:
        return
    manifest = found["manifest"]
    code = manifest["code"]
    for title, lines in (
        ("prompts", [f"{_place(each)}  {each['version']}" for each in _list(code, "prompts")]),
        ("parameters", [f"{_place(each)}  {_value(each)}" for each in _list(code, "parameters")]),
        ("models", _list(code, "models")),
        ("pins", [f"{alias} -> {target}" for alias, target in manifest.get("pins", {}).items()]),
        ("rules", [f"{each['name']}@{each['version']}" for each in _list(manifest, "rules")]),
        ("managed prompts", [f"{name}  {plain(held)}" for name, held in manifest.get("managed", {}).items()]),
        ("dependencies", [f"{name} {version}" for name, version in code.get("dependencies", {}).items()]),
    ):
        if lines:
            api.out.text("\n".join(("", title, *(f"  {line}" for line in lines))))


@app.command("promote")
@over_api
def promote(
    api: Api,
    release: ReleaseText,
    to: Annotated[str, typer.Option("--to", help="The environment, such as production.")],
    why: Why = "",
    project: Project = None,
) -> None:
    """Put a release in force in an environment: prompts, rules and pins, at once, everywhere.

    Refused where someone else has moved the environment meanwhile.
    """
    now = _environment(api, to, project)
    body: Json = {"release": release, "expected": now and now["release"], "why": why, "project": project}
    if now is None:
        del body["expected"]
    _moved(api, api.client.post(f"/environments/{to}", _said(body)), now)


@app.command("rollback")
@over_api
def rollback(api: Api, environment: EnvironmentName, why: Why = "", project: Project = None) -> None:
    """Put the release in force again that was so before in an environment; once more, the one before that."""
    now = _environment(api, environment, project)
    body: Json = {"why": why, "project": project, **({"expected": now["release"]} if now else {})}
    _moved(api, api.client.post(f"/environments/{environment}/rollback", _said(body)), now)


@app.command("environments")
@over_api
def environments(api: Api, project: Project = None) -> None:
    """List environments with the release in force in each."""
    api.out.rows(
        api.client.items("/environments", project=project),
        ENVIRONMENTS,
        empty="No environments yet. `headgate releases promote RELEASE --to production` makes one.",
    )


@app.command("history")
@over_api
def history(
    api: Api,
    environment: EnvironmentName,
    project: Project = None,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.")] = 20,
) -> None:
    """List what was in force in an environment, since when, by whom and why."""
    api.out.rows(
        api.client.items(f"/environments/{environment}/history", limit=limit, project=project),
        MOVES,
        empty="Nothing was ever promoted there.",
    )


@app.command("status")
@over_api
def status(
    api: Api,
    environment: Annotated[
        str | None, typer.Argument(help="The environment; all where it is left out.")
    ] = None,
    project: Project = None,
) -> None:
    """Show how environments stand: the release in force, and the prompts that run and are not in it."""
    shown = api.client.items("/environments", project=project)
    names = [each for each in shown if environment in (None, each["name"])]
    if environment is not None and not names:
        raise CommandFailed(
            f"there is no environment {environment}", "`headgate releases environments` lists them"
        )
    found = [
        api.client.get(f"/environments/{each['name']}/status", project=each["project"]) for each in names
    ]
    if api.out.as_json:
        api.out.json(found)
        return
    api.out.rows(found, ENVIRONMENTS, empty="No environments yet.")
    drifted = [row for each in found for row in each["unreleased"]]
    api.out.text("")
    api.out.rows(drifted, UNRELEASED, empty="Every prompt that was seen to run is in its release.")


@app.command("compare")
@over_api
def compare(
    api: Api,
    a: ReleaseText,
    b: ReleaseText,
    between: Between,
    project: Project = None,
) -> None:
    """Compare two releases: what changed in them, and how their calls went, with 95 % intervals."""
    found: Json = api.client.get(
        "/releases/compare",
        a=a,
        b=b,
        project=project,
        environment=between.environment,
        **{"from": between.since, "to": between.until},
    )
    if api.out.as_json:
        api.out.json(found)
        return
    rows = [{**each, "shown": _shown(each)} for each in found["differences"]]
    api.out.rows(rows, DIFFERENCES, empty="Nothing differs between them but when they were made.")
    for each in found["differences"]:
        if each.get("diff"):
            api.out.text(f"\n{each['name']}\n{each['diff']}")
    more = "; the newest of each" if found["sampled"] else ""
    api.out.text(f"\n{found['calls_a']} calls before, {found['calls_b']} after{more}")
    for measure in found["measures"]:
        api.out.text(f"  {measure['sentence']}")
    api.out.text(f"  feedback: {found['feedback']}")
    api.out.say(found["method"])


def _shown(difference: Json) -> str:
    before, after = difference.get("before"), difference.get("after")
    if difference["part"] == "rules":
        before, after = (_version(rule) for rule in (before, after))
    return " -> ".join(plain(each) for each in (before, after) if each not in (None, True))


def _version(rule: Any) -> str | None:
    return None if rule is None else f"@{rule['version']}"


def _collected(out: Output, described: Described) -> Any:
    """Read the folder. Raises CommandFailed with what to do for each thing that stands in the way."""
    from headgate.releases.collecting import Dirty, NoHistory, Unread, collect

    progress = _say_progress if sys.stderr.isatty() else None
    try:
        found = collect(
            described.path,
            allow_dirty=described.allow_dirty,
            with_installed=described.installed,
            progress=progress,
        )
    except NoHistory as error:
        raise CommandFailed(
            f"{described.path} has no commit: {error}", "name a folder of a git repository with --path"
        ) from error
    except Dirty as error:
        more = f" and {error.more} more" if error.more else ""
        raise CommandFailed(
            f"not committed: {error}{more}", "commit it, or pass --allow-dirty, which keeps a digest of it"
        ) from error
    except Unread as error:
        raise CommandFailed(str(error), "mend the file, or pass --installed") from error
    finally:
        if progress is not None:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
    for line in found.unread:
        out.say(f"not read: {line}")
    return found.facts


def _pins(pins: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pin in pins:
        alias, equals, target = pin.partition("=")
        if not equals or not alias or "/" not in target:
            raise CommandFailed(f"--pin {pin!r} is no pin", "write ALIAS=provider/model")
        found[alias] = target
    return found


def _environment(api: Api, name: str, project: str | None) -> Json | None:
    """The environment as it stands, so that a move is refused where someone else moves it meanwhile."""
    wanted = project or api.client.get("/whoami")["key"]["project"]
    found = api.client.items("/environments", project=wanted)
    return next((each for each in found if each["name"] == name), None)


def _said(body: Json) -> Json:
    kept = ("release", "expected")
    return {name: value for name, value in body.items() if value not in (None, "") or name in kept}


def _moved(api: Api, done: Json, before: Json | None) -> None:
    if api.out.as_json:
        api.out.json(done)
        return
    was = (before or {}).get("release") or "no release"
    api.out.say(f"{done['name']} stands at {done['release']}; before, at {was}")
    for late in done["not_acknowledged"]:
        api.out.say(f"not yet taken in by {late}")


def _place(each: Json) -> str:
    return f"{each['path']}:{each['symbol']}"


def _value(each: Json) -> str:
    return f"{each['name']}={each['value']}"


def _list(value: Json, name: str) -> list[Any]:
    return list(value.get(name) or [])


def _say_progress(*what: Any) -> None:
    print(f"\r\033[Kreading: {' of '.join(map(str, what))[:100]}", end="", file=sys.stderr, flush=True)
