"""`headgate checks`: runs that `headgate check` has made, and what was known after each.

Read next: `headgate.checks.http`.
"""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.output import Column, moment

app = typer.Typer(no_args_is_help=True, help="See runs of checks.")

COLUMNS = (
    Column("run", "id"),
    Column("check", "name"),
    Column("target", "target"),
    Column("verdict", "verdict"),
    Column("dataset", "dataset"),
    Column("started", "started_at", moment),
    Column("by", "key"),
    Column("kept", "kept"),
)


def _score(value: Any) -> str:
    return f"{float(value):.3g}"


RESULTS = (
    Column("case", "case"),
    Column("repeat", "repeat", right=True),
    Column("scorer", "scorer"),
    Column("score", "score", _score, right=True),
    Column("why", "reason", lambda value: str(value)[:100]),
    Column("request", "request_id"),
)


@app.command("list")
@over_api
def list_runs(
    api: Api,
    *,
    name: Annotated[str | None, typer.Option(help="Only runs of this check.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the last first.")] = 50,
) -> None:
    """List runs, the last to begin first."""
    found = api.client.items("/checks/runs", limit=limit, name=name)
    api.out.rows(found, COLUMNS, empty="No run yet; `headgate check checks.toml` makes one.")


@app.command("show")
@over_api
def show(api: Api, run: Annotated[str, typer.Argument(help="The run's id.")]) -> None:
    """Show what is known after a run, and each result."""
    path = f"/checks/runs/{quote(run, safe='')}"
    found: Json = api.client.get(path)
    results = api.client.items(f"{path}/results")
    if api.out.as_json:
        api.out.json({**found, "results": results})
        return
    api.out.item(found["run"], COLUMNS)
    api.out.text("")
    report: Json | None = found["report"]
    if report is not None:
        api.out.text(report["sentence"])
        for requirement in report["requirements"]:
            api.out.text(f"  {requirement['sentence']}")
        for corrected in report.get("corrections", []):
            api.out.text(f"  {corrected['sentence']}")
        api.out.text("")
    api.out.rows([row for each in results for row in _rows(each)], RESULTS, empty="It has no result yet.")


@app.command("keep")
@over_api
def keep(
    api: Api,
    run: Annotated[str, typer.Argument(help="The run's id.")],
    no_longer: Annotated[bool, typer.Option("--no-longer", help="Let retention take it again.")] = False,
) -> None:
    """Keep a run, such as a baseline, whatever its age."""
    found: Json = api.client.put(f"/checks/runs/{quote(run, safe='')}/kept", {"kept": not no_longer})
    if api.out.as_json:
        api.out.json(found)
    else:
        api.out.say(f"{found['id']} is kept" if found["kept"] else f"{found['id']} goes by retention")


def _rows(result: Json) -> list[Json]:
    if result["problem"]:
        return [{**result, "scorer": "the call", "score": 0, "reason": result["problem"]}]
    marks: Json = result["marks"]
    own = {name: result[name] for name in ("case", "repeat", "request_id")}
    return [
        {"scorer": name, "score": mark["score"], "reason": mark["reason"], **own}
        for name, mark in marks.items()
    ]
