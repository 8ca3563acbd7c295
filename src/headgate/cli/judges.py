"""`headgate judges`: models that mark answers, and how far they can be trusted.

Read next: `headgate.judges.analysis`, `cli.reviews` (what people mark).
"""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import NOTHING, Column, moment

app = typer.Typer(no_args_is_help=True, help="Say how far a judge can be trusted.")

Project = Annotated[str | None, typer.Option(help="The project; by default the key's own.")]
Name = Annotated[str, typer.Argument(help="The judge's name.")]
Version = Annotated[str | None, typer.Option(help="A version of it; by default the current one.")]

COLUMNS = (
    Column("name", "name"),
    Column("project", "project"),
    Column("model", "model"),
    Column("scale", "scale"),
    Column("version", "version"),
    Column("versions", "versions", right=True),
    Column("waiting", "waiting", right=True),
    Column("marked by people", "done", right=True),
    Column("made", "made_at", moment),
)


def _number(value: Any) -> str:
    return NOTHING if value is None else f"{float(value):.3g}"


FINDINGS = (
    Column("finding", "name"),
    Column("is", "estimate", _number, right=True),
    Column("from", "low", _number, right=True),
    Column("to", "high", _number, right=True),
    Column("answers", "n", right=True),
    Column("in words", "sentence"),
)


@app.command("list")
@over_api
def list_judges(api: Api) -> None:
    """List judges, and how many answers wait for people."""
    found: Json = api.client.get("/judges")
    api.out.rows(found["items"], COLUMNS, empty="No judge yet; `headgate judges define FILE` makes one.")


@app.command("define")
@over_api
def define(
    api: Api,
    file: Annotated[Path, typer.Argument(help="A TOML or JSON file: name, model, scale, rubric, review.")],
    project: Project = None,
) -> None:
    """Define a judge, or a new version of it."""
    judge: Json = api.client.ask(
        "POST", "/api/v1/judges", parameters={"project": project}, body=read_definition(file)
    )
    if api.out.as_json:
        api.out.json(judge)
    else:
        api.out.text(f"judge {judge['name']}, version {judge['version']}, asks {judge['model']}")


@app.command("show")
@over_api
def show(api: Api, name: Name, version: Version = None, project: Project = None) -> None:
    """Show how far a judge agrees with people, what it leans to, and the score without its errors."""
    shown: Json = api.client.get(f"/judges/{name}", version=version, project=project)
    if api.out.as_json:
        api.out.json(shown)
        return
    report: Json = shown["report"]
    counts: Json = report["counts"]
    api.out.text(report["sentence"])
    api.out.text("")
    api.out.rows(report["findings"], FINDINGS, empty="")
    api.out.text("")
    api.out.text(
        f"{counts['judged']} answers marked by the judge, {counts['marked']} by people "
        f"({counts['sampled']} of the random sample); {shown['waiting']} wait for people"
    )
    for note in report["notes"]:
        api.out.text(f"note: {note}")


@app.command("check")
@over_api
def check(
    api: Api,
    name: Name,
    least: Annotated[float, typer.Option(help="The least kappa that the interval has to reach.")] = 0.4,
    version: Version = None,
    project: Project = None,
) -> None:
    """Fail unless the judge agrees with people beyond chance: the lower end of kappa has to reach a level."""
    shown: Json = api.client.get(f"/judges/{name}", version=version, project=project)
    findings: list[Json] = shown["report"]["findings"]
    found = next(each for each in findings if each["name"] == "kappa")
    if api.out.as_json:
        api.out.json(found)
    else:
        api.out.text(f"kappa: {found['sentence']}")
    if found["low"] is None or found["low"] < least:
        reached = NOTHING if found["low"] is None else f"{found['low']:.2f}"
        raise CommandFailed(
            f"judge {name} is not shown to agree with people: kappa reaches {reached}, not {least:g}",
            "mark more answers with `headgate reviews next`, or improve the judge's prompt",
        )


def read_definition(file: Path) -> Json:
    """Read TOML or JSON. Raises CommandFailed where it is neither."""
    try:
        text = file.read_text(encoding="utf-8")
        found: Any = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{file} can't be read: {error}", "name a TOML or JSON file") from error
    if not isinstance(found, dict):
        raise CommandFailed(f"{file} holds no judge", "write name, model, scale and rubric")
    return found  # pyright: ignore[reportUnknownVariableType]
