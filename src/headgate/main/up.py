"""What `headgate up` runs: the database started, the start prepared, and the workers supervised.

Names the modules of the other processes and imports none of them. Read next: `processes.supervisor`,
`main.preparing`.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

import uvloop

from headgate.processes import log as logs
from headgate.processes.preparing import prepared_by
from headgate.processes.spec import Role, UpOptions
from headgate.processes.supervisor import Supervisor
from headgate.settings import ServerName, Settings
from headgate.store.embedded import EmbeddedPostgres
from headgate.store.keeper import keep
from headgate.store.tasks import end_tasks

PREPARE = (sys.executable, "-m", "headgate.main.preparing")


def up(options: UpOptions) -> int:
    """Run Headgate until a signal ends it; return the exit status."""
    logs.configure("up", json=logs.wants_json(options.log_json))
    commands = worker_commands(Settings.from_environment().server)
    prepare = partial(prepared_by, PREPARE)
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
    """Yield the URL of the database: the one that was named, or the embedded one, which runs meanwhile."""
    if options.database_url is not None:
        yield options.database_url
        return
    server = EmbeddedPostgres(Path(options.data_dir))
    await asyncio.to_thread(server.start)
    keeping = asyncio.create_task(keep(server), name="keep the database")
    try:
        yield server.url
    finally:
        await end_tasks([keeping])
        await asyncio.to_thread(server.stop)
