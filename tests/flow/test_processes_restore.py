"""Backup and restore of a real embedded database."""

import stat
import tarfile
from pathlib import Path

import psycopg
import pytest

from headgate.core.faults import Conflict, Misconfigured
from headgate.processes.backup import backup, restore, upgrade
from headgate.processes.folder import held
from headgate.store.embedded import EmbeddedPostgres

QUICK = {"fsync": "off", "full_page_writes": "off"}


def write(server: EmbeddedPostgres, text: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("create table if not exists kept (text text)")
        connection.execute("insert into kept values (%s)", (text,))


def read(server: EmbeddedPostgres) -> list[str]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        return [row[0] for row in connection.execute("select text from kept order by text")]


def test_what_was_backed_up_while_running_comes_back_elsewhere_and_in_place(scratch_path: Path) -> None:
    first, second, file = scratch_path / "first", scratch_path / "second", scratch_path / "backup.tar"
    with EmbeddedPostgres(first, settings=QUICK) as server:
        (first / "admin.key").write_text("hg_admin_key\n")
        write(server, "before")
        made = backup(first, file)
        write(server, "after")
    assert made.size_bytes == file.stat().st_size > 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    restore(second, file, replace=False)
    with EmbeddedPostgres(second, settings=QUICK) as server:
        assert read(server) == ["before"]
    assert (second / "admin.key").read_text() == "hg_admin_key\n"
    assert stat.S_IMODE((second / "admin.key").stat().st_mode) == 0o600

    with pytest.raises(Conflict, match="--replace"):
        restore(first, file, replace=False)
    restore(first, file, replace=True)
    with EmbeddedPostgres(first, settings=QUICK) as server:
        assert read(server) == ["before"]
    with pytest.raises(Conflict, match="exists already"):
        backup(first, file)
    assert upgrade(first).applied, "the migrations of this version had never been applied to it"
    assert upgrade(first).applied == []


def test_nothing_is_restored_under_a_running_up(tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"format": 1, "postgres_major": 18}')
    with tarfile.open(file, "w") as archive:
        archive.add(manifest, arcname="manifest.json")
    with held(tmp_path / "data"), pytest.raises(Conflict, match="in use by process"):
        restore(tmp_path / "data", file, replace=True)


@pytest.mark.parametrize("name", ["../escape.key", "/etc/absolute.key", "other.txt"])
def test_a_tar_that_holds_something_else_is_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "backup.tar"
    with tarfile.open(file, "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(Misconfigured, match="no backup"):
        restore(tmp_path / "data", file, replace=False)


@pytest.mark.parametrize(
    "manifest", ['{"format": 9, "postgres_major": 18}', '{"format": 1, "postgres_major": 99}', "{", "{}"]
)
def test_a_backup_of_a_later_version_or_a_damaged_one_is_refused(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "manifest.json").write_text(manifest)
    file = tmp_path / "backup.tar"
    with tarfile.open(file, "w") as archive:
        archive.add(tmp_path / "manifest.json", arcname="manifest.json")
    with pytest.raises(Misconfigured):
        restore(tmp_path / "data", file, replace=False)


def test_a_folder_without_a_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="holds no embedded database"):
        backup(tmp_path, tmp_path / "backup.tar")
    with pytest.raises(Misconfigured, match="holds no embedded database"):
        upgrade(tmp_path)
    (tmp_path / "postgres-17").mkdir()
    (tmp_path / "postgres-17" / "PG_VERSION").write_text("17\n")
    with pytest.raises(Misconfigured, match="postgres-17"):
        upgrade(tmp_path)
