"""Backup, restore and upgrade of the embedded database, and of the keys beside it in the data folder.

A backup is one private tar file: a manifest, a dump in PostgreSQL's custom format, and `*.key` files. The
journal is not in it: its segments stay in the folder, and are shipped again to a restored database.
Never touches a database of your own. Read next: `store.embedded`, `folder`.
"""

import asyncio
import os
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psycopg

from headgate.core.faults import Conflict, Misconfigured, Unavailable
from headgate.processes.folder import held, write_private
from headgate.store.embedded import MAJOR_VERSION, EmbeddedPostgres, binary_folder, embedded_folder
from headgate.store.migrate import migrate

FORMAT = 1
MANIFEST = "manifest.json"
DUMP = "database.dump"
KEY_BYTES_MAX = 64 * 1024

_KEY_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}\.key")


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself."""

    format: int
    postgres_major: int


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that was written."""

    size_bytes: int
    postgres_major: int


class Upgrade(msgspec.Struct, frozen=True, kw_only=True):
    """What an upgrade did: PostgreSQL's major versions, and the migrations that were applied."""

    before: int
    after: int
    applied: list[str]


def backup(folder: Path, file: Path) -> Backup:
    """Write a backup of the data folder. `up` may go on running on it.

    Raises Misconfigured when the folder holds no embedded database, Conflict when the file exists.
    """
    if not (embedded_folder(folder) / "PG_VERSION").exists():
        raise Misconfigured(_nothing_here(folder))
    if file.exists():
        raise Conflict(f"{file} exists already; name another file, or move that one away")
    with tempfile.TemporaryDirectory(prefix="headgate-backup-") as scratch, _running(folder) as server:
        dump = Path(scratch) / DUMP
        _run("pg_dump", "--format=custom", "--no-owner", f"--file={dump}", server.url)
        manifest = Path(scratch) / MANIFEST
        manifest.write_bytes(msgspec.json.encode(Manifest(format=FORMAT, postgres_major=MAJOR_VERSION)))
        keys = [path for path in sorted(folder.iterdir()) if _KEY_FILE.fullmatch(path.name)]
        _write_tar(file, [manifest, dump, *keys])
    return Backup(size_bytes=file.stat().st_size, postgres_major=MAJOR_VERSION)


def restore(folder: Path, file: Path, *, replace: bool) -> None:
    """Put a backup into a data folder that no `up` holds.

    The new database takes the old one's place only once it is whole. Raises Conflict when the folder holds a
    database and `replace` is not given, or when `up` runs; Misconfigured when the file is no backup.
    """
    with tempfile.TemporaryDirectory(prefix="headgate-restore-") as scratch:
        keys = _read_tar(file, Path(scratch))
        with held(folder):
            if (embedded_folder(folder) / "PG_VERSION").exists() and not replace:
                raise Conflict(f"{folder} holds a database already; pass --replace to put this in its place")
            with EmbeddedPostgres(folder) as server:
                _swap_in(server, Path(scratch) / DUMP)
            for key in keys:
                write_private(folder / key.name, key.read_text(encoding="utf-8"))


def upgrade(folder: Path) -> Upgrade:
    """Bring the embedded database's tables to this version.

    Raises Misconfigured when its PostgreSQL is of another major version, and says how to move it.
    """
    if not (embedded_folder(folder) / "PG_VERSION").exists():
        others = sorted(path.name for path in folder.glob("postgres-*") if (path / "PG_VERSION").exists())
        if not others:
            raise Misconfigured(_nothing_here(folder))
        raise Misconfigured(
            f"{folder} holds {others[-1]}, and this version brings PostgreSQL {MAJOR_VERSION}; run "
            "`headgate backup FILE` with the version that made it, then `headgate restore FILE` with this one"
        )
    with held(folder), EmbeddedPostgres(folder) as server:
        applied = asyncio.run(migrate(server.url))
    return Upgrade(before=MAJOR_VERSION, after=MAJOR_VERSION, applied=applied)


@contextmanager
def _running(folder: Path) -> Generator[EmbeddedPostgres]:
    """The folder's server: the one that runs under `up`, else one of our own for as long as it takes."""
    server = EmbeddedPostgres(folder)
    if server.pid is not None:
        yield server
        return
    with held(folder), server:
        yield server


def _swap_in(server: EmbeddedPostgres, dump: Path) -> None:
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        connection.execute("drop database if exists headgate_restored")
        connection.execute("create database headgate_restored")
        _run(
            "pg_restore",
            "--exit-on-error",
            "--no-owner",
            f"--dbname={server.url_of('headgate_restored')}",
            str(dump),
        )
        with psycopg.connect(server.url_of("headgate_restored"), autocommit=True) as restored:
            # Whoever was live when the backup was made is not waited for: only this folder has this database.
            # A backup of an earlier version may have no such table yet.
            if restored.execute("select to_regclass('gateways') is not null").fetchone() == (True,):
                restored.execute("delete from gateways")
        connection.execute("drop database if exists headgate with (force)")
        connection.execute("alter database headgate_restored rename to headgate")


def _write_tar(file: Path, members: list[Path]) -> None:
    beside = file.with_name(file.name + ".part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as raw:
        with tarfile.open(fileobj=raw, mode="w") as archive:
            for member in members:
                archive.add(member, arcname=member.name, recursive=False)
        raw.flush()
        os.fsync(raw.fileno())
    beside.rename(file)


def _read_tar(file: Path, scratch: Path) -> list[Path]:
    """Unpack the known members into `scratch`, whatever else the file holds; return the keys among them."""
    keys: list[Path] = []
    try:
        with tarfile.open(file, mode="r:") as archive:
            for member in archive:
                is_key = bool(_KEY_FILE.fullmatch(member.name)) and member.size <= KEY_BYTES_MAX
                if not member.isfile() or not (is_key or member.name in (MANIFEST, DUMP)):
                    raise Misconfigured(f"{file} is no backup of Headgate: it holds {member.name!r}")
                archive.extract(member, scratch, filter="data")
                if is_key:
                    keys.append(scratch / member.name)
        manifest = msgspec.json.decode((scratch / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, tarfile.TarError, msgspec.DecodeError) as error:
        raise Misconfigured(f"{file} is no backup of Headgate, or is damaged ({error})") from error
    if manifest.format != FORMAT or manifest.postgres_major > MAJOR_VERSION:
        raise Misconfigured(
            f"{file} has format {manifest.format} of PostgreSQL {manifest.postgres_major}; this version "
            f"reads format {FORMAT} up to PostgreSQL {MAJOR_VERSION}, so restore it with its writer"
        )
    return keys


def _run(command: str, *arguments: str) -> None:
    done = subprocess.run(  # noqa: S603 (our own binary and arguments)
        [str(binary_folder() / command), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise Unavailable(f"`{command}` ended with {done.returncode}: {done.stderr.strip()[-2000:]}")


def _nothing_here(folder: Path) -> str:
    return (
        f"{folder} holds no embedded database; name its folder with --data, or use your own "
        "PostgreSQL's tools where you gave --database-url"
    )
