"""`headgate drill`: what goes wrong in production, done on purpose to the set-up on this machine, and judged.

What the drills are stands in `headgate.drills`, which is loaded only when one runs.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import typer

from headgate.cli.client import Client, Json
from headgate.cli.command import Api, locally, over_api
from headgate.cli.failure import EXIT_FAILED, CommandFailed
from headgate.cli.output import Column, Output
from headgate.core.faults import Unavailable

app = typer.Typer(help="Do on purpose what goes wrong in production, and see what holds.")

LOCAL = ("127.0.0.1", "localhost", "::1")
OTHERS_S = 60
OTHERS_MAX = 500

DRILLS = (
    Column("drill", "name"),
    Column("does", "does"),
    Column("promises", "promises"),
    Column("takes", "seconds", lambda seconds: f"{seconds:g} s", right=True),
    Column("needs --yes", "ends"),
)

VERDICTS = (
    Column("drill", "drill"),
    Column("promised", "promise"),
    Column("seen", "seen"),
    Column("kept", "kept", lambda kept: "yes" if kept else "BROKEN"),
)

Answer = TypeVar("Answer")


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How drills are run."""

    yes: Annotated[
        bool, typer.Option("--yes", help="Consent to drills that end processes or stop the database.")
    ] = False
    seconds: Annotated[
        float | None, typer.Option(help="How long the trouble lasts; by default as listed.", min=0.5, max=600)
    ] = None
    clients: Annotated[int, typer.Option(help="How many clients call at once.", min=1, max=64)] = 4
    model: Annotated[
        str | None, typer.Option(help="Call this model in place of a stand-in; it may cost money.")
    ] = None


class Asked:
    """The control API as drills ask it: what can't be answered now is Unavailable, and may be asked again."""

    def __init__(self, client: Client) -> None:
        self.url = client.url
        self._client = client

    def get(self, path: str, **parameters: Any) -> Any:
        """Read a resource."""
        return _answered(lambda: self._client.get(path, **parameters))

    def post(self, path: str, body: Json) -> Any:
        """Make something."""
        return _answered(lambda: self._client.post(path, body))

    def delete(self, path: str) -> Any:
        """Take something away."""
        return _answered(lambda: self._client.delete(path))

    def items(self, path: str, *, limit: int | None = None, **parameters: Any) -> list[Json]:
        """Read a list, page after page."""
        return _answered(lambda: self._client.items(path, limit=limit, **parameters))


def _answered(ask: Callable[[], Answer]) -> Answer:
    try:
        return ask()
    except CommandFailed as failure:
        raise Unavailable(failure.message) from failure


@app.command("list")
@locally
def list_drills(out: Output) -> None:
    """List the drills: what each does, and what it promises."""
    out.rows(
        [
            {
                "name": drill.name,
                "does": drill.does,
                "promises": drill.promises,
                "seconds": drill.seconds,
                "ends": drill.ends,
            }
            for drill in _drills().DRILLS
        ],
        DRILLS,
        empty="No drills.",
    )


@app.command("run")
@over_api
def run_drills(
    api: Api,
    names: Annotated[list[str], typer.Argument(help="Names as `headgate drill list` shows them, or `all`.")],
    manner: Manner,
) -> None:
    """Run drills one after the other on the set-up of this machine; exits with 1 when a promise broke."""
    drills = _drills()
    asked = Asked(api.client)
    chosen = list(drills.DRILLS) if names == ["all"] else [drills.drill_named(name) for name in names]
    household = None
    if any(drill.ends for drill in chosen):
        household = _household_of(api)
        chosen = _possible(api, chosen, household, everything=names == ["all"])
    _consented(api.client, chosen, manner)
    options = drills.Options(seconds=manner.seconds, clients=manner.clients, model=manner.model)
    reports: list[Any] = []
    for drill in chosen:
        api.out.say(f"{drill.name}: {drill.does}")
        reports.append(drills.conduct(asked, drill, options, household, note=api.out.say))
    _show(api.out, reports)
    broken = sum(not verdict.kept for report in reports for verdict in report.verdicts)
    if broken:
        api.out.say(f"{broken} promises broke")
        raise typer.Exit(EXIT_FAILED)


def _show(out: Output, reports: list[Any]) -> None:
    if out.as_json:
        out.json([{**msgspec.structs.asdict(report), "kept": report.kept} for report in reports])
        return
    rows = [
        {"drill": report.drill, **msgspec.structs.asdict(verdict)}
        for report in reports
        for verdict in report.verdicts
    ]
    out.rows(rows, VERDICTS, empty="Nothing was promised.")


def _possible(api: Api, chosen: list[Any], household: Any, *, everything: bool) -> list[Any]:
    """Leave out of `all` what a set-up with a database of its own can't be drilled with here."""
    if household.is_embedded or not any(drill.needs_embedded for drill in chosen):
        return chosen
    if not everything:
        raise CommandFailed(
            "this set-up's database is not the embedded one, so that no drill can stop it from here",
            "stop it with its own tools while `headgate drill run slow-provider --seconds 60` calls",
        )
    api.out.say("left out: drills of the embedded database")
    return [drill for drill in chosen if not drill.needs_embedded]


def _consented(client: Client, chosen: list[Any], manner: Manner) -> None:
    """Raise CommandFailed where a drill would hurt what others do, and nobody said that it may."""
    if manner.model is not None and any(drill.model != "tokens-20" for drill in chosen):
        raise CommandFailed(
            "--model goes only with drills that end processes or stop the database: "
            "the others ask a stand-in for a fault",
            "leave --model out, or choose other drills",
        )
    ending = [drill.name for drill in chosen if drill.ends]
    if manner.yes or (manner.model is None and not ending):
        return
    since = (datetime.now(UTC) - timedelta(seconds=OTHERS_S)).isoformat()
    others = len(client.items("/requests", limit=OTHERS_MAX, **{"from": since}))
    what = f"{', '.join(ending)} will hurt calls in flight" if ending else "drills will call"
    if manner.model is not None:
        what += f", and {manner.model} may cost money"
    raise CommandFailed(
        f"{what}; this set-up served {others} calls within the last {OTHERS_S} s",
        "pass --yes when that may be",
    )


def _household_of(api: Api) -> Any:
    """Return the processes behind the URL. Raises CommandFailed unless they are on this machine."""
    client, folder = api.client, api.folder
    host = urlsplit(client.url).hostname
    if host not in LOCAL:
        raise CommandFailed(
            f"{client.url} is not on this machine, and a drill ends processes of this machine only",
            "run it there, with the server's own address on the loopback",
        )
    household = _drills().Household(folder)
    here = {worker.pid for worker in household.workers("gateway")}
    status = client.get("/status")
    serving = {gateway["pid"] for gateway in status["gateways"] if gateway["live"]}
    if not here & serving:
        raise CommandFailed(
            f"the `headgate up` that holds {folder} is not the one that serves {client.url}",
            "name the data folder of that server with --data, or its address with --url",
        )
    return household


def _drills() -> Any:
    try:
        from headgate.drills import conduct as drills
    except ModuleNotFoundError as error:
        raise CommandFailed(
            f"the server's packages are not installed ({error.name} is missing)",
            "pip install 'headgate[server]'",
        ) from error
    return drills
