"""`headgate keys`: what clients present. Read next: `access.keys`, which makes them on the server."""

from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Column, moment

app = typer.Typer(no_args_is_help=True, help="Make, list, rotate and revoke the keys that clients present.")

COLUMNS = (
    Column("id", "id"),
    Column("name", "name"),
    Column("project", "project"),
    Column("role", "role"),
    Column("user", "user"),
    Column("models", "models"),
    Column("expires", "expires_at", moment),
    Column("created", "created_at", moment),
)


class KeyRights(msgspec.Struct, frozen=True, kw_only=True):
    """Whose key it is, and what it may do."""

    project: Annotated[str | None, typer.Option(help="Its project; `default` if left out.")] = None
    user: Annotated[str | None, typer.Option(help="The user whom its calls count for.")] = None
    role: Annotated[str | None, typer.Option(help="admin, project_admin, member or viewer.")] = None
    model: Annotated[
        list[str], typer.Option(help="A model or `prefix*` that it may ask for; repeat for more.")
    ] = []
    tag: Annotated[list[str], typer.Option(help="A tag for grouping costs; repeat for more.")] = []
    may_assert: Annotated[
        bool, typer.Option("--may-assert", help="Let requests say user, tags and release themselves.")
    ] = False
    record: Annotated[str | None, typer.Option(help="full, metadata or none; at most the project's.")] = None
    environment: Annotated[
        str | None, typer.Option(help="The environment whose release holds for its calls.")
    ] = None
    expires_at: Annotated[str | None, typer.Option(help="When it ends, such as 2027-01-31T00:00:00Z.")] = None


class KeyLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The budget and the rate limit that a key brings along."""

    budget: Annotated[
        str | None, typer.Option(help="A budget of its own, as AMOUNT/WINDOW: `10 USD/month`.")
    ] = None
    rate_limit: Annotated[
        str | None, typer.Option(help="A rate limit of its own, as NUMBER UNIT/WINDOW: `60 requests/minute`.")
    ] = None


@app.command("create")
@over_api
def create(
    api: Api,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    rights: KeyRights,
    limits: KeyLimits,
) -> None:
    """Make a key. Its text is shown this once."""
    body = {
        part: value
        for part, value in {
            "name": name,
            "project": rights.project,
            "user": rights.user,
            "role": rights.role,
            "models": rights.model or None,
            "tags": rights.tag or None,
            "may_assert": rights.may_assert or None,
            "record": rights.record,
            "environment": rights.environment,
            "expires_at": rights.expires_at,
            "budgets": _budgets(name, limits.budget),
            "rate_limits": _rate_limits(name, limits.rate_limit),
        }.items()
        if value is not None
    }
    made = api.client.post("/keys", body)
    if api.out.as_json:
        api.out.json(made)
        return
    api.out.text(made["key"])
    api.out.say(f"key {made['id']} ({name}); its text is shown this once, so keep it now")


@app.command("list")
@over_api
def list_keys(
    api: Api, project: Annotated[str | None, typer.Option(help="Only keys of this project.")] = None
) -> None:
    """List the keys that are in force."""
    api.out.rows(
        api.client.items("/keys", project=project),
        COLUMNS,
        empty="No keys yet; `headgate keys create NAME` makes one.",
    )


@app.command("rotate")
@over_api
def rotate(
    api: Api,
    key: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    earlier_lasts_s: Annotated[
        int, typer.Option(help="For how many seconds its earlier text is taken beside the new one.")
    ] = 0,
) -> None:
    """Give a key another text, shown this once; its id, rights, budgets and records stay."""
    made = api.client.post(f"/keys/{key}/rotate", {"earlier_lasts_s": earlier_lasts_s})
    if api.out.as_json:
        api.out.json(made)
        return
    api.out.text(made["key"])
    ends = made.get("earlier_until")
    until = f"is taken until {moment(ends)}" if ends else "is refused from now on"
    api.out.say(f"key {key} has a new text, shown this once, so keep it now; the earlier one {until}")


@app.command("revoke")
@over_api
def revoke(
    api: Api, key: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")]
) -> None:
    """Revoke a key. It is refused everywhere within a second."""
    answer = api.client.delete(f"/keys/{key}")
    if api.out.as_json:
        api.out.json(answer if answer is not None else {"id": key, "revoked": True})
    else:
        api.out.say(f"key {key} is revoked")


def _budgets(name: str, text: str | None) -> list[dict[str, Any]] | None:
    if text is None:
        return None
    amount, window = _halves(text, "--budget", "10 USD/month")
    return [{"name": f"{name}-budget", "limit": amount, "window": window}]


def _rate_limits(name: str, text: str | None) -> list[dict[str, Any]] | None:
    if text is None:
        return None
    amount, window = _halves(text, "--rate-limit", "60 requests/minute")
    return [{"name": f"{name}-rate", "limit": amount, "window": window}]


def _halves(text: str, flag: str, example: str) -> tuple[str, str]:
    amount, slash, window = text.rpartition("/")
    if not slash or not amount.strip() or not window.strip():
        raise CommandFailed(f"{flag} {text!r} names no window", f"write it as {flag} '{example}'")
    return amount.strip(), window.strip()
