"""What is done once before any worker starts: the database's schema, the configuration, the first admin key.

Runs as a process of its own that ends when it is done. Read next: `processes.preparing`, `main.up`.
"""

import asyncio
import logging
import sys
from pathlib import Path

from headgate.access.store import first_admin_key
from headgate.config import snapshots
from headgate.config.compile import compile_file, compile_snapshot
from headgate.config.environment import default_document
from headgate.config.snapshot import Snapshot
from headgate.core.faults import Conflict
from headgate.processes.preparing import prepare_once
from headgate.processes.spec import Prepared, UpOptions
from headgate.settings import Settings
from headgate.store.clock import SystemClock
from headgate.store.database import Database
from headgate.store.migrate import migrate

log = logging.getLogger("headgate")


async def prepare(options: UpOptions, database_url: str) -> Prepared:
    """Bring the database up to date, put the configuration in force, make sure that there is an admin key."""
    await migrate(database_url)
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


if __name__ == "__main__":
    sys.exit(prepare_once(prepare))
