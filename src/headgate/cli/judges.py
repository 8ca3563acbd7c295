"""`headgate judges`: models that mark answers, and how far they can be trusted.

Read next: `headgate.judges.analysis`, `cli.reviews` (what people mark).
"""

import json
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed, not_installed
from headgate.cli.output import NOTHING, Column, moment

app = typer.Typer(no_args_is_help=True, help="Say how far a judge can be trusted.")

Project = Annotated[str | None, typer.Option(help="The project; by default the key's own.")]
Name = Annotated[str, typer.Argument(help="The judge's name.")]
Version = Annotated[str | None, typer.Option(help="A version of it; by default the current one.")]


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """How a judge is asked about what people marked."""

    version: Version = None
    project: Project = None
    repeats: Annotated[
        int, typer.Option(min=1, max=10, help="How often it is asked of each answer; again shows its flips.")
    ] = 1
    most: Annotated[int, typer.Option(min=1, help="Of so many answers at most.")] = 1000
    budget: Annotated[str | None, typer.Option(help="The most that it may cost, such as 0.50.")] = None
    concurrency: Annotated[int, typer.Option(min=1, max=32, help="So many calls at a time.")] = 4
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked, and ask nothing.")] = (
        False
    )


class Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """Of which cases pairs are made, and how they are asked about."""

    version: Version = None
    project: Project = None
    most: Annotated[int, typer.Option(min=1, help="Pairs of so many cases at most, drawn by chance.")] = 100
    review: Annotated[
        bool, typer.Option("--review", help="Let people mark all of them, whatever the judge's rules say.")
    ] = False
    budget: Annotated[str | None, typer.Option(help="The most that it may cost, such as 0.50.")] = None
    concurrency: Annotated[int, typer.Option(min=1, max=32, help="So many pairs at a time.")] = 4
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take and cost, and ask nothing.")
    ] = False


class Planning(msgspec.Struct, frozen=True, kw_only=True):
    """How well a score is to be known, and what is expected; what isn't given comes from what is known."""

    within: Annotated[
        float,
        typer.Option(
            min=0.001, max=4, help="How far the interval may reach to either side: 0.05 is 5 points."
        ),
    ] = 0.05
    version: Version = None
    project: Project = None
    answers: Annotated[int | None, typer.Option(min=2, help="How many answers the judge will mark.")] = None
    share: Annotated[float | None, typer.Option(help="The expected share of good answers.")] = None
    sensitivity: Annotated[
        float | None, typer.Option(help="How many of the good ones it is expected to find.")
    ] = None
    specificity: Annotated[float | None, typer.Option(help="How many of the bad ones.")] = None
    deviation: Annotated[
        float | None, typer.Option(help="Of marks from 1 to 5: their expected standard deviation.")
    ] = None
    likeness: Annotated[
        float | None, typer.Option(help="Of marks from 1 to 5: the expected correlation with people's.")
    ] = None


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


@app.command("ask")
@over_api
def ask(api: Api, name: Name, asking: Asking) -> None:
    """Ask a judge, such as a new version, about the answers that people marked, and keep what it says."""
    raise typer.Exit(_work().ask_judge(api, name, asking))


@app.command("pairs")
@over_api
def pairs(
    api: Api,
    name: Name,
    dataset: Annotated[str, typer.Argument(help="A dataset, as NAME or NAME@VERSION, or a file of cases.")],
    targets: Annotated[
        tuple[str, str],
        typer.Argument(metavar="ONE OTHER", help="Two models, or prompts as NAME@VERSION."),
    ],
    pairing: Pairing,
) -> None:
    """Make pairs for a judge that compares: the answers of two models or prompts to the same cases.

    The judge is asked in both orders. What was made and marked before is not asked again.
    """
    try:
        from headgate.cli import judge_pairs
    except ImportError as error:
        raise not_installed(error) from error
    raise typer.Exit(judge_pairs.make_pairs(api, name, (dataset, *targets), pairing))


@app.command("plan")
@over_api
def plan(api: Api, name: Name, planning: Planning) -> None:
    """Say how many marks by people it takes to know the corrected score as well as you want to."""
    raise typer.Exit(_work().plan_marks(api, name, planning))


def _work() -> ModuleType:
    try:
        from headgate.cli import judge_asking
    except ImportError as error:
        raise not_installed(error) from error
    return judge_asking


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
