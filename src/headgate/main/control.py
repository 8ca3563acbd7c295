"""The control process: the API, the metrics, the jobs, and the watch on headgate.toml.

Read next: `api.app`, `api.services`, `processes.worker`.
"""

import contextlib
import logging
import secrets
import socket
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import headgate
from headgate import __version__
from headgate.access.vault import Vault
from headgate.api.alerts import add_alerts
from headgate.api.app import create_control_app
from headgate.api.console import Console
from headgate.api.metrics import read_metric_files
from headgate.api.services import ControlServices
from headgate.api.targets import TargetHealthFiles
from headgate.catalog.prices import load_price_table
from headgate.config import snapshots
from headgate.config.file_http import ConfigurationFile
from headgate.config.secrets import read_reference
from headgate.config.snapshot import Snapshot
from headgate.config.watch import ConfigurationWatcher
from headgate.core.ports import Origin
from headgate.core.secret import Secret
from headgate.drift.calling import CallsToGateway
from headgate.http1.asgi import AsgiService
from headgate.http1.pool import HttpTransport
from headgate.http1.proxies import ProxySettings
from headgate.http1.tls import TlsSettings
from headgate.journal.backlog import JournalWatch
from headgate.journal.writer import JournalWriter
from headgate.policy.egress import GuardedEgress
from headgate.processes.folder import VAULT_KEY_NAME, metrics_folder, write_private
from headgate.processes.spec import WorkerSpec
from headgate.processes.worker import Service, work
from headgate.prompts.catalogue.matching_job import MatchingJob
from headgate.prompts.outcomes.counting import FeedbackJob
from headgate.settings import Settings
from headgate.store.clock import DatabaseClock
from headgate.store.database import Database
from headgate.store.listen import Listener
from headgate.store.planning import PlanningJob
from headgate.traces.keeping.settling import SettlingJob
from headgate.traces.keeping.words import WordsJob
from headgate.traces.sending.job import ExportJob

CONSOLE_FOLDER = Path(headgate.__file__).parent / "console"
"""Where `make console` builds the pages, and the wheel has them."""

log = logging.getLogger("headgate")


@contextlib.asynccontextmanager
async def control(spec: WorkerSpec) -> AsyncGenerator[Service]:
    """Put the control process together."""
    load_price_table()  # before control serves, so that what reading it takes for a while is given back
    settings = Settings.from_environment()
    environment = settings.environment()
    clock = DatabaseClock()
    metrics = metrics_folder(Path(spec.data_dir))
    async with contextlib.AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            Database(spec.database_url, connections_max=8, name=spec.title)
        )
        http = HttpTransport(proxies=ProxySettings.from_mapping(environment))
        stack.push_async_callback(http.close)
        egress = GuardedEgress({"http": http, "https": http})
        # Gateways of this host are asked without a proxy, and known by their own certificate.
        direct = HttpTransport(tls=TlsSettings(ca_file=spec.tls_cert))
        stack.push_async_callback(direct.close)
        targets = TargetHealthFiles(metrics)
        # Telemetry of applications has a journal as calls have: what was answered is shipped, come what may.
        journal = JournalWriter(Path(spec.data_dir) / "journal", spec.boot)
        stack.callback(journal.close)
        own_calls = CallsToGateway(GuardedEgress({"http": direct, "https": direct}), own_origin(spec))
        services = ControlServices(
            database=database,
            clock=clock,
            egress=egress,
            environment=environment,
            version=__version__,
            gateway_metrics=read_metric_files(metrics),
            watch=JournalWatch(Path(spec.data_dir) / "journal", clock).look,
            target_health=targets.current,
            listener=partial(Listener, spec.database_url, name=f"{spec.title} listener"),
            metrics_open=is_loopback(spec.host),
            served_by_tls=spec.tls_cert is not None,
            console=Console.load(CONSOLE_FOLDER),
            configuration_file=_configuration_file(spec),
            background=(
                ExportJob(database, egress, partial(read_reference, environ=environment), add_alerts).run,
                targets.run,
                MatchingJob(database).run,
                FeedbackJob(database).run,
                SettlingJob(database).run,
                WordsJob(database).run,
                PlanningJob(database).run,
                *_background(spec, database),
            ),
            own_calls=own_calls,
            journal=journal,
            vault=_vault(spec, settings),
            has_common_vault=spec.embedded or settings.vault_key is not None,
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


def _configuration_file(spec: WorkerSpec) -> ConfigurationFile:
    path = None if spec.config_path is None else Path(spec.config_path)
    return ConfigurationFile(path=path, is_watched=path is not None and spec.embedded)


def _background(spec: WorkerSpec, database: Database) -> tuple[Callable[[], Awaitable[None]], ...]:
    """What control also runs: the watch on headgate.toml, where the database is the embedded one."""
    if spec.config_path is None or not spec.embedded:
        return ()

    async def activate(snapshot: Snapshot) -> None:
        async with database.transaction() as connection:
            active = await snapshots.current(connection)
            base = active.id if active else None
            await snapshots.put_in_force(
                connection, snapshot, base=base, actor="system", note="the file changed"
            )
        if base != snapshot.id:
            log.info("headgate.toml has changed: snapshot %s is in force", snapshot.id)

    watcher = ConfigurationWatcher(Path(spec.config_path), on_snapshot=activate)
    return (watcher.run,)


def own_origin(spec: WorkerSpec) -> Origin:
    """Return where this host's gateways answer."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - read, not bound
    return Origin("https" if spec.tls_cert else "http", anywhere.get(spec.host, spec.host), spec.port)


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a server that listens on `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    sys.exit(work(control))
