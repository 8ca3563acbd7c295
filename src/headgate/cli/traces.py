"""`headgate traces`: what applications did for each request of their own, as a list or one as a tree."""

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.feedback import subject_of
from headgate.cli.following import Following
from headgate.cli.following import follow as follow_list
from headgate.cli.lineage import lineage
from headgate.cli.output import NOTHING, Column, milliseconds, moment, plain, usd
from headgate.cli.requests import tokens
from headgate.cli.spoken import spoken
from headgate.cli.trace_filters import Sort, TraceFilters
from headgate.cli.traces_export import export

app = typer.Typer(help="See traces: what applications did, step by step.", invoke_without_command=True)

BAR = 32
"""Characters of a step's bar of time."""
NAME_MAX = 48
DEPTH_MAX = 24
"""Steps further down are drawn no further to the right."""
DRAWN_MAX = 2000
"""Steps of one trace that are drawn; `--json` gives all."""

COLUMNS = (
    Column("time", "started_at", moment),
    Column("trace", "trace_id"),
    Column("project", "project"),
    Column("name", "name"),
    Column("user", "user"),
    Column("session", "session"),
    Column("status", "status"),
    Column("steps", "spans", right=True),
    Column("calls", "calls", right=True),
    Column("tokens", "usage", lambda usage: str(tokens(usage)), right=True),
    Column("cost", "cost_usd", usd, right=True),
    Column("took", "duration_ms", milliseconds, right=True),
    Column("models", "models"),
    Column("flags", "flags"),
)

DETAILS = (
    Column("trace", "trace_id"),
    Column("name", "name"),
    Column("started", "started_at", moment),
    Column("project", "project"),
    Column("user", "user"),
    Column("session", "session"),
    Column("service", "service"),
    Column("release", "release"),
    Column("environment", "environment"),
    Column("tags", "tags"),
    Column("status", "status"),
    Column("took", "duration_ms", milliseconds),
    Column("calls", "calls"),
    Column("usage", "usage"),
    Column("cost", "cost_usd", usd),
    Column("unpriced", "unpriced"),
    Column("flags", "flags"),
)

SESSIONS = (
    Column("last", "last_at", moment),
    Column("session", "session"),
    Column("project", "project"),
    Column("user", "user"),
    Column("traces", "traces", right=True),
    Column("calls", "calls", right=True),
    Column("errors", "errors", right=True),
    Column("tokens", "usage", lambda usage: str(tokens(usage)), right=True),
    Column("cost", "cost_usd", usd, right=True),
)

HITS = (
    Column("time", "started_at", moment),
    Column("trace", "trace_id"),
    Column("span", "span_id"),
    Column("step", "name"),
    Column("text", "snippet"),
)

SCORES = (
    Column("said", "name"),
    Column("value", "value"),
    Column("of", "subject"),
    Column("source", "source"),
    Column("by", "by"),
    Column("comment", "comment"),
)

SHARES = (
    Column("calls", "calls", right=True),
    Column("tokens", "usage", lambda usage: str(tokens(usage)), right=True),
    Column("cost", "cost_usd", usd, right=True),
)


Limit = Annotated[int, typer.Option(help="At most so many.")]


@app.callback(invoke_without_command=True)
@over_api
def traces(
    api: Api,
    context: typer.Context,
    filters: TraceFilters,
    sort: Sort = None,
    limit: Limit = 20,
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on, and show traces as they come in and grow.")
    ] = False,
) -> None:
    """See traces; alone, it lists the newest."""
    if context.invoked_subcommand is not None:
        return
    if not follow:
        _list(api, filters, sort, limit)
        return
    follow_list(
        api,
        Following(
            path="/traces",
            parameters=filters.parameters(),
            place=_identity,
            written=_written,
            grows=True,
        ),
    )


@app.command("list")
@over_api
def list_traces(api: Api, filters: TraceFilters, sort: Sort = None, limit: Limit = 20) -> None:
    """List traces."""
    _list(api, filters, sort, limit)


@app.command("show")
@over_api
def show(
    api: Api,
    trace: Annotated[str, typer.Argument(help="The trace's id.")],
    project: Annotated[
        str | None, typer.Option(help="Its project, where several have a trace of this id.")
    ] = None,
) -> None:
    """Show one trace as a tree with bars of time; `*` marks the steps that determined how long it took."""
    found: Json = api.client.get(f"/traces/{trace}", project=project)
    api.out.item(found, DETAILS)
    if api.out.as_json:
        return
    api.out.text("")
    api.out.rows(_drawn(found), _tree_columns(), empty="")
    if len(found["spans"]) > DRAWN_MAX:
        api.out.say(f"{DRAWN_MAX} of {len(found['spans'])} steps are drawn; --json gives all")
    for title, part in (("model", "cost_by_model"), ("step", "cost_by_step")):
        if found[part]:
            api.out.text("")
            api.out.rows(found[part], (Column(title, "name"), *SHARES), empty="")
    if found.get("scores"):
        api.out.text("")
        api.out.rows([{**said, "subject": subject_of(said)} for said in found["scores"]], SCORES, empty="")


app.command("lineage")(lineage)
app.command("export")(export)


@app.command("search")
@over_api
def search(
    api: Api,
    text: Annotated[str, typer.Argument(help='Words, or "phrases in double quotes"; all have to be there.')],
    project: Annotated[str | None, typer.Option(help="Only in traces of this project.")] = None,
    score: Annotated[
        str | None, typer.Option(help="Only in traces of which this was said, such as csat>=4.")
    ] = None,
    limit: Limit = 20,
) -> None:
    """Find steps by what went into them or came out, the newest days first."""
    rows = api.client.items("/traces/search", limit=limit, text=text, project=project, score=score)
    api.out.rows(rows, HITS, empty="No step has these words.")


class WhichSessions(msgspec.Struct, frozen=True, kw_only=True):
    """Which sessions are listed."""

    project: Annotated[str | None, typer.Option(help="Only sessions of this project.")] = None
    user: Annotated[str | None, typer.Option(help="Only sessions with traces or calls of this user.")] = None
    environment: Annotated[
        str | None, typer.Option(help="Only what was made in this environment; - is none.")
    ] = None


@app.command("sessions")
@over_api
def sessions(
    api: Api,
    session: Annotated[str | None, typer.Argument(help="One session, as a conversation.")] = None,
    *,
    which: WhichSessions,
    limit: Limit = 20,
) -> None:
    """List sessions, or show one as a conversation: what its traces were given and gave, and its calls."""
    if session is None:
        rows = api.client.items("/sessions", limit=limit, **msgspec.structs.asdict(which))
        api.out.rows(rows, SESSIONS, empty="No sessions on record that match.")
        return
    found: Json = api.client.get(f"/sessions/{quote(session)}", project=which.project, limit=limit)
    if api.out.as_json:
        api.out.json(found)
        return
    api.out.rows([found], SESSIONS, empty="")
    for turn in sorted([*found["items"], *found["requests"]], key=_begun):
        if "id" in turn:
            said = (moment(turn["started_at"]), turn["id"], turn["model"], str(turn["status"]))
            api.out.text("\n" + "  ".join((*said, usd(turn["cost_usd"]))))
            continue
        said = (moment(turn["started_at"]), turn["trace_id"], _short(turn["name"] or ""), _price(turn))
        api.out.text("\n" + "  ".join(said))
        for arrow, part in ((">", turn["input"]), ("<", turn["output"])):
            if part is not None:
                api.out.text("\n".join(f"{arrow} {line}" for line in spoken(part).splitlines()))


def _begun(turn: Json) -> str:
    return str(turn["started_at"])


def _identity(row: Json) -> tuple[str, str]:
    return row["project"], row["trace_id"]


def _written(row: Json) -> str:
    parts = (
        moment(row["started_at"]),
        row["trace_id"],
        row["status"],
        _short(row["name"] or ""),
        f"{row['spans']} steps",
        f"{tokens(row['usage'])} tokens",
        _price(row),
        milliseconds(row["duration_ms"]),
    )
    return "  ".join(parts)


def _price(row: Json) -> str:
    if row.get("cost_usd") is not None:
        return usd(row["cost_usd"])
    return "cost unknown" if row["calls"] else "no calls"


def _list(api: Api, filters: TraceFilters, sort: str | None, limit: int) -> None:
    rows = api.client.items("/traces", limit=limit, sort=sort, **filters.parameters())
    api.out.rows(rows, COLUMNS, empty="No traces on record that match.")


def _tree_columns() -> tuple[Column, ...]:
    return (
        Column("step", "step"),
        Column("kind", "kind"),
        Column("model", "model"),
        Column("tokens", "usage", lambda usage: str(tokens(usage)), right=True),
        Column("cost", "cost", right=True),
        Column("took", "duration_ms", milliseconds, right=True),
        Column("", "bar"),
        Column("", "notes"),
    )


def _drawn(trace: Json) -> list[Json]:
    """The steps as rows: each name below the one that it belongs to, and when it ran."""
    steps: list[Json] = trace["spans"][:DRAWN_MAX]
    begin = _at_ms(trace["started_at"])
    return [
        {
            **step,
            "step": f"{'*' if step['on_critical_path'] else ' '} {_place(step)}{_short(step['name'])}",
            "cost": _cost(step),
            "bar": _bar(_at_ms(step["started_at"]) - begin, step["duration_ms"], trace["duration_ms"]),
            "notes": _notes(step),
        }
        for step in steps
    ]


def _place(step: Json) -> str:
    return "  " * min(step["depth"], DEPTH_MAX)


def _cost(step: Json) -> str:
    """What a step cost; in brackets where it counts elsewhere."""
    if step.get("cost_usd") is None:
        return NOTHING
    return usd(step["cost_usd"]) if step["counted"] else f"({usd(step['cost_usd'])})"


def _notes(step: Json) -> str:
    said = [step.get("problem"), *(step.get("flags") or ())]
    if step["status"] == "error":
        said.insert(0, f"error: {plain(step.get('status_message') or 'it failed')}"[:80])
    return ", ".join(str(note) for note in said if note) or " "


def _bar(begin_ms: float, took_ms: float, all_ms: float) -> str:
    """When a step ran, within its trace."""
    whole = max(all_ms, 0.001)
    before = min(BAR - 1, max(0, int(begin_ms / whole * BAR)))
    length = min(BAR - before, max(1, round(took_ms / whole * BAR)))
    return "|" + " " * before + "=" * length + " " * (BAR - before - length) + "|"


def _short(name: str) -> str:
    text = " ".join(name.split()) or NOTHING
    return text if len(text) <= NAME_MAX else text[: NAME_MAX - 1] + "…"


def _at_ms(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp() * 1000
