"""`headgate experiments`: arms that share the calls for an alias, and what is known of them.

They are defined in headgate.toml. Read next: `experiments.report`.
"""

from typing import Annotated, Any

import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.experiments_plan import plan
from headgate.cli.output import NOTHING, Column, moment

app = typer.Typer(no_args_is_help=True, help="Plan experiments, see what they found, and stop them.")
app.command("plan")(plan)

COLUMNS = (
    Column("name", "name"),
    Column("alias", "alias"),
    Column("unit", "unit"),
    Column("arms", "arms"),
    Column("state", "state"),
    Column("started", "started_at", moment),
    Column("stopped", "decided_at", moment),
    Column("version", "version"),
)


def _number(value: Any) -> str:
    return NOTHING if value is None else f"{float(value):.4g}"


ARMS = (
    Column("arm", "name"),
    Column("share", "share", right=True),
    Column("units", "units", right=True),
    Column("watched to the end", "complete", right=True),
    Column("calls", "calls", right=True),
    Column("crossed", "crossed", right=True),
)
METRICS = (
    Column("metric", "metric"),
    Column("role", "role"),
    Column("arm", "arm"),
    Column("baseline", "baseline", _number, right=True),
    Column("arm's", "mean", _number, right=True),
    Column("difference", "difference", _number, right=True),
    Column("from", "low", _number, right=True),
    Column("to", "high", _number, right=True),
    Column("in", "scale"),
    Column("finding", "finding"),
)


@app.command("list")
@over_api
def list_experiments(api: Api) -> None:
    """List experiments, the last to begin first."""
    found: Json = api.client.get("/experiments")
    rows: list[Json] = [
        {**each, "arms": each["arms"] if api.out.as_json else " ".join(each["arms"])}
        for each in found["items"]
    ]
    api.out.rows(rows, COLUMNS, empty="No experiment yet; define one in headgate.toml under [[experiments]].")


@app.command("show")
@over_api
def show(
    api: Api,
    name: Annotated[str, typer.Argument(help="The experiment's name.")],
    version: Annotated[
        str | None, typer.Option(help="A version of it; by default the one that runs.")
    ] = None,
) -> None:
    """Show what is known of an experiment: one sentence, then the numbers behind it."""
    found: Json = api.client.get(f"/experiments/{name}", version=version)
    if api.out.as_json:
        api.out.json(found)
        return
    report: Json = found["report"]
    api.out.text(report["sentence"])
    api.out.text("")
    tell_report(api, report)
    decision: Json | None = found["decision"]
    if decision is not None:
        api.out.text("")
        _decided(api, decision)


def tell_report(api: Api, report: Json) -> None:
    """Print the numbers of a report: its arms, its metrics, and what is to be known of them."""
    api.out.rows(report["arms"], ARMS, empty="")
    api.out.text("")
    rows: list[Json] = [
        {**one, "metric": metric["name"], "role": metric["role"], "scale": _scale(metric)}
        for metric in report["metrics"]
        for one in metric["comparisons"]
    ]
    api.out.rows(rows, METRICS, empty="")
    for note in _notes(report):
        api.out.text(f"note: {note}")


def _scale(metric: Json) -> str:
    """What numbers are in; of differences that are parts of the baseline both."""
    return ", ".join([each for each in (metric["scale"], "%" if metric.get("is_relative") else "") if each])


@app.command("stop")
@over_api
def stop(
    api: Api,
    name: Annotated[str, typer.Argument(help="The experiment's name.")],
    arm: Annotated[str | None, typer.Option(help="The arm that is decided for.")] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    version: Annotated[str | None, typer.Option(help="An earlier version, such as one replaced.")] = None,
) -> None:
    """Stop an experiment for ever, and seal what is known of it; all calls go where the alias says."""
    decision: Json = api.client.post(
        f"/experiments/{name}/stop", {"arm": arm, "reason": reason, "version": version}
    )
    if api.out.as_json:
        api.out.json(decision)
    else:
        _decided(api, decision)


def _notes(report: Json) -> list[str]:
    notes: list[str] = list(report["notes"])
    for metric in report["metrics"]:
        notes += metric["notes"]
        complete = metric.get("complete")
        if complete and any(complete.get(arm["name"], 0) != arm["complete"] for arm in report["arms"]):
            notes.append(_complete(metric))
        notes += [
            f"{metric['name']} in {one['arm']}: {one['note']}" for one in metric["comparisons"] if one["note"]
        ]
    return notes


def _complete(metric: Json) -> str:
    units = ", ".join([f"{count} complete units of {arm}" for arm, count in metric["complete"].items()])
    days = f"{metric['arrives_days']:.3g} days"
    return f"{metric['name']} has {units}: beyond the window it waits {days} for what comes late"


def _decided(api: Api, decision: Json) -> None:
    sealed: Json = decision["sealed"]
    arm = f" for {sealed['arm']}" if sealed["arm"] else ""
    reason = f": {sealed['reason']}" if sealed["reason"] else ""
    api.out.text(f"decided{arm} on {moment(sealed['decided_at'])} by {sealed['decided_by']}{reason}")
    api.out.text(f"known then: {sealed['report']['sentence']}")
    state = "intact" if decision["intact"] else "BROKEN: the record is not what was sealed"
    api.out.text(f"seal {decision['seal']} ({state})")
