"""`headgate metrics`: what applications measured of their model calls, and what it came to over time."""

from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.output import NOTHING, Column, moment

app = typer.Typer(help="See the GenAI metrics that applications send.", invoke_without_command=True)

COLUMNS = (
    Column("metric", "name"),
    Column("unit", "unit"),
    Column("kind", "kind"),
    Column("series", "series", right=True),
    Column("told apart by", "attributes"),
    Column("services", "services"),
    Column("last seen", "last_seen", moment),
)

WHOLE_FROM = 100_000
"""What is as large is shown without its fraction."""


def _number(value: Any) -> str:
    return f"{value:,.6g}" if abs(value) < WHOLE_FROM else f"{value:,.0f}"


POINTS = (
    Column("from", "start", moment),
    Column("group", "group"),
    Column("count", "count", right=True),
    Column("sum", "sum", _number, right=True),
    Column("least", "min", _number, right=True),
    Column("most", "max", _number, right=True),
    Column("last", "last", _number, right=True),
    Column("p50", "p50", _number, right=True),
    Column("p95", "p95", _number, right=True),
    Column("p99", "p99", _number, right=True),
    Column("unit", "unit"),
)

Project = Annotated[str | None, typer.Option(help="Only what was sent to this project.")]


class Which(msgspec.Struct, frozen=True, kw_only=True):
    """Which measurements, and how they are added up."""

    interval: Annotated[str | None, typer.Option(help="hour or day; left out, one sum for all.")] = None
    group_by: Annotated[str | None, typer.Option(help="An attribute, such as gen_ai.request.model.")] = None
    attribute: Annotated[
        list[str], typer.Option(help="NAME=VALUE that a series must have; may be repeated.")
    ] = []
    project: Project = None
    since: Annotated[
        str | None,
        typer.Option("--from", help="Not before, such as 2026-11-21T08:00:00Z; else the last day."),
    ] = None
    until: Annotated[str | None, typer.Option("--to", help="Before this time.")] = None

    def parameters(self) -> dict[str, Any]:
        """Return them as the API takes them."""
        found = msgspec.structs.asdict(self)
        found["from"] = found.pop("since")
        found["to"] = found.pop("until")
        return found


@app.callback(invoke_without_command=True)
@over_api
def metrics(api: Api, context: typer.Context, project: Project = None) -> None:
    """See the GenAI metrics that applications send; alone, it lists them."""
    if context.invoked_subcommand is None:
        _list(api, project)


@app.command("list")
@over_api
def list_metrics(api: Api, project: Project = None) -> None:
    """List the metrics that applications have sent."""
    _list(api, project)


@app.command("series")
@over_api
def series(
    api: Api,
    name: Annotated[str, typer.Argument(help="The metric, such as gen_ai.client.token.usage.")],
    which: Which,
) -> None:
    """Show what a metric came to; quantiles are estimated from its buckets."""
    found: Json = api.client.get("/metrics/series", name=name, **which.parameters())
    if api.out.as_json:
        api.out.json(found["items"])
        return
    rows = [_flat(point) for point in found["items"]]
    api.out.rows(rows, POINTS, empty="Nothing was measured then; `headgate metrics` lists what is.")


def _flat(point: Json) -> Json:
    return {**point, **(point.get("quantiles") or {}), "group": point.get("group") or NOTHING}


def _list(api: Api, project: str | None) -> None:
    rows = api.client.get("/metrics", project=project)["items"]
    api.out.rows(rows, COLUMNS, empty="No metrics yet; docs/guides/traces.md says how they are sent.")
