"""What the attack needs of whom it attacks: where to call, whom to kill, which store to stop, the accounts.

Read next: `bench.overspend_headgate`, `bench.overspend_peers`, `bench.overspend`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from bench.overspend_clients import Place, Seen
from bench.overspend_provider import Running as Shop
from bench.starting import (
    PORTS_MAX,
    CannotStart,
    PortTaken,
    end_program,
    need_programs,
    on_free_port,
    program,
    wait_for_port,
)

LIMIT_USD = 1
PROCESSES = 2
MODEL = "gpt-4o"
START_S_MAX = 120.0


class Account(NamedTuple):
    """What the attacked say afterwards: answers without a record, and what they counted, in pico-USD."""

    lost: int | None
    counted: int | None


class Attacked(NamedTuple):
    """A gateway with a limit of 1 USD.

    `kill` ends one of its processes without a word, and another follows; False when there was none to kill.
    """

    version: str
    place: Place
    headers: Mapping[str, str]
    model: str
    kill: Callable[[], bool]
    stop_store: Callable[[], None]
    start_store: Callable[[], None]
    account: Callable[[Sequence[Seen]], Account]
    notes: Sequence[str]


Start = Callable[[Shop, Path], AbstractContextManager[Attacked]]
"""Starts one, in a folder of its own, in front of a provider."""


StartOne = Callable[[int, int], tuple[subprocess.Popen[bytes], Callable[[], int]]]
"""Takes the place in the row and the port it had (0: none yet); gives the process, and what waits until it
serves and returns its port. That raises CannotStart."""


class Flock:
    """Gateway processes that are started again when they end, as any service manager does."""

    def __init__(self, start: StartOne, count: int) -> None:
        """`start` is described there."""
        self.ports: list[int] = [0] * count
        self._start = start
        self._running: list[subprocess.Popen[bytes] | None] = [None] * count
        self._serves = [False] * count
        self._turn = 0
        self._returning: list[threading.Thread] = []
        self._ending = False

    def begin(self) -> None:
        """Start all, at the same time. Raises CannotStart when one does not come up."""
        starting = [threading.Thread(target=self._revive, args=(at,)) for at in range(len(self.ports))]
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()
        if not all(self._serves):
            raise CannotStart("not all gateway processes have started")

    def kill(self) -> bool:
        """End the next one that serves with SIGKILL, and let its successor start; False when none serves."""
        for _ in self.ports:
            at, self._turn = self._turn % len(self.ports), self._turn + 1
            process = self._running[at]
            if process is None or not self._serves[at] or process.poll() is not None:
                continue
            self._serves[at] = False
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._returning.append(threading.Thread(target=self._revive, args=(at,)))
            self._returning[-1].start()
            return True
        return False

    def end(self) -> None:
        """End all for good, also those that are only just starting."""
        self._ending = True
        self._end_running()
        for thread in self._returning:
            thread.join()
        self._end_running()

    def _end_running(self) -> None:
        for process in self._running:
            if process is not None:
                end_program(process)

    def _revive(self, at: int) -> None:
        for _ in range(PORTS_MAX):
            if self._ending:
                return
            # Kept before it is waited for, so that it is ended even if it never serves.
            process, wait = self._start(at, self.ports[at])
            self._running[at] = process
            try:
                self.ports[at] = wait()
            except PortTaken:
                end_program(process)
                continue
            except CannotStart as reason:
                if not self._ending:
                    print(f"a gateway process did not start: {reason}", file=sys.stderr)
                return
            self._serves[at] = True
            return


class Redis:
    """A Redis on the loopback that writes each change to its log, as one does that must not forget."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder
        self._stack = contextlib.ExitStack()

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, with what it had when it was stopped."""
        self._folder.mkdir(parents=True, exist_ok=True)
        command = [
            "redis-server",
            "--bind",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--dir",
            str(self._folder),
        ]
        log = self._folder / "output.log"
        kept = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        process = self._stack.enter_context(program([*command, *kept], log))
        wait_for_port(process, self.port, log)

    def stop(self) -> None:
        """Stop it in order."""
        self._stack.close()

    def get(self, key: str) -> str:
        """What stands under a key; empty where nothing does."""
        command = ["redis-cli", "-p", str(self.port), "--raw", "get", key]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@contextlib.contextmanager
def redis(folder: Path) -> Generator[Redis]:
    """Run a Redis for the length of a `with` block. Raises CannotStart."""
    need_programs(("redis-server",))
    with on_free_port(lambda port: _redis(folder, port)) as (_, running):
        yield running


@contextlib.contextmanager
def _redis(folder: Path, port: int) -> Generator[Redis]:
    running = Redis(folder, port)
    try:
        running.start()
        yield running
    finally:
        running.stop()
