"""`headgate requests`: every call on record, as a list, one in full, or as they happen."""

from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.following import Following
from headgate.cli.following import follow as follow_list
from headgate.cli.output import NOTHING, Column, microseconds, milliseconds, moment, plain, reach, usd

app = typer.Typer(help="See the calls on record.", invoke_without_command=True)

SHORT = 10
"""Digits of a commit's id in a table."""
VALUES_LENGTH_MAX = 80

COLUMNS = (
    Column("time", "started_at", moment),
    Column("id", "id"),
    Column("project", "project"),
    Column("model", "model"),
    Column("target", "target"),
    Column("status", "status", right=True),
    Column("code", "code"),
    Column("tokens", "usage", lambda usage: str(tokens(usage)), right=True),
    Column("cost", "cost_usd", usd, right=True),
    Column("took", "duration_ms", milliseconds, right=True),
)

SHADOW = Column("shadow", "shadow", lambda is_shadow: "yes" if is_shadow else NOTHING)
"""Stands in lists that hold one."""

DETAILS = (
    Column("id", "id"),
    Column("trace", "trace_id"),
    Column("started", "started_at", moment),
    Column("project", "project"),
    Column("key", "key"),
    Column("user", "user"),
    Column("session", "session"),
    Column("dialect", "dialect"),
    Column("stream", "stream"),
    Column("model", "model"),
    Column("target", "target"),
    Column("status", "status"),
    Column("code", "code"),
    Column("took", "duration_ms", milliseconds),
    Column("first token", "first_token_ms", milliseconds),
    Column("usage", "usage"),
    Column("cost", "cost_usd", usd),
    Column("estimated", "estimated"),
    Column("changes", "changes"),
    Column("snapshot", "snapshot"),
    Column("release", "release"),
    Column("environment", "environment"),
    Column("shadow", "shadow"),
)

ATTEMPTS = (
    Column("attempt", "attempt", right=True),
    Column("target", "target"),
    Column("status", "status", right=True),
    Column("code", "code"),
    Column("reserved", "reserved_usd", usd, right=True),
    Column("cost", "cost_usd", usd, right=True),
    Column("took", "duration_ms", milliseconds, right=True),
)


def _short(commit: Any) -> str:
    return str(commit)[:SHORT] or NOTHING


def _cut(values: Any) -> str:
    text = " ".join(plain(values).split())
    return text if len(text) <= VALUES_LENGTH_MAX else text[: VALUES_LENGTH_MAX - 1] + "…"


PROMPTS = (
    Column("prompt", "name"),
    Column("version", "version"),
    Column("kind", "kind"),
    Column("message", "message"),
    Column("first commit", "first_commit", _short),
    Column("last commit", "last_commit", _short),
    Column("explains", "coverage", lambda coverage: f"{float(coverage):.0%}", right=True),
    Column("values", "values", _cut),
)

OVERRIDES = (
    Column("changed", "field"),
    Column("before", "before"),
    Column("after", "after"),
    Column("by", "source"),
)
PARAMETERS = (
    Column("parameter", "name"),
    Column("value", "value"),
    Column("from", "source"),
    Column("before", "before"),
)
EXPOSURES = (
    Column("experiment", "experiment"),
    Column("arm", "arm"),
    Column("by", "by"),
    Column("unit", "unit"),
)
STEPS = (
    Column("step", "step", lambda step: str(step).replace("_", " ")),
    Column("attempt", "attempt", right=True),
    Column("target", "target"),
    Column("took", "duration_us", microseconds, right=True),
)
COST = (
    Column("attempt", "attempt", right=True),
    Column("costs", "bucket", lambda bucket: str(bucket).replace("_", " ")),
    Column("number", "units", right=True),
    Column("price", "price_usd", usd, right=True),
    Column("per", "per", right=True),
    Column("amount", "amount_usd", usd, right=True),
)
PRICES = (
    Column("attempt", "attempt", right=True),
    Column("prices of", "source"),
    Column("day", "date"),
    Column("service tier", "service_tier"),
)
EXCLUDED = (Column("target left out", "target"), Column("reason", "reason"))


class RequestFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which calls."""

    project: Annotated[str | None, typer.Option(help="Only calls of this project.")] = None
    key: Annotated[str | None, typer.Option(help="Only calls with this key (its id).")] = None
    user: Annotated[str | None, typer.Option(help="Only calls of this user.")] = None
    model: Annotated[str | None, typer.Option(help="Only calls that asked for this model.")] = None
    target: Annotated[str | None, typer.Option(help="Only calls that this provider/model answered.")] = None
    status: Annotated[str | None, typer.Option(help="Only calls that ended with this status.")] = None
    code: Annotated[str | None, typer.Option(help="Only calls that ended with this code.")] = None
    prompt: Annotated[str | None, typer.Option(help="Only calls that used this prompt.")] = None
    release: Annotated[str | None, typer.Option(help="Only calls of this release.")] = None
    environment: Annotated[str | None, typer.Option(help="Only calls of this environment.")] = None
    experiment: Annotated[str | None, typer.Option(help="Only calls in this experiment.")] = None
    arm: Annotated[str | None, typer.Option(help="Only calls in this arm; - for those in none.")] = None
    id: Annotated[str | None, typer.Option(help="Only calls whose id begins or ends so.")] = None
    shadow: Annotated[
        str | None, typer.Option(help="yes: only shadows, made beside other calls; no: without them.")
    ] = None
    min_duration_ms: Annotated[float | None, typer.Option(help="Only calls that took so long.")] = None
    since: Annotated[str | None, typer.Option("--from", help="Not before, such as 2026-11-21T08:00:00Z.")] = (
        None
    )
    until: Annotated[str | None, typer.Option("--to", help="Before this time.")] = None

    def parameters(self) -> dict[str, Any]:
        """Return them as the API takes them."""
        found = msgspec.structs.asdict(self)
        found["from"] = found.pop("since")
        found["to"] = found.pop("until")
        return found


def tokens(usage: Any) -> int | str:
    """Return the sum of the usage's disjoint buckets."""
    counts = [count for count in dict(usage).values() if isinstance(count, int)]
    return sum(counts) if counts else NOTHING


@app.callback(invoke_without_command=True)
@over_api
def requests(
    api: Api,
    context: typer.Context,
    filters: RequestFilters,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.")] = 20,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on, and show calls as they end.")
    ] = False,
) -> None:
    """See the calls on record; alone, it lists the newest."""
    if context.invoked_subcommand is not None:
        return
    if follow:
        parameters = filters.parameters()
        follow_list(api, Following(path="/requests", parameters=parameters, place=_id_of, written=_written))
    else:
        _list(api, filters, limit)


@app.command("list")
@over_api
def list_requests(
    api: Api,
    filters: RequestFilters,
    limit: Annotated[int, typer.Option(help="At most so many, newest first.")] = 20,
) -> None:
    """List calls, newest first."""
    _list(api, filters, limit)


@app.command("show")
@over_api
def show(api: Api, request: Annotated[str, typer.Argument(help="The request's id.")]) -> None:
    """Show one call in full: what each step took, its attempts, the targets left out and why, its prompts and
    bodies."""
    found: Json = api.client.get(f"/requests/{request}")
    api.out.item(found, DETAILS)
    if api.out.as_json:
        return
    attempts: list[Json] = [
        {"attempt": number, **attempt} for number, attempt in enumerate(found.get("attempts") or [], 1)
    ]
    tables: tuple[tuple[list[Json], tuple[Column, ...]], ...] = (
        (found.get("steps") or [], STEPS),
        (attempts, ATTEMPTS),
        (found.get("excluded") or [], EXCLUDED),
        (reach(found, "cost.items") or [], COST),
        (reach(found, "cost.prices") or [], PRICES),
        (found.get("prompts") or [], PROMPTS),
        (_sided(found.get("overrides")), OVERRIDES),
        (_sided(found.get("parameters")), PARAMETERS),
        (found.get("exposures") or [], EXPOSURES),
    )
    for rows, columns in tables:
        if rows:
            api.out.text("")
            api.out.rows(rows, columns, empty="")
    unknown = reach(found, "cost.unknown")
    if unknown:
        api.out.text(f"\nwhat its cost is made of can't be told: {plain(unknown)}")
    for part in ("request", "response"):
        if found.get(part) is not None:
            api.out.text(f"\n{part}\n{_body(found[part])}")


def _sided(rows: list[Json] | None) -> list[Json]:
    """Rows whose values of any kind are one line of JSON each."""
    values = ("value", "before", "after")
    return [
        {name: _line(value) if name in values else value for name, value in row.items()} for row in rows or []
    ]


def _line(value: Any) -> str:
    if value is None:
        return NOTHING
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= VALUES_LENGTH_MAX else text[: VALUES_LENGTH_MAX - 1] + "…"


def _body(body: Any) -> str:
    if isinstance(body, str):
        return body
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode()


def _list(api: Api, filters: RequestFilters, limit: int) -> None:
    rows = api.client.items("/requests", limit=limit, **filters.parameters())
    columns = (*COLUMNS, SHADOW) if any(row.get("shadow") for row in rows) else COLUMNS
    api.out.rows(rows, columns, empty="No calls on record that match.")


def _written(row: Json) -> str:
    usage = reach(row, "usage")
    parts = (
        moment(row["started_at"]),
        plain(row.get("status") or NOTHING),
        plain(row.get("target") or row.get("model") or NOTHING),
        f"{tokens(usage)} tokens" if usage else "no usage",
        usd(row["cost_usd"]) if row.get("cost_usd") is not None else "cost unknown",
        milliseconds(row["duration_ms"]) if row.get("duration_ms") is not None else NOTHING,
        plain(row.get("code") or ""),
        "shadow" if row.get("shadow") else "",
        str(row["id"]),
    )
    return "  ".join(part for part in parts if part)


def _id_of(row: Json) -> Any:
    return row["id"]
