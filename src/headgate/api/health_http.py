"""Routes of health, status and metrics.

/healthz and /readyz are open and never show a secret; /readyz says what is wrong. Read next: `api.state`.
"""

import msgspec
from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from headgate.access.gate import PUBLIC, AnyRequest, Gate, grant
from headgate.access.gateways import list_gateways
from headgate.access.http import Store
from headgate.access.roles import require
from headgate.api.database_state import DatabaseView, database_state
from headgate.api.metrics import gauge, merge
from headgate.api.services import ControlServices
from headgate.api.state import ControlState
from headgate.core.faults import Fault
from headgate.core.pages import format_datetime
from headgate.traces.sending.store import ExporterState, exporter_states

State = NamedDependency[SkipValidation[ControlState]]
Services = NamedDependency[SkipValidation[ControlServices]]
Guard = NamedDependency[SkipValidation[Gate]]

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process turns."""

    status: str


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether calls can be served. `wrong` keeps them from being served; `warnings` only some of them."""

    ready: bool
    wrong: list[str]
    warnings: list[str]


class GatewayView(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway as it last reported. `current`: it has taken every change that this process knows of."""

    name: str
    host: str
    pid: int
    started_at: str
    seen_at: str
    live: bool
    snapshot: str
    current: bool


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What runs, and what it serves from."""

    version: str
    snapshot: str | None
    live_seq: int
    keys: int
    budgets: int
    rate_limits: int
    gateways: list[GatewayView]
    database: DatabaseView
    exporters: list[ExporterState]
    ready: Readiness


@get("/healthz", tags=["health"], opt={"grant": PUBLIC})
async def healthz() -> Alive:
    """Say that the control process is alive."""
    return Alive(status="alive")


@get("/readyz", tags=["health"], opt={"grant": PUBLIC})
async def readyz(database: Store, known: State, services: Services) -> Response[Readiness]:
    """Say whether calls can be served, and what is wrong: database, snapshot, gateways, secrets.

    503 where they can't.
    """
    found = await readiness(database, known, services)
    return Response(found, status_code=200 if found.ready else 503)


@get("/metrics", tags=["health"], media_type=MediaType.TEXT, opt={"grant": PUBLIC})
async def metrics(request: AnyRequest, services: Services, known: State, gate: Guard) -> Response[str]:
    """Give the metrics of this host's gateways and of the control process, as Prometheus text."""
    if not services.metrics_open:
        require(gate.authenticate(request).role, "system:read")
    own = (
        gauge("headgate_control_live_sequence", known.seq, "the last change of keys and meters taken in"),
        gauge("headgate_control_keys", len(known.book), "keys in force"),
        gauge("headgate_control_budgets", len(known.budgets()), "budgets in force"),
    )
    text = merge((await services.gateway_metrics(), *own))
    return Response(text, headers={"content-type": PROMETHEUS})


@get("/status", tags=["health"], opt={"grant": grant("system:read")})
async def status(database: Store, known: State, services: Services) -> Status:
    """Show what runs, and what it serves from."""
    async with database.connection() as connection:
        gateways = await list_gateways(connection)
        state = await database_state(connection)
        exporters = await exporter_states(connection)
    return Status(
        version=services.version,
        snapshot=None if known.snapshot is None else known.snapshot.id,
        live_seq=known.seq,
        keys=len(known.book),
        budgets=len(known.budgets()),
        rate_limits=len(known.rate_limits()),
        gateways=[
            GatewayView(
                name=each.name,
                host=each.host,
                pid=each.pid,
                started_at=format_datetime(each.started_at),
                seen_at=format_datetime(each.seen_at),
                live=each.live,
                snapshot=each.snapshot,
                current=each.live_seq >= known.seq
                and (known.snapshot is None or each.snapshot == known.snapshot.id),
            )
            for each in gateways
        ],
        database=state,
        exporters=exporters,
        ready=await readiness(database, known, services),
    )


async def readiness(database: Store, known: ControlState, services: ControlServices) -> Readiness:
    """Look at all that serving calls needs."""
    wrong: list[str] = []
    warnings: list[str] = []
    try:
        async with database.connection() as connection:
            gateways = await list_gateways(connection)
        if not any(each.live for each in gateways):
            warnings.append("no gateway has reported within the last seconds")
        if not services.has_common_vault and len({each.host for each in gateways if each.live}) > 1:
            warnings.append("several hosts serve without a common HEADGATE_VAULT_KEY; give all the same")
    except Fault as fault:
        wrong.append(fault.message)
    if known.refused is not None:
        (wrong if known.snapshot is None else warnings).append(known.refused)
    if known.snapshot is None:
        wrong.append("no configuration is in force; `headgate apply` puts one in force")
    elif known.secrets is not None:
        missing = known.secrets.readiness()
        usable = len(known.snapshot.providers) - len(missing)
        (warnings if usable > 0 or not missing else wrong).extend(missing)
    return Readiness(ready=not wrong, wrong=wrong, warnings=warnings)
