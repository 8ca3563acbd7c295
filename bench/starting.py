"""Starting and ending the programs of the benchmark, on the cores and with the tools that it needs.

Installs Debian packages only as root, peers only into the cache folder. Read next: `upstream`, `servers`.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

import httpx
import psutil

from bench.machine import tree

ROOT = Path(__file__).resolve().parent
CACHE = ROOT.parent / ".bench"
PACKAGES = {"nginx": "nginx-light", "gcc": "gcc libc6-dev", "taskset": "util-linux", "node": "nodejs"}
"""Programs, and the Debian packages that bring them where those have other names."""

END_S_MAX = 10.0
PORTS_MAX = 3
"""How many ports are tried when others take them first."""

T = TypeVar("T")


class CannotStart(Exception):
    """A program or server can't be installed or does not come up; the text says why."""


class PortTaken(CannotStart):
    """Another process listens on the port that was free a moment ago."""


def need_programs(names: Sequence[str]) -> None:
    """Make sure that programs are there. Raises CannotStart with a hint when they can't be installed."""
    missing = [name for name in names if shutil.which(name) is None]
    if not missing:
        return
    packages = " ".join(PACKAGES.get(name, name) for name in missing).split()
    hint = f"hint: apt-get install {' '.join(packages)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise CannotStart(f"{', '.join(missing)} must be installed for the benchmark\n{hint}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages]
    print(f"installing {', '.join(packages)} ...", file=sys.stderr)
    subprocess.run(["apt-get", "-qq", "update"], check=False, env=environment, stdout=subprocess.DEVNULL)
    done = subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)
    if done.returncode or any(shutil.which(name) is None for name in missing):
        raise CannotStart(f"{', '.join(packages)} could not be installed\n{hint}")


def compiled(name: str, folder: Path) -> Path:
    """Compile `bench/NAME.c` unless that was done since it changed, and return the program."""
    source, program = ROOT / f"{name}.c", folder / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-O2", "-Wall", "-o", str(program), str(source)], check=True)
    return program


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def on_free_port(start: Callable[[int], AbstractContextManager[T]]) -> Generator[tuple[int, T]]:
    """Start something on a free port, on another when that one is taken meanwhile; yields port and thing."""
    with contextlib.ExitStack() as stack:
        for left in reversed(range(PORTS_MAX)):
            port = free_port()
            try:
                started = stack.enter_context(start(port))
            except PortTaken:
                if not left:
                    raise
                continue
            yield port, started
            return


def first_in_line(command: Sequence[str]) -> list[str]:
    """The command, run before other processes of its cores, where this user may do that."""
    return ["nice", "-n", "-20", *command] if os.geteuid() == 0 else list(command)


@contextlib.contextmanager
def program(
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Generator[subprocess.Popen[bytes]]:
    """Run a program for the length of a `with` block, with its output in a file."""
    process = start_program(command, log, environment=environment, cwd=cwd)
    try:
        yield process
    finally:
        end_program(process)


def start_program(
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program as the first of its own group; whoever asks for it ends it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )


def end_program(process: subprocess.Popen[bytes]) -> None:
    """End a program with its whole group, since npm and shells start what they are asked for as a child."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=END_S_MAX)
            return


def wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path, timeout_s: float = 60.0) -> None:
    """Wait until the process itself listens on the port.

    Raises CannotStart with the end of the log when it doesn't come up; PortTaken when another was first.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.poll() is None:
        if _listens(process.pid, port):
            return
        time.sleep(0.05)
    tail = log.read_text(errors="replace")[-2000:]
    fault = PortTaken if "address already in use" in tail.lower() else CannotStart
    raise fault(f"{log.parent.name} did not start on port {port}\n{tail}")


def _listens(pid: int, port: int) -> bool:
    for each in tree({pid}):
        with contextlib.suppress(psutil.NoSuchProcess):
            for connection in psutil.Process(each).net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr[1] == port:
                    return True
    return False


def answers(url: str, headers: Mapping[str, str], body: bytes) -> httpx.Response:
    """Make one call, as the check that a server does what it will be measured at."""
    return httpx.post(url, headers=dict(headers), content=body, timeout=60, trust_env=False)
