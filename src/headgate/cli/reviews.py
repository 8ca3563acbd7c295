"""`headgate reviews`: answers that people are to mark, so that a judge can be corrected.

Read next: `headgate.judges.queue`.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.judges import Project
from headgate.cli.output import Column, moment

app = typer.Typer(no_args_is_help=True, help="Mark answers, so that a judge can be corrected.")

Judge = Annotated[str, typer.Option(help="The judge's name.")]
By = Annotated[str | None, typer.Option(help="Who marks; by default the key.")]

ITEMS = (
    Column("review", "id"),
    Column("request", "request_id"),
    Column("trace", "trace_id"),
    Column("case", "case"),
    Column("marked", "marked", right=True),
    Column("of", "wanted", right=True),
    Column("yours", "mine"),
    Column("chosen", "chosen_at", moment),
)
MARKS = (
    Column("from", "source"),
    Column("by", "by"),
    Column("says", "value"),
    Column("shown", "shown"),
    Column("why", "comment"),
)
_WORDS = {"yes": True, "true": True, "no": False, "false": False}


@app.command("list")
@over_api
def list_reviews(
    api: Api,
    judge: Judge,
    which: Annotated[str, typer.Option(help="open, done or all.")] = "open",
    by: By = None,
    project: Project = None,
) -> None:
    """List the answers in a judge's queue, without what the judge said."""
    rows = api.client.items("/reviews", judge=judge, which=which, by=by, project=project)
    api.out.rows(rows, ITEMS, empty="Nothing waits; `headgate reviews add` puts a request there.")


@app.command("add")
@over_api
def add(
    api: Api,
    requests: Annotated[list[str], typer.Argument(help="Requests whose answers people are to mark.")],
    judge: Judge,
    project: Project = None,
) -> None:
    """Put the answers of requests into a judge's queue."""
    body: Json = {"judge": judge, "items": [{"request_id": each} for each in requests]}
    added: Json = api.client.ask("POST", "/api/v1/reviews", parameters={"project": project}, body=body)
    if api.out.as_json:
        api.out.json(added)
    else:
        api.out.text(f"{added['chosen']} of {len(added['ids'])} are new in the queue of {judge}")


@app.command("next")
@over_api
def next_review(api: Api, judge: Judge, by: By = None, project: Project = None) -> None:
    """Show what to mark next: the question and the answer, without what the judge said."""
    found: Json = api.client.get("/reviews/next", judge=judge, by=by, project=project)
    review: Json | None = found["review"]
    if api.out.as_json:
        api.out.json(review)
    elif review is None:
        api.out.say("Nothing waits for you.")
    else:
        _show(api, review, judge)


@app.command("mark")
@over_api
def mark(
    api: Api,
    review: Annotated[str, typer.Argument(help="The review's id.")],
    value: Annotated[str, typer.Argument(help="yes or no; 1 to 5; or a, b or tie.")],
    by: By = None,
    comment: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Mark an answer, and see what the judge had said. A mark stays as it is."""
    said: Any = _WORDS.get(value.lower(), int(value) if value.isdigit() else value)
    body: Json = {"value": said, "comment": comment} | ({} if by is None else {"by": by})
    marked: Json = api.client.post(f"/reviews/{review}/marks", body)
    if api.out.as_json:
        api.out.json(marked)
    else:
        api.out.rows(marked["marks"], MARKS, empty="")


@app.command("export")
@over_api
def export(
    api: Api,
    judge: Judge,
    file: Annotated[Path | None, typer.Option(help="Where to; by default standard output.")] = None,
    project: Project = None,
) -> None:
    """Write what people marked, with what the judge said, as JSON Lines: the calibration set."""
    rows = api.client.items("/reviews/export", judge=judge, project=project)
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    if file is None:
        sys.stdout.write(lines.decode())
        return
    try:
        file.write_bytes(lines)
    except OSError as error:
        raise CommandFailed(
            f"{file} can't be written: {error}", "name a file in a folder that is there"
        ) from error
    api.out.say(f"{len(rows)} answers in {file}")


def _show(api: Api, review: Json, judge: str) -> None:
    item, content = review["item"], review["content"]
    api.out.text(f"review {item['id']} of {judge}")
    api.out.text(f"\n{review['rubric']}")
    if review["missing"]:
        api.out.text(f"\nnothing to read: {review['missing']}")
    order = ("a", "b") if review["shown"] != "ba" else ("b", "a")
    for name in ("context", "input", "reference", "output", *order):
        if content.get(name):
            api.out.text(f"\n--- {name}\n{content[name]}")
    api.out.text(f"\nheadgate reviews mark {item['id']} VALUE   where VALUE is {review['write']}")
