"""`headgate drift`: whether models that others serve changed, and the canaries that look after it.

Canaries are defined in headgate.toml. Read next: `drift.http`.
"""

import time
from typing import Annotated, Any

import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.output import NOTHING, Column, moment, usd

app = typer.Typer(no_args_is_help=True, help="See which models changed, and run canaries.")

WAIT_S = 600.0
POLL_S = 0.5

ALARMS = (
    Column("id", "id"),
    Column("model", "target"),
    Column("kind", "kind"),
    Column("since", "since", moment),
    Column("alarm", "at", moment),
    Column("state", "state"),
    Column("what changed", "what"),
)
CANARIES = (
    Column("canary", "name"),
    Column("model", "target"),
    Column("state", "phase"),
    Column("answers", "answers", right=True),
    Column("evidence", "evidence", lambda value: _number(value), right=True),
    Column("alarm at", "alarm_at", lambda value: _number(value), right=True),
    Column("last run", "last_run", moment),
    Column("came to", "last_state"),
    Column("note", "note"),
)
RUNS = (
    Column("run", "id"),
    Column("model", "target"),
    Column("state", "state"),
    Column("answers", "answers", right=True),
    Column("failed", "failed", right=True),
    Column("cost", "cost_usd", usd, right=True),
    Column("note", "note"),
)
CASES = (
    Column("model", "target"),
    Column("case", "case"),
    Column("answers", "answers", right=True),
    Column("right", "score", lambda value: _share(value), right=True),
    Column("new", "new_answers", lambda value: _share(value), right=True),
    Column("characters", "characters", lambda value: _number(value), right=True),
    Column("last answer", "last_text", lambda value: _short(value)),
)
TOUCHES = (
    Column("project", "project"),
    Column("model", "model"),
    Column("prompt", "prompt"),
    Column("release", "release"),
    Column("calls", "calls", right=True),
)

Alarm = Annotated[int, typer.Argument(help="The alarm's id.")]
Canary = Annotated[str, typer.Argument(help="The canary's name.")]


@app.command("list")
@over_api
def list_alarms(
    api: Api,
    open_only: Annotated[bool, typer.Option("--open", help="Only what nobody has acknowledged.")] = False,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 50,
) -> None:
    """List alarms: which models changed, newest first."""
    found: Json = api.client.get("/drift/alarms", open_only=str(open_only).lower(), limit=limit)
    rows: list[Json] = [
        each if api.out.as_json else {**each, "state": _state(each), "what": _what(each)}
        for each in found["items"]
    ]
    api.out.rows(rows, ALARMS, empty="No alarm: no model is known to have changed.")


@app.command("show")
@over_api
def show(api: Api, alarm: Alarm) -> None:
    """Show an alarm: what changed, since when, how sure that is, and what it touches."""
    found: Json = api.client.get(f"/drift/alarms/{alarm}")
    if api.out.as_json:
        api.out.json(found)
        return
    api.out.text(found["sentence"])
    api.out.text(f"{_state(found)}; {found['how_sure']}")
    for each in found["by_hand"]:
        api.out.text(f"changed by hand at the time: {each}")
    api.out.text("")
    api.out.rows(found["touches"], TOUCHES, empty="No calls of the last 30 days went to it.")


@app.command("acknowledge")
@over_api
def acknowledge(
    api: Api, alarm: Alarm, note: Annotated[str, typer.Option(help="What you found, or did.")] = ""
) -> None:
    """Say that an alarm was looked at: what is usual is learnt anew from here on."""
    found: Json = api.client.post(f"/drift/alarms/{alarm}/acknowledge", {"note": note})
    if api.out.as_json:
        api.out.json(found)
    else:
        api.out.say(f"alarm {alarm} is acknowledged; {found['watch']} learns anew what is usual")


@app.command("canaries")
@over_api
def canaries(
    api: Api,
    name: Annotated[str | None, typer.Argument(help="One canary, with what it found case by case.")] = None,
) -> None:
    """List canaries and what they know; with a name, its cases and its last runs."""
    if name is None:
        listed: Json = api.client.get("/drift/canaries")
        rows: list[Json] = listed["items"]
        if not api.out.as_json:
            rows = [{**target, "name": each["name"]} for each in rows for target in each["targets"]]
        api.out.rows(rows, CANARIES, empty="No canary yet; define one in headgate.toml under [[canaries]].")
        return
    found: Json = api.client.get(f"/drift/canaries/{name}")
    if api.out.as_json:
        api.out.json(found)
        return
    api.out.rows([{**target, "name": name} for target in found["targets"]], CANARIES, empty="")
    api.out.text("")
    api.out.rows(found["results"], CASES, empty="It has no answers yet.")
    api.out.text("")
    api.out.rows(found["runs"], RUNS, empty="It has not run yet.")


@app.command("run")
@over_api
def run(
    api: Api,
    name: Canary,
    wait: Annotated[bool, typer.Option(help="Wait until the runs have ended.")] = True,
) -> None:
    """Run a canary now, beside its schedule, and say what it came to."""
    asked: list[str] = api.client.post(f"/drift/canaries/{name}/run", {})["runs"]
    ends_s = time.monotonic() + WAIT_S
    while True:
        shown: Json = api.client.get(f"/drift/canaries/{name}")
        runs: list[Json] = [each for each in shown["runs"] if each["id"] in asked]
        if not wait or all(each["ended_at"] for each in runs) or time.monotonic() > ends_s:
            break
        time.sleep(POLL_S)
    if api.out.as_json:
        api.out.json(runs)
        return
    api.out.rows(runs, RUNS, empty="")
    for target in shown["targets"]:
        api.out.text(f"{target['target']}: {_phase(target)}")


def _phase(target: Json) -> str:
    match target["phase"]:
        case "reference":
            return f"learns what is usual ({target['answers']} of {target['reference_answers']} answers)"
        case "watching":
            evidence, enough = _number(target["evidence"]), _number(target["alarm_at"])
            return f"no change is known (evidence {evidence}, an alarm is at {enough})"
        case _:
            return "HAS CHANGED; `headgate drift list --open` says how"


def _state(alarm: Json) -> str:
    if alarm["acknowledged_at"] is None:
        return "open"
    return "acknowledged" + (f": {alarm['note']}" if alarm["note"] else "")


def _what(alarm: Json) -> str:
    return ", ".join(f"{each['signal']} {each['side']}" for each in alarm["changes"]) or alarm["sentence"]


def _number(value: Any) -> str:
    return NOTHING if value is None else f"{float(value):.4g}"


def _share(value: Any) -> str:
    return NOTHING if value is None else f"{100 * float(value):.0f} %"


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:39]}…"
