"""`headgate doctor`: what is not ready for production, and why. Read next: `checks`."""

from pathlib import Path
from typing import Annotated

import typer

from headgate.cli.checks import CHECKS
from headgate.cli.command import Api, over_api
from headgate.cli.evidence import gather
from headgate.cli.failure import EXIT_FAILED
from headgate.cli.judgements import State
from headgate.settings import Settings

MARKS: dict[State, str] = {
    "ok": "ok      ",
    "warning": "warning ",
    "failing": "FAILING ",
    "unknown": "unknown ",
}


@over_api
def doctor(
    api: Api,
    config: Annotated[Path, typer.Option(help="The configuration file to look into.")] = Path(
        "headgate.toml"
    ),
) -> None:
    """Check what experience says goes wrong; exits with 1 when something fails."""
    evidence = gather(api.client, Settings.from_environment().data_folder, config)
    found = [(check, check.judge(evidence)) for check in CHECKS]
    if api.out.as_json:
        api.out.json(
            [
                {
                    "id": check.id,
                    "state": finding.state,
                    "what": check.what,
                    "detail": finding.detail,
                    "why": check.why,
                    "fix": check.fix,
                }
                for check, finding in found
            ]
        )
    else:
        for check, finding in found:
            api.out.text(f"{MARKS[finding.state]} {check.id:<20} {check.what}: {finding.detail}")
            if finding.state in ("warning", "failing"):
                api.out.text(f"{'':<30}why: {check.why}\n{'':<30}fix: {check.fix}")
    failing = sum(1 for _, finding in found if finding.state == "failing")
    if failing:
        api.out.say(f"{failing} of {len(found)} checks fail")
        raise typer.Exit(EXIT_FAILED)
