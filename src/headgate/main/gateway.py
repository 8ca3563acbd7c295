"""A gateway process: the parts that it is made of.

Never loads what only the control process needs (`tests/structure/test_role_imports.py`): there are many of
these. Read next: `gateway.plane`, `gateway.front`, `processes.worker`.
"""

import contextlib
import socket
import ssl
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from headgate.access.book import AccessBook
from headgate.catalog.prices import load_price_table
from headgate.config import snapshots
from headgate.config.compile import compile_snapshot
from headgate.config.environment import default_document
from headgate.config.secrets import Secrets
from headgate.core.entries import ALERT, Alert
from headgate.core.identity import IdentitySource
from headgate.core.ports import Server
from headgate.gateway.control import ControlRelay
from headgate.gateway.front import Front
from headgate.gateway.plane import ENCODE, Current, DataPlane
from headgate.gateway.proofs import ProofSource
from headgate.gateway.refresh import Credentials, Identity, Population, Refresher
from headgate.gateway.service import GatewayService
from headgate.gateway.shadows import Shadows
from headgate.gateway.standin_hosts import StandinHosts
from headgate.http1.http_server import HttpServer
from headgate.http1.limits import LimitsGiven, ServerLimits
from headgate.http1.pool import HttpTransport
from headgate.http1.proxies import ProxySettings
from headgate.http1.tls import server_context
from headgate.journal.writer import JournalWriter
from headgate.meters.loop import LoopDetector
from headgate.meters.purse import Purse
from headgate.meters.rate import RateLimiter
from headgate.meters.returns import RECALL_CHANNEL
from headgate.meters.shares import RateShares
from headgate.policy.egress import GuardedEgress
from headgate.processes.folder import metrics_folder
from headgate.processes.spec import WorkerSpec
from headgate.processes.worker import Service, work
from headgate.settings import Settings
from headgate.store.clock import DatabaseClock
from headgate.store.database import Database
from headgate.store.listen import Listener
from headgate.store.live import CHANNEL as LIVE_CHANNEL


class ServerKind(Protocol):
    """What makes the server towards clients."""

    def __call__(
        self,
        sockets: Sequence[socket.socket],
        *,
        limits: LimitsGiven = None,
        tls: ssl.SSLContext | None = None,
    ) -> Server:
        """Return a server on listening sockets."""
        ...


class Outbound:
    """The ways out of a gateway process: HTTP, and the stand-ins of the snapshot in force."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.http = HttpTransport(proxies=ProxySettings.from_mapping(environment))
        self.standins = StandinHosts()
        self.egress = GuardedEgress(
            {"http": self.http, "https": self.http, "mock": self.standins, "replay": self.standins}
        )


@contextlib.asynccontextmanager
async def gateway(spec: WorkerSpec, server: ServerKind = HttpServer) -> AsyncGenerator[Service]:
    """Put a gateway process together."""
    environment = Settings.from_environment().environment()
    async with contextlib.AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            Database(spec.database_url, connections_min=1, connections_max=1, name=spec.title)
        )
        clock = DatabaseClock()
        outbound = Outbound(environment)
        stack.push_async_callback(outbound.http.close)
        population = Population()
        plane = _plane(spec, database, clock, outbound, population)
        stack.callback(plane.journal.close)
        plane.shadows = Shadows(plane)

        def swap(current: Current) -> None:
            outbound.standins.update(current.snapshot)
            plane.current = current

        refresher = Refresher(
            Identity(spec.boot, spec.title, _private(spec, "state")),
            database,
            clock,
            plane.book,
            credentials=Credentials(environment, ProofSource(outbound.egress, clock)),
            population=population,
            swap=swap,
        )
        await refresher.start()
        load_price_table()  # models that no alias names are priced at their first call
        yield GatewayService(
            plane,
            Front(plane, ControlRelay(outbound.http, spec.control_socket)),
            _server(spec, plane, server),
            refresher,
            listener=_listener(spec, plane.purse, refresher),
            metrics_path=metrics_folder(Path(spec.data_dir)) / f"{spec.title}.prom",
            name=spec.title,
        )


def _plane(
    spec: WorkerSpec, database: Database, clock: DatabaseClock, outbound: Outbound, population: Population
) -> DataPlane:
    journal = JournalWriter(Path(spec.data_dir) / "journal", spec.boot)

    def note(alert: Alert) -> None:
        journal.append(ALERT, ENCODE(alert))

    limiter = RateLimiter(clock, processes=population.count)
    return DataPlane(
        clock=clock,
        identities=IdentitySource(clock),
        book=AccessBook(),
        purse=Purse(spec.boot, database, clock, processes=population.count, on_alert=note),
        limiter=limiter,
        shares=RateShares(limiter, spec.boot, database, clock, processes=population.count),
        loops=LoopDetector(clock),
        egress=outbound.egress,
        journal=journal,
        current=_nothing_yet(),
        spool_folder=str(_private(spec, "spool")),
    )


def _listener(spec: WorkerSpec, purse: Purse, refresher: Refresher) -> Listener:
    def heard(channel: str, payload: str) -> None:
        if channel == RECALL_CHANNEL:
            purse.on_recall(payload)
        else:
            refresher.wake()

    return Listener(
        spec.database_url,
        (LIVE_CHANNEL, snapshots.CHANNEL, RECALL_CHANNEL),
        heard,
        on_connected=refresher.wake,
        name=f"{spec.title} listener",
    )


def _server(spec: WorkerSpec, plane: DataPlane, server: ServerKind) -> Server:
    tls = None
    if spec.tls_cert and spec.tls_key:
        tls = server_context(Path(spec.tls_cert), Path(spec.tls_key))

    def limits() -> ServerLimits:
        return ServerLimits(header_bytes_max=plane.current.snapshot.limits.header_bytes_max)

    sockets = [socket.socket(fileno=descriptor) for descriptor in spec.listen_fds]
    return server(sockets, limits=limits, tls=tls)


def _private(spec: WorkerSpec, name: str) -> Path:
    folder = Path(spec.data_dir) / name
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def _nothing_yet() -> Current:
    snapshot = compile_snapshot(default_document({}))
    return Current(snapshot, Secrets.resolve(snapshot, {}), (), ())


if __name__ == "__main__":
    sys.exit(work(gateway))
