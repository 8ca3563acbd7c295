"""What `headgate up` runs: the database made ready, the configuration in force, and the workers supervised.

Names the workers' modules and imports none of them. Read next: `processes.supervisor`.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import uvloop

from headgate.access.store import first_admin_key
from headgate.config import snapshots
from headgate.config.compile import compile_file, compile_snapshot
from headgate.config.environment import default_document
from headgate.config.snapshot import Snapshot
from headgate.core.faults import Conflict
from headgate.processes import log as logs
from headgate.processes.spec import Prepared, Role, UpOptions
from headgate.processes.supervisor import Supervisor
from headgate.settings import ServerName, Settings
from headgate.store.clock import SystemClock
from headgate.store.database import Database
from headgate.store.embedded import EmbeddedPostgres
from headgate.store.keeper import keep
from headgate.store.migrate import migrate
from headgate.store.tasks import end_tasks

log = logging.getLogger("headgate")


def up(options: UpOptions) -> int:
    """Run Headgate until a signal ends it; return the exit status."""
    logs.configure("up", json=logs.wants_json(options.log_json))
    commands = worker_commands(Settings.from_environment().server)
    supervisor = Supervisor(options, prepare, open_database=open_database, commands=commands)
    return uvloop.run(supervisor.run())


def worker_commands(server: ServerName) -> dict[Role, tuple[str, ...]]:
    """What starts each worker, by its role; gateways with the server that was chosen."""
    modules: dict[Role, str] = {
        "control": "headgate.main.control",
        "shipper": "headgate.main.shipper",
        "gateway": "headgate.main.gateway_uvicorn" if server == "uvicorn" else "headgate.main.gateway",
    }
    return {role: (sys.executable, "-m", module) for role, module in modules.items()}


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
                await snapshots.put_in_force(connection, snapshot, base=base, actor="system", note="at start")
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
