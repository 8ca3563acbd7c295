"""Fixtures that all tests share: one PostgreSQL for the whole run, a fresh database for each test."""

import asyncio
import contextlib
import fcntl
import gc
import hashlib
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from demo.scratch import scratch_folder
from hypothesis import HealthCheck, settings
from psycopg import sql

from headgate.store.database import Database
from headgate.store.embedded import EmbeddedPostgres
from headgate.store.migrate import migrate, migrations

# What is lost when the machine loses power doesn't matter here; the server's other guarantees do.
_TEST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}

# How long an example takes says something of the machine, and nothing of what is tested.
settings.register_profile("loaded", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("loaded")


def pytest_configure() -> None:
    """A run that is terminated (a time limit, say) still stops the server that it started."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


_FIRST = ("tests/flow/test_guides.py", "tests/flow/", "tests/simulation/", "tests/contract/")
"""The files that take longest, in this order: at the end of a run no process then waits long for another."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow files first: pytest-xdist hands files out in this order (`--no-loadscope-reorder`)."""

    def place(item: pytest.Item) -> int:
        found = (number for number, start in enumerate(_FIRST) if item.nodeid.startswith(start))
        return next(found, len(_FIRST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Whatever was imported stays: let no collection of garbage look through it again."""
    gc.freeze()


@contextlib.contextmanager
def _flock(path: Path, mode: int) -> Generator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, mode)
        yield descriptor
    finally:
        os.close(descriptor)


def _run_name() -> str:
    # All workers of one pytest-xdist run share this name, and with it the server.
    return os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}-{uuid.uuid4().hex[:8]}"


def _template_name() -> str:
    text = "".join(migration.checksum for migration in migrations())
    return f"template_{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _make_template(server: EmbeddedPostgres) -> str:
    name = _template_name()
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
            return name
        half = f"{name}_half"
        connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(half)))
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(half)))
        asyncio.run(migrate(server.url_of(half)))
        connection.execute(
            sql.SQL("alter database {} rename to {}").format(sql.Identifier(half), sql.Identifier(name))
        )
    return name


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """The server of this test run. The last process that uses it stops it and removes its files."""
    folder = scratch_folder() / f"headgate-tests-{_run_name()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    server = EmbeddedPostgres(folder, settings=_TEST_SETTINGS)
    with _flock(folder / "users.lock", fcntl.LOCK_SH) as users:
        with _flock(folder / "change.lock", fcntl.LOCK_EX):
            server.start()
        try:
            yield server
        finally:
            with _flock(folder / "change.lock", fcntl.LOCK_EX):
                fcntl.flock(users, fcntl.LOCK_UN)
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass  # another worker still uses it
                else:
                    server.stop()
                    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: EmbeddedPostgres) -> str:
    """The URL of the run's server (database `postgres`): for tests that make their own databases."""
    return postgres_server.url_of("postgres")


@pytest.fixture(scope="session")
def template_database(postgres_server: EmbeddedPostgres) -> str:
    """The name of a database with all migrations applied, from which the others are copied."""
    with _flock(postgres_server.folder.parent / "change.lock", fcntl.LOCK_EX):
        return _make_template(postgres_server)


class Databases:
    """Makes each test's database, and drops it as the next one is made, by when those who were connected have
    left: the server would wait a tenth of a second for them."""

    def __init__(self, server: EmbeddedPostgres, template: str) -> None:
        self._server = server
        self._template = sql.Identifier(template)
        self._over: list[str] = []

    @contextlib.contextmanager
    def one(self) -> Generator[str]:
        name = f"test_{uuid.uuid4().hex[:16]}"
        with psycopg.connect(self._server.url_of("postgres"), autocommit=True) as connection:
            while self._over:
                over = sql.Identifier(self._over.pop())
                connection.execute(sql.SQL("drop database {} with (force)").format(over))
            # Files are copied: the other way is to write all of them into the journal of the server.
            made = sql.SQL("create database {} template {} strategy file_copy")
            connection.execute(made.format(sql.Identifier(name), self._template))
        try:
            yield self._server.url_of(name)
        finally:
            self._over.append(name)


@pytest.fixture(scope="session")
def databases(postgres_server: EmbeddedPostgres, template_database: str) -> Databases:
    return Databases(postgres_server, template_database)


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """The URL of a database of this test's own, with all migrations applied."""
    with databases.one() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open pool on this test's own database."""
    name = urlsplit(database_url).path.strip("/")
    async with Database(database_url, connections_max=8, name=name) as opened:
        yield opened


@pytest.fixture
def scratch_path() -> Iterator[Path]:
    """A folder for data folders: its path is short, for sockets in it, and the database's user may pass."""
    kept = tempfile.TemporaryDirectory(prefix="hg-", dir=scratch_folder(), ignore_cleanup_errors=True)
    with kept as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def recorded_path() -> Path:
    """The file of recorded exchanges of real providers; the test is skipped where it is absent."""
    named = os.environ.get("HEADGATE_RECORDED")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "recorded"
    path = folder / "exchanges.jsonl.gz"
    if not path.exists():
        pytest.skip("no recorded exchanges: set HEADGATE_RECORDED to the folder that holds them")
    return path
