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
        str, typer.Option(help="project, model, target, user, key, prompt, release or tag; join with commas.")
    ] = "project,model",
    interval: Annotated[str | None, typer.Option(help="hour or day; left out, one sum for all.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="Not before, such as 2026-11-01T00:00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Before this time.")] = None,
) -> None:
    """Show what calls cost, from the rollups. A cost that is unknown shows as such and adds nothing."""
    parameters: dict[str, Any] = {"group_by": by, "interval": interval, "from": since, "to": until}
    rows = api.client.items("/costs", **parameters)
    start = (Column("from", "start", moment),) if interval else ()
    groups = tuple(Column(name, name) for name in by.split(","))
    sums = (
        Column("calls", "requests", right=True),
        Column("tokens", "usage", lambda usage: str(tokens(usage)), right=True),
        Column("cost", "cost_usd", usd, right=True),
    )
    api.out.rows(rows, (*start, *groups, *sums), empty="No calls in that time, so no costs.")
