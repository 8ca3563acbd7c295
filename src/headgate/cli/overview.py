"""`headgate providers`, `models` and `costs`: what may be asked for, and what it came to."""

from typing import Annotated, Any

import typer

from headgate.cli.command import Api, over_api
from headgate.cli.output import Column, moment, usd
from headgate.cli.requests import tokens

PROVIDERS = (
    Column("name", "name"),
    Column("kind", "kind"),
    Column("base URL", "base_url"),
    Column("regions", "regions"),
    Column("key", "has_key"),
    Column("state", "state"),
)

MODELS = (
    Column("name", "id"),
    Column("targets", "targets"),
    Column("strategy", "strategy"),
)


@over_api
def providers(api: Api) -> None:
    """List the providers of the snapshot in force, with the state of each."""
    api.out.rows(
        api.client.items("/providers"),
        PROVIDERS,
        empty="No providers; name one in headgate.toml under [providers.NAME].",
    )


@over_api
def models(api: Api) -> None:
    """List the names that clients may ask for, with the targets behind each."""
    api.out.rows(
        api.client.items("/models"),
        MODELS,
        empty="No models; name one in headgate.toml under [models.NAME].",
    )


@over_api
def costs(
    api: Api,
    by: Annotated[
        str,
        typer.Option(
            help="project, environment, provider, target, model, key, prompt, release, user, tag or session; "
            "join with commas."
        ),
    ] = "project,model",
    *,
    interval: Annotated[str | None, typer.Option(help="hour or day; left out, one sum for all.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Not before, such as 2026-11-01T00:00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Before this time.")] = None,
    project: Annotated[str | None, typer.Option(help="Of one project.")] = None,
    environment: Annotated[str | None, typer.Option(help="Of one environment; - is none.")] = None,
) -> None:
    """Show what calls cost, from the rollups. A cost that is unknown shows as such and adds nothing."""
    parameters: dict[str, Any] = {"group_by": by, "interval": interval, "from": since, "to": until}
    parameters |= {"project": project, "environment": environment}
    rows = api.client.items("/costs", **parameters)
    start = (Column("from", "start", moment),) if interval else ()
    if not api.out.as_json:
        # Not known is something else than none, which shows as a dash.
        rows = [{**row, "session": "not known"} if row.get("session", "") is None else row for row in rows]
    groups = tuple(Column(name, name) for name in by.split(","))
    sums = (
        Column("calls", "requests", right=True),
        Column("tokens", "usage", lambda usage: str(tokens(usage)), right=True),
        Column("cost", "cost_usd", usd, right=True),
    )
    api.out.rows(rows, (*start, *groups, *sums), empty="No calls in that time, so no costs.")
