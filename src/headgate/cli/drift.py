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
TRAFFIC = (
    Column("id", "id"),
    Column("model", "target"),
    Column("project", "project"),
    Column("asked for", "model"),
    Column("prompt", "prompt"),
    Column("state", "phase"),
    Column("hours", "hours", right=True),
    Column("calls", "calls", right=True),
    Column("evidence", "evidence", lambda value: _number(value), right=True),
    Column("alarm at", "alarm_at", lambda value: _number(value), right=True),
    Column("speaks most", "most"),
    Column("since", "since", moment),
)
SIGNALS = (
    Column("signal", "words"),
    Column("last hour", "latest", right=True),
    Column("usual from", "usual_low", right=True),
    Column("to", "usual_high", right=True),
    Column("evidence of more", "evidence_up", lambda value: _number(value), right=True),
    Column("of less", "evidence_down", lambda value: _number(value), right=True),
)
SERVED = (
    Column("model", "target"),
    Column("says", "fact"),
    Column("it is", "value"),
    Column("first", "first_at", moment),
    Column("last", "last_at", moment),
    Column("calls", "calls", right=True),
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


@app.command("traffic")
@over_api
def traffic(
    api: Api,
    watch: Annotated[str | None, typer.Argument(help="One watch, by its id, signal by signal.")] = None,
    target: Annotated[str | None, typer.Option(help="Only of this provider/model.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Only with this prompt, or its name@version.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.")] = 50,
) -> None:
    """List what is watched of live traffic, and how much speaks for a change; with an id, its signals."""
    if watch is not None:
        found: Json = api.client.get(f"/drift/traffic/{watch}")
        if api.out.as_json:
            api.out.json(found)
            return
        api.out.rows([_with_most(found)], TRAFFIC, empty="")
        api.out.text("")
        api.out.rows([_in_units(each) for each in found["signals"]], SIGNALS, empty="No signal yet.")
        return
    listed: list[Json] = api.client.items("/drift/traffic", limit=limit, target=target, prompt=prompt)
    rows = listed if api.out.as_json else [_with_most(each) for each in listed]
    api.out.rows(rows, TRAFFIC, empty="No live traffic is watched yet; an hour takes five calls to count.")


@app.command("served")
@over_api
def served(
    api: Api, target: Annotated[str | None, typer.Option(help="Only of this provider/model.")] = None
) -> None:
    """List the models and fingerprints that answers say they are of."""
    found: Json = api.client.get("/drift/traffic/served", target=target)
    api.out.rows(found["items"], SERVED, empty="No answer has named its model yet.")


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


def _with_most(watch: Json) -> Json:
    """Add the signal that speaks most for a change."""
    sides = [
        (each[f"evidence_{side}"], f"{each['words']} ({word})")
        for each in watch["signals"]
        for side, word in (("up", "more"), ("down", "less"))
        if each[f"evidence_{side}"] is not None
    ]
    return {**watch, "most": max(sides)[1] if sides else NOTHING}


def _in_units(signal: Json) -> Json:
    write = _share if signal["is_share"] else _number
    return {**signal, **{name: write(signal[name]) for name in ("latest", "usual_low", "usual_high")}}


def _number(value: Any) -> str:
    return NOTHING if value is None else f"{float(value):.4g}"


def _share(value: Any) -> str:
    return NOTHING if value is None else f"{100 * float(value):.0f} %"


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else f"{text[:39]}…"
