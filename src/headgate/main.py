"""The composition root: the only place that knows which concrete parts the processes are made of.

`up` is what `headgate up` runs; `python -m headgate.main ROLE` is one worker, told by the supervisor on its
standard input what it is. No logic here. Read next: `processes.supervisor`, `gateway.front`.
"""

import asyncio
import contextlib
import logging
import secrets
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import uvloop

from headgate import __version__
from headgate.access.book import AccessBook
from headgate.access.store import first_admin_key
from headgate.access.vault import Vault
from headgate.api.alerts import AlertSink
from headgate.api.app import create_control_app
from headgate.api.metrics import read_metric_files
from headgate.api.services import ControlServices
from headgate.api.targets import TargetHealthFiles
from headgate.config import snapshots
from headgate.config.compile import compile_file, compile_snapshot
from headgate.config.environment import default_document
from headgate.config.secrets import Secrets
from headgate.config.snapshot import Snapshot
from headgate.config.watch import ConfigurationWatcher
from headgate.core.entries import ALERT, Alert
from headgate.core.faults import Conflict
from headgate.core.identity import IdentitySource
from headgate.core.ports import Server
from headgate.core.secret import Secret
from headgate.gateway.control import ControlRelay
from headgate.gateway.front import Front
from headgate.gateway.plane import ENCODE, Current, DataPlane
from headgate.gateway.refresh import Identity, Population, Refresher
from headgate.gateway.service import GatewayService
from headgate.gateway.standin_hosts import StandinHosts
from headgate.http1.asgi import AsgiService
from headgate.http1.http_server import HttpServer
from headgate.http1.limits import ServerLimits
from headgate.http1.pool import HttpTransport
from headgate.http1.proxies import ProxySettings
from headgate.http1.server import UvicornServer
from headgate.http1.tls import server_context
from headgate.journal.backlog import JournalWatch
from headgate.journal.shipper import Shipper
from headgate.journal.writer import JournalWriter
from headgate.meters.loop import LoopDetector
from headgate.meters.purse import Purse
from headgate.meters.rate import RateLimiter
from headgate.meters.returns import RECALL_CHANNEL
from headgate.meters.shares import RateShares
from headgate.meters.sink import MeterSink
from headgate.policy.egress import GuardedEgress
from headgate.processes import log as logs
from headgate.processes.folder import VAULT_KEY_NAME, write_private
from headgate.processes.spec import Prepared, UpOptions, WorkerSpec, read_spec
from headgate.processes.supervisor import Supervisor
from headgate.processes.worker import Service, run_worker
from headgate.records.bodies import BodySink
from headgate.records.sink import RecordSink
from headgate.settings import ServerName, Settings
from headgate.store.clock import DatabaseClock, SystemClock
from headgate.store.database import Database
from headgate.store.embedded import EmbeddedPostgres
from headgate.store.keeper import keep
from headgate.store.listen import Listener
from headgate.store.live import CHANNEL as LIVE_CHANNEL
from headgate.store.migrate import migrate
from headgate.store.tasks import end_tasks

log = logging.getLogger("headgate")

SYSTEM = "system"


def up(options: UpOptions) -> int:
    """Run Headgate until a signal ends it; return the exit status."""
    logs.configure("up", json=logs.wants_json(options.log_json))
    supervisor = Supervisor(options, prepare, open_database=open_database)
    return uvloop.run(supervisor.run())


@contextlib.asynccontextmanager
async def open_database(options: UpOptions) -> AsyncGenerator[str]:
    """Yield the URL of a database that is up to date: the one that was named, or the embedded one."""
    if options.database_url is not None:
        await migrate(options.database_url)
        yield options.database_url
        return
    server = EmbeddedPostgres(Path(options.data_dir))
    await asyncio.to_thread(server.start)
    keeping = asyncio.create_task(keep(server), name="keep the database")
    try:
        await migrate(server.url)
        yield server.url
    finally:
        await end_tasks([keeping])
        await asyncio.to_thread(server.stop)


async def prepare(options: UpOptions, database_url: str) -> Prepared:
    """Store and activate the configuration, and make sure that there is an admin key."""
    settings = Settings.from_environment()
    snapshot = await asyncio.to_thread(_compile, options, settings)
    async with Database(database_url, connections_max=1, name="up") as database:
        await _activate_at_start(database, snapshot, options)
        async with database.transaction() as connection:
            key = await first_admin_key(connection, now_ms=SystemClock().now_ms(), chosen=settings.admin_key)
    minted = key.reveal() if key is not None and settings.admin_key is None else None
    return Prepared(minted_admin_key=minted, example_model=_example_model(snapshot))


async def _activate_at_start(database: Database, snapshot: Snapshot, options: UpOptions) -> None:
    """Put the file in force: always with the embedded database, else only where nothing is in force yet.

    Of several hosts that start at once on one database, one is first, and its configuration holds.
    """
    try:
        async with database.transaction() as connection:
            active = await snapshots.current(connection)
            if active is None or options.database_url is None:
                base = active.id if active else None
                await snapshots.put_in_force(connection, snapshot, base=base, actor=SYSTEM, note="at start")
    except Conflict as conflict:
        log.warning("the configuration at start was not put in force: %s", conflict.message)


def _compile(options: UpOptions, settings: Settings) -> Snapshot:
    if options.config_path is not None:
        return compile_file(Path(options.config_path))
    return compile_snapshot(default_document(settings.environment()))


def _example_model(snapshot: Snapshot) -> str:
    if snapshot.aliases:
        return next(iter(snapshot.aliases))
    return "mock/mock" if "mock" in snapshot.providers else f"{next(iter(snapshot.providers))}/MODEL"


class Outbound:
    """The ways out of a gateway process: HTTP, and the stand-ins of the snapshot in force."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.http = HttpTransport(proxies=ProxySettings.from_mapping(environment))
        self.standins = StandinHosts()
        self.egress = GuardedEgress(
            {"http": self.http, "https": self.http, "mock": self.standins, "replay": self.standins}
        )


@contextlib.asynccontextmanager
async def gateway(spec: WorkerSpec) -> AsyncGenerator[Service]:
    """Put a gateway process together."""
    settings = Settings.from_environment()
    environment = settings.environment()
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

        def swap(current: Current) -> None:
            outbound.standins.update(current.snapshot)
            plane.current = current

        refresher = Refresher(
            Identity(spec.boot, spec.title, _private(spec, "state")),
            database,
            clock,
            plane.book,
            environment=environment,
            population=population,
            swap=swap,
        )
        await refresher.start()
        yield GatewayService(
            plane,
            Front(plane, ControlRelay(outbound.http, spec.control_socket)),
            _server(spec, plane, settings.server),
            refresher,
            listener=_listener(spec, plane.purse, refresher),
            metrics_path=metrics_folder(spec) / f"{spec.title}.prom",
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


def _server(spec: WorkerSpec, plane: DataPlane, name: ServerName) -> Server:
    tls = None
    if spec.tls_cert and spec.tls_key:
        tls = server_context(Path(spec.tls_cert), Path(spec.tls_key))

    def limits() -> ServerLimits:
        return ServerLimits(header_bytes_max=plane.current.snapshot.limits.header_bytes_max)

    sockets = [socket.socket(fileno=descriptor) for descriptor in spec.listen_fds]
    if name == "uvicorn":
        return UvicornServer(sockets, limits=limits, tls=tls)
    return HttpServer(sockets, limits=limits, tls=tls)


def _private(spec: WorkerSpec, name: str) -> Path:
    folder = Path(spec.data_dir) / name
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a server that listens on `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def metrics_folder(spec: WorkerSpec) -> Path:
    """Where gateways leave what they count, for control to collect."""
    return Path(spec.data_dir) / "metrics"


def _nothing_yet() -> Current:
    snapshot = compile_snapshot(default_document({}))
    return Current(snapshot, Secrets.resolve(snapshot, {}), (), ())


class ShipperService:
    """The shipper as a worker."""

    def __init__(self, shipper: Shipper) -> None:
        self._shipper = shipper

    async def run(self) -> None:
        """Ship until `drain`."""
        await self._shipper.run()

    async def drain(self, timeout_s: float) -> None:
        """Ship what is there, then let `run` return."""
        self._shipper.stop()


@contextlib.asynccontextmanager
async def shipper(spec: WorkerSpec) -> AsyncGenerator[Service]:
    """Put the host's shipper together."""
    async with Database(spec.database_url, connections_max=2, name=spec.title) as database:
        # Last, since grants wait for the rows that it locks.
        sinks = (RecordSink(), BodySink(), AlertSink(), MeterSink())
        yield ShipperService(
            Shipper(Path(spec.data_dir) / "journal", database, sinks, host=socket.gethostname())
        )


@contextlib.asynccontextmanager
async def control(spec: WorkerSpec) -> AsyncGenerator[Service]:
    """Put the control process together."""
    settings = Settings.from_environment()
    environment = settings.environment()
    clock = DatabaseClock()
    async with contextlib.AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            Database(spec.database_url, connections_max=8, name=spec.title)
        )
        http = HttpTransport(proxies=ProxySettings.from_mapping(environment))
        stack.push_async_callback(http.close)
        targets = TargetHealthFiles(metrics_folder(spec))
        services = ControlServices(
            database=database,
            clock=clock,
            egress=GuardedEgress({"http": http, "https": http}),
            environment=environment,
            version=__version__,
            gateway_metrics=read_metric_files(metrics_folder(spec)),
            watch=JournalWatch(Path(spec.data_dir) / "journal", clock).look,
            target_health=targets.current,
            listener=partial(Listener, spec.database_url, name=f"{spec.title} listener"),
            metrics_open=is_loopback(spec.host),
            background=(targets.run, *_background(spec, database)),
            vault=_vault(spec, settings),
        )
        sockets = [socket.socket(fileno=descriptor) for descriptor in spec.listen_fds]
        yield AsgiService(create_control_app(services), sockets)


def _vault(spec: WorkerSpec, settings: Settings) -> Vault:
    """The vault of the key that was set, else of the one that this data folder keeps."""
    if settings.vault_key is not None:
        return Vault(settings.vault_key)
    path = Path(spec.data_dir) / VAULT_KEY_NAME
    if not path.exists():
        write_private(path, secrets.token_hex(32) + "\n")
    return Vault(Secret(path.read_text(encoding="utf-8").strip()))


def _background(spec: WorkerSpec, database: Database) -> tuple[Callable[[], Awaitable[None]], ...]:
    """What control also runs: the watch on headgate.toml, where the database is the embedded one."""
    if spec.config_path is None or not spec.embedded:
        return ()

    async def activate(snapshot: Snapshot) -> None:
        async with database.transaction() as connection:
            active = await snapshots.current(connection)
            base = active.id if active else None
            await snapshots.put_in_force(
                connection, snapshot, base=base, actor=SYSTEM, note="the file changed"
            )
        if base != snapshot.id:
            log.info("headgate.toml has changed: snapshot %s is in force", snapshot.id)

    watcher = ConfigurationWatcher(Path(spec.config_path), on_snapshot=activate)
    return (watcher.run,)


ROLES = {"gateway": gateway, "shipper": shipper, "control": control}


def worker(role: str) -> int:
    """Run one worker, as its spec on standard input says."""
    spec = read_spec(sys.stdin.buffer)
    return run_worker(spec, ROLES[role])


if __name__ == "__main__":
    sys.exit(worker(sys.argv[1]))
