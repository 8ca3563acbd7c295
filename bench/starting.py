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
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent
CACHE = ROOT.parent / ".bench"
PACKAGES = {"nginx": "nginx-light", "wrk": "wrk", "gcc": "gcc", "taskset": "util-linux"}
"""Programs, and the Debian packages that bring them."""

END_S_MAX = 10.0


class CannotStart(Exception):
    """A server can't be installed or does not come up; the text says why."""


def need_programs(names: Sequence[str]) -> None:
    """Make sure that programs are there. Raises SystemExit with a hint when they can't be installed."""
    missing = [name for name in names if shutil.which(name) is None]
    if not missing:
        return
    packages = [PACKAGES.get(name, name) for name in missing]
    hint = f"hint: apt-get install {' '.join(packages)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise SystemExit(f"error: {', '.join(missing)} must be installed for the benchmark\n{hint}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages]
    print(f"installing {', '.join(packages)} ...", file=sys.stderr)
    subprocess.run(["apt-get", "-qq", "update"], check=False, env=environment, stdout=subprocess.DEVNULL)
    done = subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)
    if done.returncode or any(shutil.which(name) is None for name in missing):
        raise SystemExit(f"error: {', '.join(packages)} could not be installed\n{hint}")


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
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    # The whole group, since npm and shells start what they are asked for as a child.
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=END_S_MAX)
            return


def wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path, timeout_s: float = 60.0) -> None:
    """Wait until something listens. Raises CannotStart with the end of the log when nothing comes up."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    tail = log.read_text(errors="replace")[-2000:]
    raise CannotStart(f"{log.parent.name} did not start on port {port}\n{tail}")


def answers(url: str, headers: Mapping[str, str], body: bytes) -> httpx.Response:
    """Make one call, as the check that a server does what it will be measured at."""
    return httpx.post(url, headers=dict(headers), content=body, timeout=60, trust_env=False)
