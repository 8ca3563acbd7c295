"""`headgate feedback`: what people, code and models say of traces, requests, sessions and users.

A file of outcomes goes in as CSV, each row once however often it is sent. Read next: `traces.scores`.
"""

import csv
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import EXIT_FAILED, CommandFailed
from headgate.cli.output import Column, moment

app = typer.Typer(no_args_is_help=True, help="Say what came of an answer, and see what was said.")

BATCH_ROWS = 500
FIELDS = (
    *("name", "value", "comment", "at", "id", "source", "by"),
    *("request_id", "trace_id", "span_id", "session", "user", "business_id"),
)
SUBJECTS = FIELDS[-6:]
_WORDS = {"yes": True, "true": True, "no": False, "false": False}


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
    body = {"name": name, "value": read_value(value), **about.fields(), **saying.fields()}
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


@app.command("import")
@over_api
def import_file(
    api: Api,
    file: Annotated[Path, typer.Argument(help=f"A CSV file with a header of {', '.join(FIELDS)}.")],
) -> None:
    """Say what stands in a CSV file, row by row; rows that are sent again count once."""
    rows = read_rows(file)
    accepted, refused = 0, 0
    for start in range(0, len(rows), BATCH_ROWS):
        part = rows[start : start + BATCH_ROWS]
        done: Json = api.client.post("/feedback/batch", {"items": [row for _, row in part]})
        accepted += done["accepted"]
        refused += done["refused"]
        for (line, _), answer in zip(part, done["items"], strict=True):
            if answer["code"] is not None:
                api.out.say(f"{file}:{line}: {answer['message']}")
    if api.out.as_json:
        api.out.json({"accepted": accepted, "refused": refused})
    else:
        api.out.say(f"{accepted} count, {refused} refused")
    if refused:
        raise typer.Exit(EXIT_FAILED)


def read_rows(file: Path) -> list[tuple[int, Json]]:
    """Read a CSV file as feedback, each row with its line. Raises CommandFailed that says what is wrong."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            unknown = [name for name in reader.fieldnames or () if name not in FIELDS]
            if unknown or "name" not in (reader.fieldnames or ()):
                missing = f"has no such column as {unknown[0]!r}" if unknown else "has no column `name`"
                raise CommandFailed(
                    f"feedback {missing}", f"the first line names columns of {', '.join(FIELDS)}"
                )
            return [(reader.line_num, _row(file, reader.line_num, row)) for row in reader]
    except OSError as error:
        raise CommandFailed(f"{file} can't be read ({error.strerror})", "name a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise CommandFailed(
            f"{file} is no CSV in UTF-8: {error}", "save it as CSV, then try again"
        ) from error


def _row(file: Path, line: int, row: dict[str | Any, str | Any]) -> Json:
    if None in row or None in row.values():
        raise CommandFailed(
            f"{file}:{line} has more or fewer fields than the first line", "correct the line, then try again"
        )
    said: Json = {name: value for name, value in row.items() if value != ""}
    return {**said, "value": read_value(row.get("value", ""))}


def read_value(text: str) -> bool | float | str:
    """Read yes and no, true and false, and numbers as such; anything else is a text."""
    word = text.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    try:
        number = float(word)
    except ValueError:
        return text
    return number if number - number == 0 and word.isascii() else text
