"""`headgate outdated`: models in use that end, and what taking another one would change.

Not `headgate upgrade`, which brings the embedded database to this version. Read next: `upgrading`,
`drift.outdated`.
"""

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from headgate.cli.client import Json
from headgate.cli.command import Api, over_api
from headgate.cli.failure import EXIT_FAILED, EXIT_OPEN, CommandFailed, not_installed
from headgate.cli.output import NOTHING, Column, usd

DAYS = re.compile(r"(\d{1,4})d")

COLUMNS = (
    Column("model", "target"),
    Column("ends", "on"),
    Column("days left", "days_left", right=True),
    Column("instead", "instead", lambda value: str(value) or NOTHING),
    Column("names", "aliases", lambda value: _listed(value)),
    Column("prompts", "prompts", lambda value: _listed(value)),
    Column("calls", "calls", right=True),
    Column("cost", "cost_usd", usd, right=True),
)
IN_CODE = (
    Column("model", "model"),
    Column("ends", "until"),
    Column("file", "path"),
    Column("line", "line", right=True),
)


class Upgrading(msgspec.Struct, frozen=True, kw_only=True):
    """Another model in place of one."""

    upgrade: Annotated[
        str | None, typer.Option(help="Show what replacing this provider/model would change.")
    ] = None
    to: Annotated[str | None, typer.Option(help="By this provider/model.")] = None
    calls: Annotated[int, typer.Option(help="Make so many recorded calls again on both, at most.")] = 20
    budget: Annotated[str, typer.Option(help="Stop once they and --judge have cost so much.")] = "1 USD"
    check: Annotated[
        str | None, typer.Option(help="Judge by this check: its dataset, scorers and requirements.")
    ] = None
    checks: Annotated[Path, typer.Option(help="The file of the check.")] = Path("checks.toml")
    judge: Annotated[
        str | None, typer.Option(help="Let this model mark both answers to each recorded call.")
    ] = None
    margin: Annotated[
        float, typer.Option(help="How much lower a score may be, such as 0.05.", min=0, max=0.99)
    ] = 0.05


@over_api
def outdated(
    api: Api,
    upgrading: Upgrading,
    days: Annotated[int, typer.Option(help="Look at calls of so many days.")] = 30,
    code: Annotated[Path | None, typer.Option(help="A tree of code to look for such models, too.")] = None,
    fail_within: Annotated[
        str | None,
        typer.Option(help="Fail where one has ended or ends within this time, such as 30d."),
    ] = None,
) -> None:
    """List models in use that their makers withdraw: when, what instead, and the calls, costs and prompts."""
    if upgrading.upgrade is not None or upgrading.to is not None:
        if upgrading.upgrade is None or upgrading.to is None:
            raise CommandFailed("an upgrade is from one model to another", "give --upgrade and --to")
        _upgrade(api, (upgrading.upgrade, upgrading.to), upgrading, days)
        return
    within = None if fail_within is None else _days(fail_within)
    found: list[Json] = api.client.get("/drift/outdated", days=days)["items"]
    named = [] if code is None else _in_code(code, api.client.get("/drift/withdrawn")["items"])
    if api.out.as_json:
        api.out.json({"models": found, "code": named})
    else:
        api.out.rows(found, COLUMNS, empty="No model in use is known to end.")
        if code is not None:
            api.out.text("")
            api.out.rows(named, IN_CODE, empty=f"No model that ends is named in {code}.")
        for each in found:
            if not each["own_platform"]:
                api.out.say(f"{each['target']}: the day is its maker's; who serves it may set another")
    if within is not None:
        ends = [each["target"] for each in found if each["days_left"] <= within]
        ends += [each["model"] for each in named if each["days_left"] <= within]
        if ends:
            listed = ", ".join(sorted(set(ends)))
            api.out.say(f"ended, or ending within {within} days: {listed}")
            raise typer.Exit(EXIT_FAILED)


def _in_code(path: Path, told: list[Json]) -> list[Json]:
    """Find names of models that end in code, by the catalogue and by what the configuration says."""
    from headgate.prompts.scanning import Options, scan_tree

    if not path.exists():
        raise CommandFailed(
            f"there is no folder or file {str(path)!r}", "name a folder of code, such as `--code .`"
        )
    today = date.today()
    options = Options(
        today=today, withdrawn={each["target"]: date.fromisoformat(each["on"]) for each in told}
    )
    return [
        {**msgspec.to_builtins(each), "days_left": (date.fromisoformat(each.until) - today).days}
        for each in scan_tree(path, options).models
        if each.state in ("retired", "retiring") and each.until
    ]


def _upgrade(api: Api, models: tuple[str, str], upgrading: Upgrading, days: int) -> None:
    try:
        from headgate.cli.upgrading import upgrade
    except ImportError as error:
        raise not_installed(error) from error

    verdict = upgrade(api, models, upgrading, days)
    if verdict != "yes":
        raise typer.Exit(EXIT_FAILED if verdict == "no" else EXIT_OPEN)


def _days(text: str) -> int:
    found = DAYS.fullmatch(text)
    if found is None:
        raise CommandFailed(f"--fail-within {text!r} is not understood", "write days, such as 30d")
    return int(found[1])


def _listed(value: Any) -> str:
    names: list[str] = list(value)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") or NOTHING
