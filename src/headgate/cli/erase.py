"""`headgate erase`: everything of a user, session, trace or key of a project, with a receipt."""

import time
from typing import Annotated, Literal

import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Column, moment

POLL_S = 0.5

Kind = Literal["user", "session", "trace_id", "key", "all_before"]

RECEIPT = (
    Column("erasure", "id"),
    Column("project", "project"),
    Column("of", "kind"),
    Column("subject", "subject"),
    Column("before", "before", moment),
    Column("by", "by"),
    Column("done", "finished_at", moment),
    Column("stands until", "stands_until", moment),
    Column("digest", "digest"),
)
TABLES = (
    Column("table", "table"),
    Column("removed", "removed", right=True),
    Column("remained", "remained", right=True),
    Column("why", "why"),
    Column("second look", "found", right=True),
)


@over_api
def erase(
    api: Api,
    kind: Annotated[Kind, typer.Argument(help="What is named: user, session, trace_id, key or all_before.")],
    subject: Annotated[str, typer.Argument(help="Its name or id; a time for all_before.")],
    *,
    project: Annotated[str, typer.Option(help="The project that it is of.")] = "default",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only; erase nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask first.")] = False,
) -> None:
    """Erase everything on record of a user, session, trace or key, or all before a time."""
    if not (dry_run or yes):
        api.out.say(f"this erases everything on record of the {kind} {subject!r} in the project {project!r}")
        if not typer.confirm("it can't be undone; go on?", err=True):
            raise CommandFailed("nothing was erased", "--dry-run counts what there is, --yes asks nothing")
    asked = {"project": project, kind: subject, "dry_run": dry_run}
    found: Json = api.client.post("/erasures", asked)
    while found["state"] != "done":
        time.sleep(POLL_S)
        found = api.client.get(f"/erasures/{found['id']}")
    show_receipt(api, found)


def show_receipt(api: Api, found: Json) -> None:
    """Show what was removed from each table, what remained and why, and what is not reached."""
    if api.out.as_json:
        api.out.json(found)
        return
    api.out.item(found, RECEIPT)
    looked = {row["table"]: row["found"] for row in found["second_look"]}
    rows = [
        {**row, "found": looked.get(row["table"])}
        for row in found["tables"]
        if row["removed"] or row["remained"] or looked.get(row["table"])
    ]
    api.out.text("")
    api.out.rows(rows, TABLES, empty="There is nothing on record of it.")
    for part in ("kept", "elsewhere"):
        for name, why in found[part].items():
            api.out.say(f"not erased: {name}: {why}")
