"""Fixtures that all tests share: one real PostgreSQL a run, a fresh migrated database a test."""

import asyncio
import fcntl
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from headgate.store.database import Database
from headgate.store.embedded import EmbeddedPostgres
from headgate.store.migrate import migrate

TEMPLATE = "headgate_template"


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One embedded server for this run; under pytest-xdist each worker has its own."""
    folder = Path(tempfile.mkdtemp(prefix="hgpg"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder)
    # The first start on a machine may create a system user: one at a time.
    with (Path(tempfile.gettempdir()) / "headgate-tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        url = server.start()
    try:
        yield url
    finally:
        server.stop()


def with_database(url: str, name: str) -> str:
    """Return the URL with another database's name."""
    return psycopg.conninfo.make_conninfo(url, dbname=name)


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> str:
    """A database with all migrations applied, from which the others are copied."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"create database {TEMPLATE}")  # pyright: ignore[reportArgumentType]
    asyncio.run(migrate(with_database(postgres_url, TEMPLATE)))
    return TEMPLATE


@pytest.fixture
def database_url(postgres_url: str, template_database: str) -> Iterator[str]:
    """A fresh migrated database for one test."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template_database}")  # pyright: ignore[reportArgumentType]
    try:
        yield with_database(postgres_url, name)
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"drop database {name} with (force)")  # pyright: ignore[reportArgumentType]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on a fresh migrated database."""
    async with Database(database_url, connections_max=8, name="tests") as opened:
        yield opened


@pytest.fixture(scope="session")
def recorded_path() -> Path:
    """The recorded exchanges; skips where they are not beside the checkout."""
    named = os.environ.get("HEADGATE_RECORDED")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "recorded"
    path = folder / "exchanges.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no recorded exchanges at {path}; set HEADGATE_RECORDED to their folder")
    return path
