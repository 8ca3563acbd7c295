"""`headgate erasures`: what was erased, with its receipts; counted again where somebody doubts.

`headgate erase` asks for one. Read next: `traces.erasure.http`.
"""

from typing import Annotated, Any

import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.erase import erase, show_receipt
from headgate.cli.failure import CommandFailed
from headgate.cli.output import Column, moment

app = typer.Typer(no_args_is_help=True, help="What was erased of a subject, and the receipts.")

COLUMNS = (
    Column("erasure", "id"),
    Column("project", "project"),
    Column("of", "kind"),
    Column("subject", "subject"),
    Column("asked", "at", moment),
    Column("by", "by"),
    Column("state", "state"),
    Column("digest", "digest"),
)

Identity = Annotated[str, typer.Argument(help="Its id, as `headgate erasures list` shows it.")]

app.command("create")(erase)


@app.command("list")
@over_api
def list_erasures(
    api: Api, limit: Annotated[int, typer.Option(help="At most so many, the newest first.")] = 50
) -> None:
    """List erasures, the newest first."""
    found: list[Any] = api.client.items("/erasures", limit=limit)
    shown = found if api.out.as_json else [{**each, "state": _state(each)} for each in found]
    api.out.rows(shown, COLUMNS, empty="Nothing was erased; `headgate erasures create` erases something.")


@app.command("show")
@over_api
def show_erasure(api: Api, erasure: Identity) -> None:
    """Show an erasure and its receipt."""
    show_receipt(api, api.client.get(f"/erasures/{erasure}"))


@app.command("verify")
@over_api
def verify_erasure(api: Api, erasure: Identity) -> None:
    """Count again what there is of the subject; fail where something is found."""
    found: Json = api.client.post(f"/erasures/{erasure}/verify", {})
    show_receipt(api, found)
    why = {row["table"]: row["why"] for row in found["tables"]}
    left = {row["table"]: row["found"] for row in found["second_look"] if row["found"]}
    unexplained = sorted(table for table in left if not why.get(table))
    if unexplained:
        raise CommandFailed(
            f"there is something of it in {', '.join(unexplained)}",
            "what arrives late goes with the next look; verify again then",
        )


def _state(erasure: Json) -> str:
    return f"{erasure['state']} (dry run)" if erasure["dry_run"] else str(erasure["state"])
