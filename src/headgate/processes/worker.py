"""The frame around a worker: its loop, signals, heartbeat, watch on its parent, and exit status.

Knows nothing of what the worker serves: `main` passes a context manager that yields a `Service`.
Read next: `child`, the supervisor's end of the pipe.
"""

import asyncio
import ctypes
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import setproctitle
import uvloop

from headgate.core.faults import Fault, Misconfigured
from headgate.processes import log as logs
from headgate.processes.child import BEAT, EXIT_MISCONFIGURED, READY
from headgate.processes.memory import give_back, keep_thresholds
from headgate.processes.spec import WorkerSpec, read_spec
from headgate.store.tasks import end_tasks

log = logging.getLogger("headgate.processes")

BEAT_EVERY_S = 1.0
LAST_STEPS_S = 5.0
"""What a service gets after its drain to return from `run`, and what its clean-up gets after that."""

_PR_SET_PDEATHSIG = 1


class Service(Protocol):
    """What a worker does, once its context manager has made it ready to serve."""

    async def run(self) -> None:
        """Serve until `drain` has ended."""
        ...

    async def drain(self, timeout_s: float) -> None:
        """Take nothing new, and finish what is in flight within `timeout_s`; then let `run` return."""
        ...


Start = Callable[[WorkerSpec], AbstractAsyncContextManager[Service]]


def work(start: Start) -> int:
    """Run the worker that the spec on standard input describes; return its exit status."""
    return run_worker(read_spec(sys.stdin.buffer), start)


def run_worker(spec: WorkerSpec, start: Start) -> int:
    """Run one worker until it is told to drain or its parent dies; return its exit status.

    0 after a drain, 78 for a configuration that starting again can't mend, 1 for anything else.
    """
    setproctitle.setproctitle(f"headgate {spec.title}")
    logs.configure(spec.title, json=spec.log_json)
    die_with_parent(spec.parent_pid)
    if spec.role != "gateway":
        keep_thresholds()
    try:
        return uvloop.run(_work(spec, start))
    except Misconfigured as fault:
        log.error("%s", fault)
        return EXIT_MISCONFIGURED
    except Fault as fault:
        log.error("%s", fault)
        return 1
    except Exception:
        log.exception("%s ended unexpectedly", spec.title)
        return 1


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel send SIGTERM when the supervisor ends, so that no orphan is left (Linux)."""
    if sys.platform == "linux":
        prctl: Any = ctypes.CDLL(None, use_errno=True).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGTERM)


def _freeze() -> None:
    """Take what the start has made out of the collector's sight: all of it stays until the end.

    A full collection would stop every call for some 16 ms to walk it. What the start needed for a while goes
    back to the kernel before.
    """
    gc.collect()
    give_back()
    gc.freeze()


async def _work(spec: WorkerSpec, start: Start) -> int:
    draining = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, draining.set)
    beating = asyncio.create_task(_beat(spec, draining))
    try:
        async with start(spec) as service:
            running = asyncio.ensure_future(service.run())
            try:
                _freeze()
                _say(spec.heartbeat_fd, READY)
                return await _until_done(spec, service, running, draining)
            finally:
                await _ended(running)
    finally:
        await _ended(beating)


async def _until_done(
    spec: WorkerSpec, service: Service, running: "asyncio.Future[None]", draining: asyncio.Event
) -> int:
    asked = asyncio.create_task(draining.wait())
    await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
    await _ended(asked)
    if running.done():
        running.result()
        log.error("%s stopped serving without being told to", spec.title)
        return 1
    log.info("%s drains", spec.title)
    await _bounded(service.drain(spec.drain_s), spec.drain_s + LAST_STEPS_S)
    await asyncio.wait({running}, timeout=LAST_STEPS_S)
    if running.done():
        running.result()
    return 0


async def _bounded(work: Awaitable[None], timeout_s: float) -> None:
    try:
        await asyncio.wait_for(work, timeout_s)
    except TimeoutError:
        log.warning("the drain took longer than %.0f s and was given up", timeout_s)


async def _ended(task: "asyncio.Future[Any]") -> None:
    """Cancel a task that still runs, and wait until it is gone. Errors of finished tasks stay theirs."""
    await end_tasks([task])


async def _beat(spec: WorkerSpec, draining: asyncio.Event) -> None:
    """Tell the supervisor that this loop turns; drain when the supervisor is gone."""
    while True:
        if os.getppid() != spec.parent_pid or not _say(spec.heartbeat_fd, BEAT):
            log.warning("%s has lost its supervisor", spec.title)
            draining.set()
            return
        await asyncio.sleep(BEAT_EVERY_S)


def _say(heartbeat_fd: int, word: bytes) -> bool:
    try:
        os.write(heartbeat_fd, word)
    except BrokenPipeError:
        return False
    return True
