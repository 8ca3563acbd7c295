"""`headgate budgets`: limits on spend. Those of headgate.toml are changed there, the others here."""

from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Column, moment, usd

app = typer.Typer(no_args_is_help=True, help="See, set and delete limits on spend.")

COLUMNS = (
    Column("name", "name"),
    Column("scope", "scope"),
    Column("window", "window"),
    Column("limit", "limit_usd", usd, right=True),
    Column("spent", "spent_usd", usd, right=True),
    Column("reserved", "reserved_usd", usd, right=True),
    Column("overrun", "overrun_usd", usd, right=True),
    Column("ends", "window_end", moment),
    Column("managed by", "managed_by"),
)

SCOPES = ("project", "key", "user", "provider", "model", "tag")


class BudgetRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a budget says."""

    limit: Annotated[str, typer.Option(help="How much, such as `500 USD`.")]
    window: Annotated[str | None, typer.Option(help="hour, day, week, month or total.")] = None
    scope: Annotated[
        list[str],
        typer.Option(
            help="What it counts, as PART=VALUE (project, key, user, provider, model, tag); repeat."
        ),
    ] = []
    timezone: Annotated[
        str | None, typer.Option(help="Whose midnight its window ends at; UTC if left out.")
    ] = None
    when_exhausted: Annotated[str | None, typer.Option(help="next-target or reject.")] = None
    max_cost_per_call: Annotated[
        str | None, typer.Option(help="What a call of unbounded cost reserves, such as `1 USD`.")
    ] = None


@app.command("list")
@over_api
def list_budgets(api: Api) -> None:
    """List all budgets with what is spent and reserved in the present window."""
    api.out.rows(
        api.client.items("/budgets"),
        COLUMNS,
        empty="No budgets: nothing limits spend. `headgate budgets set NAME --limit '10 USD'` makes one.",
    )


@app.command("set")
@over_api
def set_budget(
    api: Api, name: Annotated[str, typer.Argument(help="The budget's name.")], rules: BudgetRules
) -> None:
    """Make a budget, or change the one of that name; what is spent stays spent."""
    body = {
        part: value
        for part, value in {
            "limit": rules.limit,
            "window": rules.window,
            "scope": _scope(rules.scope),
            "timezone": rules.timezone,
            "when_exhausted": rules.when_exhausted,
            "max_cost_per_call": rules.max_cost_per_call,
        }.items()
        if value is not None
    }
    known = {budget["name"] for budget in api.client.items("/budgets")}
    if name in known:
        done, verb = api.client.patch(f"/budgets/{name}", body), "changed"
    else:
        done, verb = api.client.post("/budgets", {"name": name, "window": "month", **body}), "made"
    if api.out.as_json:
        api.out.json(done)
    else:
        api.out.say(f"budget {name} is {verb}")


@app.command("delete")
@over_api
def delete(api: Api, name: Annotated[str, typer.Argument(help="The budget's name.")]) -> None:
    """Delete a budget that was made here. What it counted stays on record."""
    api.client.delete(f"/budgets/{name}")
    if api.out.as_json:
        api.out.json({"name": name, "deleted": True})
    else:
        api.out.say(f"budget {name} is deleted")


LEASE_COLUMNS = (
    Column("boot", "boot"),
    Column("gateway", "name"),
    Column("host", "host"),
    Column("held", "held_usd", usd, right=True),
    Column("open attempts", "attempts_open", right=True),
    Column("last seen", "seen_at", moment),
)


@app.command("leases")
@over_api
def leases(api: Api) -> None:
    """List what each gateway holds of budgets."""
    api.out.rows(api.client.items("/leases"), LEASE_COLUMNS, empty="No gateway holds anything of a budget.")


@app.command("release-boot")
@over_api
def release_boot(
    api: Api,
    boot: Annotated[str, typer.Argument(help="The boot, as `headgate budgets leases` shows it.")],
    reason: Annotated[str, typer.Option(help="Why; stands in the audit log.")],
) -> None:
    """Give up the leases of a host that is gone for good; what it had begun is charged in full."""
    done = api.client.post(f"/leases/{boot}/release", {"reason": reason})
    if api.out.as_json:
        api.out.json(done)
        return
    api.out.say(
        f"boot {boot} is given up: {done['attempts_charged']} attempts charged in full "
        f"(${done['charged_usd']}), ${done['given_back_usd']} went back"
    )


def _scope(parts: list[str]) -> dict[str, Any] | None:
    scope: dict[str, Any] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals or name not in SCOPES or not value:
            raise CommandFailed(
                f"--scope {part!r} is no scope", f"write PART=VALUE, where PART is one of {', '.join(SCOPES)}"
            )
        scope[name] = value
    return scope or None
