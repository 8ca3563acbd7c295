"""`headgate rollouts`: aliases that move to a candidate by stages; where each stands, and moves by hand.

They are defined in headgate.toml. Read next: `rollouts.model`.
"""

from typing import Annotated

import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.experiments import tell_report
from headgate.cli.output import Column, moment

app = typer.Typer(no_args_is_help=True, help="See where rollouts stand, and move them by hand.")

COLUMNS = (
    Column("name", "name"),
    Column("alias", "alias"),
    Column("stage", "stage"),
    Column("held", "held"),
    Column("why", "sentence"),
)
MOVES = (
    Column("when", "at", moment),
    Column("move", "action"),
    Column("from", "from_stage"),
    Column("to", "to_stage"),
    Column("by", "moved_by"),
    Column("why", "why"),
)
Name = Annotated[str, typer.Argument(help="The rollout's name.")]
Why = Annotated[str, typer.Option(help="Why, for the audit log.")]


@app.command("list")
@over_api
def list_rollouts(api: Api) -> None:
    """List the rollouts in force, each with why it stands where it stands."""
    found: Json = api.client.get("/rollouts")
    rows: list[Json] = found["items"]
    api.out.rows(rows, COLUMNS, empty="No rollout; define one in headgate.toml under [[rollouts]].")


@app.command("show")
@over_api
def show(api: Api, name: Name) -> None:
    """Show where a rollout stands, why, what is awaited, the evidence of its stage, and how it came there."""
    shown: Json = api.client.get(f"/rollouts/{name}")
    _told(api, shown)
    if shown["report"] is not None and not api.out.as_json:
        api.out.text("")
        tell_report(api, shown["report"])


@app.command("advance")
@over_api
def advance(api: Api, name: Name, why: Why = "") -> None:
    """Move a rollout on to its next stage, whatever the evidence says."""
    _told(api, api.client.post(f"/rollouts/{name}/moves", {"action": "advance", "why": why}))


@app.command("hold")
@over_api
def hold(api: Api, name: Name, why: Why = "") -> None:
    """Keep a rollout at its stage; it still falls back where a guardrail breaks."""
    _told(api, api.client.post(f"/rollouts/{name}/moves", {"action": "hold", "why": why}))


@app.command("resume")
@over_api
def resume(api: Api, name: Name, why: Why = "") -> None:
    """Let a rollout that is held move on by itself again."""
    _told(api, api.client.post(f"/rollouts/{name}/moves", {"action": "resume", "why": why}))


@app.command("back")
@over_api
def back(api: Api, name: Name, why: Why = "") -> None:
    """Send all calls where the alias says, at once."""
    _told(api, api.client.post(f"/rollouts/{name}/moves", {"action": "back", "why": why}))


def _told(api: Api, shown: Json) -> None:
    if api.out.as_json:
        api.out.json(shown)
        return
    rollout: Json = shown["rollout"]
    stages = " > ".join(f"[{each}]" if each == rollout["stage"] else each for each in rollout["stages"])
    held = ", held" if rollout["held"] else ""
    api.out.text(
        f"{rollout['name']} of {rollout['alias']}: {rollout['stage'] or 'not begun'}{held} ({stages})"
    )
    api.out.text(rollout["sentence"])
    api.out.text("")
    api.out.rows(shown["moves"], MOVES, empty="")
