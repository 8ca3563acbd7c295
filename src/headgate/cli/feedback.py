"""`headgate feedback`: what people, code and models say of traces, requests, sessions and users.

Outcomes go in from files and queries, each line once however often it is sent. Read next: `feedback_import`,
`traces.scores`.
"""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import EXIT_FAILED, CommandFailed
from headgate.cli.output import Column, moment
from headgate.core.written import Wanted, read_value

app = typer.Typer(no_args_is_help=True, help="Say what came of an answer, and see what was said.")


def subject_of(item: Json) -> str:
    """Return what was spoken of, as `field=value`."""
    for field in ("business_id", "request_id", "span_id", "trace_id", "session", "user"):
        if item.get(field):
            return f"{field}={item[field]}"
    return ""


COLUMNS = (
    Column("time", "at", moment),
    Column("name", "name"),
    Column("value", "value"),
    Column("subject", "subject"),
    Column("source", "source"),
    Column("by", "by"),
    Column("comment", "comment"),
)


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What feedback is about."""

    request_id: Annotated[str | None, typer.Option(help="A request.")] = None
    trace_id: Annotated[str | None, typer.Option(help="A trace, by 32 hex digits.")] = None
    span_id: Annotated[
        str | None, typer.Option(help="A span, by 16 hex digits; --trace-id may say whose.")
    ] = None
    session: Annotated[str | None, typer.Option(help="A session.")] = None
    user: Annotated[str | None, typer.Option(help="A user.")] = None
    business_id: Annotated[
        str | None, typer.Option(help="An id of your own, from which the trace's was made.")
    ] = None

    def fields(self) -> Json:
        """Return what is named."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


class Saying(msgspec.Struct, frozen=True, kw_only=True):
    """What else feedback says."""

    comment: Annotated[str | None, typer.Option(help="Why.")] = None
    at: Annotated[str | None, typer.Option(help="When it was so, such as 2026-11-21T08:00:00Z; now.")] = None
    id: Annotated[str | None, typer.Option(help="An id of your own: what is said again counts once.")] = None
    source: Annotated[str | None, typer.Option(help="person, code or model.")] = None
    by: Annotated[str | None, typer.Option(help="Which person, program or model.")] = None

    def fields(self) -> Json:
        """Return what is said."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}


@app.command("add")
@over_api
def add(
    api: Api,
    name: Annotated[str, typer.Argument(help="What is said, such as `helpful`.")],
    value: Annotated[str, typer.Argument(help="A number, yes or no, or a text.")],
    about: About,
    saying: Saying,
) -> None:
    """Say something of a request, trace, span, session or user."""
    body = {"name": name, "value": said_value(value), **about.fields(), **saying.fields()}
    done: Json = api.client.post("/feedback", body)
    if api.out.as_json:
        api.out.json(done)
    else:
        api.out.say(f"feedback {done['id']} counts")


@app.command("list")
@over_api
def list_feedback(
    api: Api,
    about: About,
    *,
    name: Annotated[str | None, typer.Option(help="Only of this name.")] = None,
    source: Annotated[str | None, typer.Option(help="Only of this source: person, code or model.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50,
) -> None:
    """List what was said, the newest first."""
    found: list[Any] = api.client.items("/feedback", limit=limit, name=name, source=source, **about.fields())
    shown = found if api.out.as_json else [{**each, "subject": subject_of(each)} for each in found]
    api.out.rows(shown, COLUMNS, empty="Nothing was said; `headgate feedback add NAME VALUE` says something.")


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """Which column says what."""

    column: Annotated[
        list[str] | None, typer.Option(help="FIELD=COLUMN, where a column has another name than its field.")
    ] = None
    set: Annotated[list[str] | None, typer.Option(help="FIELD=TEXT, the same on every line.")] = None
    values: Annotated[Wanted, typer.Option(help="What values have to be; others are refused.")] = "any"
    ignore_others: Annotated[
        bool, typer.Option("--ignore-others", help="Leave out columns that feedback has no field for.")
    ] = False


class Importing(msgspec.Struct, frozen=True, kw_only=True):
    """What to import, and how."""

    query: Annotated[
        str | None, typer.Option(help="In place of a file: a SELECT, or @FILE that holds one.")
    ] = None
    database: Annotated[
        str | None, typer.Option(help="Where to ask it: env:NAME, file:PATH or postgresql://...; read-only.")
    ] = None
    encoding: Annotated[str, typer.Option(help="Of the file.")] = "utf-8"
    from_line: Annotated[int, typer.Option(help="Go on at this line, or row of a query that is ordered.")] = 1
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would come of it, and change nothing.")
    ] = False
    refused: Annotated[
        Path | None, typer.Option(help="Write refused lines, each with its reason, into this file.")
    ] = None


@app.command("import")
@over_api
def import_file(
    api: Api,
    file: Annotated[
        Path | None, typer.Argument(help="A CSV file with a header, or JSON Lines, or -; gzipped or not.")
    ] = None,
    *,
    mapping: Mapping,
    how: Importing,
) -> None:
    """Say what stands in a file or a query's result, line by line; lines that are sent again count once.

    Fields are name, value, comment, at, id, source, by, and one subject: request_id, trace_id, span_id,
    session, user or business_id.
    """
    from headgate.cli import feedback_import

    if feedback_import.import_outcomes(api, file, mapping, how).refused:
        raise typer.Exit(EXIT_FAILED)


def said_value(text: str) -> bool | float | str:
    """Read a value of the command line. Raises CommandFailed for a number that can't be counted with."""
    try:
        return read_value(text)
    except ValueError as error:
        raise CommandFailed(f"the value {error}", "write a number, yes or no, or a text") from None
