"""Which traces: the flags that lists, followers and exports of them share."""

from typing import Annotated, Any

import msgspec
import typer


class TraceFilters(msgspec.Struct, frozen=True, kw_only=True):
    """Which traces."""

    project: Annotated[str | None, typer.Option(help="Only traces of this project.")] = None
    key: Annotated[str | None, typer.Option(help="Only those in which this key (its id) has a part.")] = None
    user: Annotated[str | None, typer.Option(help="Only traces of this user.")] = None
    session: Annotated[str | None, typer.Option(help="Only traces of this session.")] = None
    name: Annotated[str | None, typer.Option(help="Only traces of this name.")] = None
    model: Annotated[str | None, typer.Option(help="Only those that called this model.")] = None
    provider: Annotated[str | None, typer.Option(help="Only those that called this provider.")] = None
    service: Annotated[str | None, typer.Option(help="Only those in which this service has a part.")] = None
    release: Annotated[str | None, typer.Option(help="Only traces of this release.")] = None
    environment: Annotated[str | None, typer.Option(help="Only traces of this environment; - is none.")] = (
        None
    )
    tag: Annotated[str | None, typer.Option(help="Only traces with this tag.")] = None
    tool: Annotated[str | None, typer.Option(help="Only those that used this tool.")] = None
    agent: Annotated[str | None, typer.Option(help="Only those in which this agent has a part.")] = None
    kind: Annotated[
        str | None, typer.Option(help="Only those with a step of this kind, such as tool or retriever.")
    ] = None
    operation: Annotated[
        str | None, typer.Option(help="Only those with a step of this operation, such as chat.")
    ] = None
    prompt: Annotated[
        str | None, typer.Option(help="Only those with a call that was made of this prompt.")
    ] = None
    finish: Annotated[
        str | None, typer.Option(help="Only those with an answer that ended so: length, refusal, ...")
    ] = None
    status: Annotated[str | None, typer.Option(help="ok, or error: those with a step that failed.")] = None
    flag: Annotated[str | None, typer.Option(help="Only traces with this flag.")] = None
    text: Annotated[str | None, typer.Option(help="Only those with these words in a step.")] = None
    score: Annotated[
        str | None, typer.Option(help="Only those of which this was said: csat>=4, helpful:false, or a name.")
    ] = None
    attribute: Annotated[
        str | None, typer.Option(help="Only those with a step that has this attribute: NAME=VALUE.")
    ] = None
    min_duration_ms: Annotated[float | None, typer.Option(help="Only those that took so long.")] = None
    max_duration_ms: Annotated[float | None, typer.Option(help="Only those that took no longer.")] = None
    min_cost_usd: Annotated[str | None, typer.Option(help="Only those that cost so much.")] = None
    max_cost_usd: Annotated[str | None, typer.Option(help="Only those that cost no more.")] = None
    min_tokens: Annotated[int | None, typer.Option(help="Only those with so many tokens, in and out.")] = None
    max_tokens: Annotated[int | None, typer.Option(help="Only those with no more tokens.")] = None
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


Sort = Annotated[str | None, typer.Option(help="newest (the default), slowest or dearest first.")]
