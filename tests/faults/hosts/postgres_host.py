"""A real PostgreSQL on a host of its own, a standby that streams from it, and the switch to it.

From the same binaries as the embedded server, as the user whom that one runs as. Durability against a loss of
power is left out: these servers lose their lines and their processes, not their memory.
"""

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

import psycopg
from tests.faults.hosts.network import Host

from headgate.store.embedded import SYSTEM_USER, binary_folder

STARTED_S_MAX = 60
_SETTINGS = {
    "listen_addresses": "*",
    "max_connections": "100",
    "fsync": "off",
    "full_page_writes": "on",
    "autovacuum": "off",
    "wal_level": "replica",
    "wal_log_hints": "on",
    "max_wal_senders": "6",
    "wal_keep_size": "256MB",
    "log_min_messages": "warning",
    "wal_sender_timeout": "5s",
    "wal_receiver_timeout": "5s",
}


def account() -> pwd.struct_passwd:
    """The user whom servers run as, made where it lacks."""
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
        subprocess.run(command, check=False, capture_output=True)
        return pwd.getpwnam(SYSTEM_USER)


class PostgresHost:
    """One server: a primary, or the standby of another."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.folder = folder / f"postgres-{host.name}"
        self._account = account()

    @property
    def url(self) -> str:
        """The URL of its database `headgate`."""
        return self.url_of("headgate")

    def url_of(self, database: str) -> str:
        return f"postgresql://postgres@{self.host.store_address}:5432/{database}?connect_timeout=5"

    def make_primary(self) -> None:
        """Make the server's folder, start it, and make the database `headgate`."""
        self._make_folder()
        arguments = ("-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self._run("initdb", "-D", str(self.folder), *arguments)
        with (self.folder / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 0.0.0.0/0 trust\nhost replication all 0.0.0.0/0 trust\n")
        self.start()
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute("create database headgate")

    def make_standby_of(self, primary: "PostgresHost") -> None:
        """Copy the primary, and stream from it."""
        self._make_folder()
        source = f"host={primary.host.store_address} user=postgres application_name=standby"
        options = ("--write-recovery-conf", "--checkpoint=fast", "--no-sync")
        self._run("pg_basebackup", "-D", str(self.folder), "-d", source, *options)
        self.start()

    def start(self) -> None:
        options = " ".join(
            f"-c {name}='{value}'" for name, value in {**_SETTINGS, "unix_socket_directories": ""}.items()
        )
        log = str(self.folder / "server.log")
        self._run("pg_ctl", "-D", str(self.folder), "-l", log, "-o", options, "-w", "-t", "60", "start")

    def promote(self) -> None:
        """Make the standby a primary."""
        self._run("pg_ctl", "-D", str(self.folder), "-w", "-t", "60", "promote")

    def pause_receiving(self) -> None:
        """Let the standby receive nothing more, so that what is committed now is lost at a failover."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute("alter system set primary_conninfo = ''")
            connection.execute("select pg_reload_conf()")
        self.until("postgres", "select count(*) = 0 from pg_stat_wal_receiver")

    def set(self, name: str, value: str) -> None:
        """Change a setting for good, without a restart."""
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as connection:
            connection.execute(f"alter system set {name} = '{value}'".encode())
            connection.execute("select pg_reload_conf()")

    def until(self, database: str, question: str, timeout_s: float = 30.0) -> None:
        """Wait until a question in SQL is answered with yes."""
        deadline_s = time.monotonic() + timeout_s
        with psycopg.connect(self.url_of(database), autocommit=True) as connection:
            while True:
                row = connection.execute(question.encode()).fetchone()
                if row is not None and row[0]:
                    return
                assert time.monotonic() < deadline_s, f"not in time: {question}"
                time.sleep(0.05)

    def _make_folder(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700)
        os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)

    def _run(self, command: str, *arguments: str) -> None:
        identity = (f"--reuid={self._account.pw_uid}", f"--regid={self._account.pw_gid}", "--clear-groups")
        # Its folder and its binaries may lie below folders that are root's alone, and stay so.
        passage = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
        log = self.folder.with_name(f"{self.folder.name}.out")
        with log.open("a") as output:
            # To a file: a pipe would stay open in the server and be waited for without end.
            done = subprocess.run(
                self.host.command("setpriv", *identity, *passage, str(binary_folder() / command), *arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                timeout=STARTED_S_MAX * 2,
                check=False,
            )
        if done.returncode != 0:
            server_log = self.folder / "server.log"
            tail = server_log.read_text()[-2000:] if server_log.exists() else ""
            raise RuntimeError(f"{command} ended with {done.returncode}: {log.read_text()[-2000:]}\n{tail}")
