"""`headgate grounding`: whether an answer says only what its context says, and which piece of it was needed.

Only the flags stand here; what asks models is loaded when it runs. Read next: `grounding_run`.
"""

from types import ModuleType
from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import not_installed
from headgate.cli.output import NOTHING, Column, plain

app = typer.Typer(no_args_is_help=True, help="Hold answers against their context.")

Request = Annotated[str, typer.Argument(help="The request's id.")]

PIECES = (
    Column("piece", "id"),
    Column("is", "kind"),
    Column("name", "name"),
    Column("characters", "characters", right=True),
    Column("begins", "begins"),
)


def _mean(value: Any) -> str:
    return NOTHING if value is None else f"{float(value):.3f}"


RULES = (
    Column("rule", "name"),
    Column("share", "share", right=True),
    Column("judge", "judge"),
    Column("held", "held", right=True),
    Column("told", "scored", right=True),
    Column("mean score", "mean", _mean, right=True),
    Column("with unsupported claims", "with_unsupported", right=True),
    Column("waiting", "waiting", right=True),
    Column("passed over", "passed_over", right=True),
    Column("USD today", "cost_usd_today", right=True),
)


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is asked."""

    judge: Annotated[str | None, typer.Option(help="A model or alias that is asked of each claim.")] = None
    budget: Annotated[str | None, typer.Option(help="The most that it may cost, such as 0.50.")] = None


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls of live traffic are held."""

    since: Annotated[str, typer.Option(help="How far back: 15m, 1h, 1d.")] = "1h"
    rate: Annotated[float, typer.Option(help="The share of them: chance decides, the same each time.")] = 0.05
    most: Annotated[int, typer.Option(help="So many calls at most.")] = 100
    project: Annotated[str | None, typer.Option(help="Only calls of this project.")] = None


class Replaying(msgspec.Struct, frozen=True, kw_only=True):
    """What is left out, how often, and who judges."""

    without: Annotated[
        list[str], typer.Option(help="A piece to leave out, such as p2; by default each document and result.")
    ] = []
    repeats: Annotated[int, typer.Option(help="How often each is asked, 2 to 20.")] = 5
    judge: Annotated[str | None, typer.Option(help="A model or alias that marks each answer.")] = None
    rubric: Annotated[str, typer.Option(help="What a good answer is.")] = (
        "The answer is right, complete, and answers the question; where `expected` is given, it says that."
    )
    expected: Annotated[str | None, typer.Option(help="A right answer, for the judge.")] = None
    budget: Annotated[str | None, typer.Option(help="The most that it may cost, such as 0.50.")] = None


class Selecting(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls are replayed, where none is named."""

    dataset: Annotated[str | None, typer.Option(help="Replay the cases of this dataset, by --model.")] = None
    since: Annotated[str | None, typer.Option(help="Replay calls as far back as 15m, 1h, 1d.")] = None
    model: Annotated[
        str | None, typer.Option(help="Of --since only calls of this model or alias; what --dataset asks.")
    ] = None
    tag: Annotated[str | None, typer.Option(help="Of --since only calls with this tag.")] = None
    most: Annotated[int, typer.Option(help="So many calls or cases at most, by chance.")] = 50
    pieces: Annotated[int, typer.Option(help="So many pieces of each at most, by chance, 1 to 12.")] = 4
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it takes, and replay nothing.")] = False
    project: Annotated[str | None, typer.Option(help="Of which project, where your key has several.")] = None


@app.command("show")
@over_api
def show(api: Api, request: Request) -> None:
    """Hold an answer against its context by words and numbers alone; no model is asked, nothing is kept."""
    grounds: Json = api.client.get(f"/requests/{request}/grounding")
    if api.out.as_json:
        api.out.json(grounds)
        return
    api.out.text(grounds["sentence"])
    for claim in grounds["claims"]:
        if claim["missing"]:
            said = ", ".join(f"{each['kind']} {each['text']!r}" for each in claim["missing"])
            api.out.text(f"- {claim['text']}\n  stands nowhere: {said}")
    api.out.text("")
    api.out.rows([_piece(each) for each in grounds["pieces"]], PIECES, empty="The model read nothing.")


@app.command("check")
@over_api
def check(api: Api, request: Request, asking: Asking) -> None:
    """Hold an answer against its context, claim by claim, and keep the score `groundedness` on the call."""
    raise typer.Exit(_work().check_request(api, request, asking))


@app.command("sample")
@over_api
def sample(api: Api, sampling: Sampling, asking: Asking) -> None:
    """Hold a random sample of recent calls against their contexts, and keep the scores."""
    raise typer.Exit(_work().check_sample(api, sampling, asking))


@app.command("rules")
@over_api
def rules(api: Api) -> None:
    """List the rules that hold live answers by themselves, and what each came to."""
    found: Json = api.client.get("/grounding/rules")
    api.out.rows(found["items"], RULES, empty="No rule yet; [[grounding]] in headgate.toml makes one.")


@app.command("replay")
@over_api
def replay(
    api: Api,
    replaying: Replaying,
    selecting: Selecting,
    request: Annotated[
        str | None, typer.Argument(help="The request's id; or take --dataset or --since.")
    ] = None,
) -> None:
    """Make calls again without pieces of their context, and say which helped, harmed or were not used."""
    if request is not None:
        raise typer.Exit(_work().replay_request(api, request, replaying))
    raise typer.Exit(_study().replay_many(api, replaying, selecting))


@app.command("studies")
@over_api
def studies(api: Api, study: Annotated[str | None, typer.Argument(help="Show this one.")] = None) -> None:
    """List what was replayed of many calls, or show what one such study found."""
    _study().show_studies(api, study)


def _piece(piece: Json) -> Json:
    text = " ".join(plain(piece["text"]).split())
    return {**piece, "characters": len(piece["text"]), "begins": text[:60]}


def _study() -> ModuleType:
    try:
        from headgate.cli import grounding_study
    except ImportError as error:
        raise not_installed(error) from error
    return grounding_study


def _work() -> ModuleType:
    try:
        from headgate.cli import grounding_run
    except ImportError as error:
        raise not_installed(error) from error
    return grounding_run
