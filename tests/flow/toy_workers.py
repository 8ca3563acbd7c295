"""Workers that stand in for real roles: each answers a line on its sockets and notes what happened to it.

Started by the supervisor as `python -m tests.flow.toy_workers ROLE`.
"""

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from headgate.core.faults import Misconfigured
from headgate.processes.spec import WorkerSpec, read_spec
from headgate.processes.worker import run_worker


class ToyService:
    """Answers `pid` with its process id; `hang` blocks the loop, `exit` ends the process, `slow` waits."""

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._draining = asyncio.Event()
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._servers: list[asyncio.Server] = []

    async def begin(self) -> None:
        for number in self._spec.listen_fds:
            opened = socket.socket(fileno=number)
            self._servers.append(await asyncio.start_server(self._answer, sock=opened))

    async def run(self) -> None:
        await self._draining.wait()

    async def drain(self, timeout_s: float) -> None:
        for server in self._servers:
            server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        note(self._spec, f"{self._spec.title} drained")
        self._draining.set()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._busy += 1
        self._idle.clear()
        try:
            word = (await reader.readline()).decode().strip()
            if word == "hang":
                time.sleep(60)  # noqa: ASYNC251 (a hung loop is what the test is about)
            if word == "exit":
                os._exit(3)
            if word == "slow":
                note(self._spec, "slow began")
                await asyncio.sleep(0.4)
            writer.write(f"{os.getpid()}\n".encode())
            await writer.drain()
        finally:
            writer.close()
            self._busy -= 1
            if not self._busy:
                self._idle.set()


def note(spec: WorkerSpec, text: str) -> None:
    with (Path(spec.data_dir) / "events").open("a") as file:
        file.write(text + "\n")


@asynccontextmanager
async def start(spec: WorkerSpec) -> AsyncGenerator[ToyService]:
    if (Path(spec.data_dir) / "refuse").exists():
        raise Misconfigured("the toy was told to refuse its configuration")
    note(spec, f"{spec.title} started {os.getpid()} boot {spec.boot}")
    service = ToyService(spec)
    await service.begin()
    yield service


if __name__ == "__main__":
    sys.exit(run_worker(read_spec(sys.stdin.buffer), start))
