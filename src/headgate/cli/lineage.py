"""`headgate traces lineage`: where the texts of a trace come from."""

from typing import Annotated, Any

import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.output import Column, plain

ROWS_MAX = 500
"""Edges and sources that are shown; `--json` gives all."""


def percent(value: Any) -> str:
    """Write a share."""
    return f"{float(value):.0%}"


EDGES = (
    Column("from", "from"),
    Column("into", "into"),
    Column("by", "how"),
    Column("of the source", "source_share", right=True),
    Column("of the text", "input_share", right=True),
    Column("", "again"),
)
SHARES = (
    Column("context of", "span"),
    Column("source", "source"),
    Column("from", "from"),
    Column("share", "share", percent, right=True),
    Column("tokens (estimate)", "tokens_estimated", lambda count: f"{count:.0f}", right=True),
)


@over_api
def lineage(
    api: Api,
    trace: Annotated[str, typer.Argument(help="The trace's id.")],
    span: Annotated[str | None, typer.Option(help="Only what this step (its id) goes back to.")] = None,
    project: Annotated[
        str | None, typer.Option(help="Its project, where several have a trace of this id.")
    ] = None,
) -> None:
    """Show which step's output went into which step's input, and what each context was made of."""
    found: Json = api.client.get(f"/traces/{trace}/lineage", span_id=span, project=project)
    if api.out.as_json:
        api.out.json(found)
        return
    edges = [_edge(edge) for edge in found["edges"]]
    api.out.rows(edges[:ROWS_MAX], EDGES, empty="No text of one step is found in another one's input.")
    shares = [
        {**share, "span": context["span"], "from": _place(share.get("from_span"), share.get("from_part"))}
        for context in found["contexts"]
        for share in context["shares"]
    ]
    if shares:
        api.out.text("")
        api.out.rows(shares[:ROWS_MAX], SHARES, empty="")
    if max(len(edges), len(shares)) > ROWS_MAX:
        api.out.say(f"only {ROWS_MAX} of each are shown; --json gives all")
    left = {name: count for name, count in found["left_out"].items() if count}
    if left:
        api.out.say(f"too much to look at, left out: {plain(left)}")


def _edge(edge: Json) -> Json:
    by_content = edge["how"] == "content"
    return {
        "from": _place(edge["from_span"], edge["from_part"]),
        "into": _place(edge["to_span"], edge["to_part"]),
        "how": edge["how"],
        "source_share": percent(edge["share_of_source"]) if by_content else None,
        "input_share": percent(edge["share_of_input"]) if by_content else None,
        "again": "again" if edge["repeated"] else " ",
    }


def _place(span: str | None, part: str | None) -> str | None:
    return None if span is None else f"{span}{part or ''}"
