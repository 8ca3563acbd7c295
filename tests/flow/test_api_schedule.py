"""What is done once for the whole deployment: partitions are made ahead, and retention is kept."""

from datetime import UTC, datetime, timedelta

from headgate.api.schedule import tidy
from headgate.api.state import ControlState
from headgate.config.compile import compile_file
from headgate.store.clock import SystemClock
from headgate.store.database import Database

CONFIG = """
[providers.mock]
kind = "mock"

[projects.default]
retention = "2 days"
"""


async def test_tidying_makes_partitions_ahead_and_drops_what_no_project_keeps(database: Database) -> None:
    known = ControlState(database, SystemClock(), {}, dict)
    known.snapshot = compile_file(CONFIG)
    old = datetime.now(UTC).date() - timedelta(days=400)
    async with database.connection() as connection:
        await connection.execute("select ensure_partitions(array[%s::date])", (old,))
    await tidy(database, known)
    async with database.connection() as connection:
        cursor = await connection.execute(
            "select relname from pg_class where relispartition and relname like 'requests\\_%'"
        )
        names = {str(name) for (name,) in await cursor.fetchall()}
    assert f"requests_{old:%Y%m%d}" not in names
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    assert f"requests_{tomorrow:%Y%m%d}" in names
