"""`headgate experiments plan`: how many units an experiment takes, and how many days, before it begins.

Read next: `experiments.planning`.
"""

from typing import Annotated

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import CommandFailed
from headgate.cli.output import NOTHING, Column

LOOKS = {
    "one": "once, at the end",
    "planned": 'always, looks = "planned"',
    "every": 'always, looks = "every"',
}
COLUMNS = (
    Column("looking", "how"),
    Column("units of two arms", "units", right=True),
    Column("in all", "units_in_all", right=True),
    Column("days", "days", lambda value: f"{value:,.1f}", right=True),
    Column("shows now", "detectable", lambda value: f"{value:.3g}", right=True),
)


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What units are like: given, or measured on what is on record."""

    rate: Annotated[float | None, typer.Option(help="The baseline's share of units with an event.")] = None
    mean: Annotated[float | None, typer.Option(help="The baseline's mean, for an effect in percent.")] = None
    deviation: Annotated[float | None, typer.Option(help="The standard deviation of units.")] = None
    metric: Annotated[
        str | None, typer.Option(help="A name of feedback: measure units of the last days.")
    ] = None
    kind: Annotated[str, typer.Option(help="Of that feedback: answer, event or amount.")] = "event"
    measure: Annotated[
        str,
        typer.Option(help="Of calls instead: cost, latency, errors, refusals, tokens, output_tokens."),
    ] = "feedback"
    per: Annotated[
        str | None, typer.Option(help="What divides it: such a sum, calls, sessions, or a name of feedback.")
    ] = None
    unit: Annotated[str, typer.Option(help="user, session, trace or call.")] = "user"
    model: Annotated[str | None, typer.Option(help="Calls for this alias alone.")] = None
    days: Annotated[int, typer.Option(help="The last days to look at.")] = 28
    window: Annotated[float, typer.Option(help="For how many days a unit is watched.")] = 7.0
    per_day: Annotated[float | None, typer.Option(help="Units a day; by default as in the last days.")] = None


class Design(msgspec.Struct, frozen=True, kw_only=True):
    """How the experiment is to be."""

    power: Annotated[float, typer.Option(help="The chance to find the effect.")] = 0.8
    error: Annotated[float, typer.Option(help="The error of the experiment, shared by its arms.")] = 0.05
    arms: Annotated[int, typer.Option(help="How many, with the baseline.")] = 2
    share: Annotated[
        float | None, typer.Option(help="Of each arm but the baseline; by default all the same.")
    ] = None
    cluster_size: Annotated[float, typer.Option(help="Units of one cluster, where they come in such.")] = 1.0
    correlation: Annotated[float, typer.Option(help="How alike units of a cluster are, 0 to 1.")] = 0.0


@over_api
def plan(
    api: Api,
    effect: Annotated[str, typer.Option(help="The least difference that matters, such as 0.02 or 5%.")],
    *,
    baseline: Baseline,
    design: Design,
) -> None:
    """Say how many units an experiment takes until an effect shows, by how one looks, and how many days."""
    body: Json = {**msgspec.structs.asdict(baseline), **msgspec.structs.asdict(design)}
    body["effect"], body["is_relative"] = _size(effect)
    body["window_s"] = 86400 * body.pop("window")
    body["units_per_cluster"], body["likeness"] = body.pop("cluster_size"), body.pop("correlation")
    found: Json = api.client.post(
        "/planning", {name: each for name, each in body.items() if each is not None}
    )
    if api.out.as_json:
        api.out.json(found)
        return
    for line in _told(found, baseline, design):
        api.out.text(line)
    api.out.text("")
    rows: list[Json] = [{**line, "how": LOOKS[line["looks"]]} for line in found["lines"]]
    api.out.rows(rows, COLUMNS, empty="")
    api.out.text("")
    api.out.text(
        "`units of two arms` is what `planned_units` takes; `shows now` is the effect that as many units as "
        f"in the last {found['days']} days would show."
    )


def _size(text: str) -> tuple[float, bool]:
    """Read `0.02`, or `5%` of the baseline, as a number and whether it is relative."""
    number = text.strip().removesuffix("%")
    is_relative = number != text.strip()
    try:
        return float(number) / (100 if is_relative else 1), is_relative
    except ValueError:
        raise CommandFailed(
            f"--effect is {text!r}, which is no number",
            "write a size above 0 such as 0.02, or 5% of the baseline",
        ) from None


def _told(found: Json, baseline: Baseline, design: Design) -> list[str]:
    recorded: Json = found["recorded"]
    mean = NOTHING if found["mean"] is None else f"{found['mean']:.4g}"
    alpha = f"{found['alpha']:.3g}"
    lines = [
        f"To find {found['effect']:.3g} with a chance of {design.power:.0%}, at an error of {alpha} for each "
        f"comparison: mean {mean}, deviation {found['deviation']:.4g}, {found['per_day']:,.1f} units a day."
    ]
    if found["source"] == "recorded":
        lines.append(
            f"Measured: {recorded['measured']} of {recorded['complete']} units ({baseline.unit}) that were "
            f"watched to the end have a value of {_measured(baseline)}; {recorded['units']} came in all."
        )
    return lines


def _measured(baseline: Baseline) -> str:
    name = baseline.metric or baseline.measure
    return f"{name} per {baseline.per}" if baseline.per else name
