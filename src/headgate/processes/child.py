"""One worker's place: starts its process, ends it when it hangs, and starts a successor when it ended.

Never decides when the whole is done: `supervisor` does. Read next: `worker`, the other end of the pipe.
"""

import asyncio
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Sequence

import msgspec

from headgate.processes.spec import WorkerSpec

log = logging.getLogger("headgate.processes")

READY = b"R"
BEAT = b"."
EXIT_MISCONFIGURED = 78
"""A worker's exit status (EX_CONFIG of sysexits.h) for what starting again can't mend."""


class ChildRules(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds and counts that bound a child: beats, start, back-off between starts."""

    hung_after_s: float = 10.0
    start_s_max: float = 60.0
    backoff_s: float = 0.1
    backoff_s_max: float = 10.0
    stable_after_s: float = 30.0
    first_starts_max: int = 3


class ChildFailed(Exception):
    """The child could not be started in the first place; starting again won't help."""


class Child:
    """Keeps one worker process alive. `ready` is set once it serves for the first time."""

    def __init__(
        self, title: str, make_spec: Callable[[int], WorkerSpec], command: Sequence[str], rules: ChildRules
    ) -> None:
        self.title = title
        self.ready = asyncio.Event()
        self.starts = 0
        self._make_spec = make_spec
        self._command = tuple(command)
        self._rules = rules
        self._process: asyncio.subprocess.Process | None = None
        self._last_beat = 0.0
        self._serving = False
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process id of the present incarnation."""
        return self._process.pid if self._process is not None else None

    async def keep(self) -> None:
        """Run incarnations until `stop`. Raises ChildFailed when it never once came up."""
        failures = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            lived_s = time.monotonic() - began
            failures = 0 if lived_s >= self._rules.stable_after_s else failures + 1
            if not self.ready.is_set() and (
                code == EXIT_MISCONFIGURED or failures >= self._rules.first_starts_max
            ):
                raise ChildFailed(f"{self.title} ended with status {code} before it served; its log says why")
            wait_s = min(self._rules.backoff_s * 2 ** min(failures, 16), self._rules.backoff_s_max)
            wait_s *= random.uniform(0.5, 1.0)
            log.warning("%s ended with status %s; its successor starts in %.1f s", self.title, code, wait_s)
            try:
                await asyncio.wait_for(self._stopping.wait(), wait_s)
            except TimeoutError:
                continue

    async def stop(self, timeout_s: float) -> None:
        """Ask the process to drain, wait for its end, and kill it after `timeout_s`."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        _signal(process, force=False)
        try:
            await asyncio.wait_for(process.wait(), timeout_s)
        except TimeoutError:
            log.warning("%s did not drain within %.0f s and is killed", self.title, timeout_s)
            _signal(process, force=True)
            await process.wait()

    def kill(self) -> None:
        """End the process at once, and start no successor."""
        self._stopping.set()
        if self._process is not None:
            _signal(self._process, force=True)

    async def _run_once(self) -> int:
        self.starts += 1
        self._serving = False
        self._last_beat = time.monotonic()
        beats, beats_out = os.pipe()
        os.set_blocking(beats, False)
        spec = self._make_spec(beats_out)
        loop = asyncio.get_running_loop()
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=sys.stderr.fileno(),
                pass_fds=(beats_out, *spec.listen_fds),
                start_new_session=True,  # a Ctrl-C at the terminal is the supervisor's alone
            )
        finally:
            os.close(beats_out)
        loop.add_reader(beats, self._read_beats, beats)
        try:
            if self._stopping.is_set():
                _signal(process, force=True)
            await self._tell(process, spec)
            return await self._watch(process)
        finally:
            loop.remove_reader(beats)
            os.close(beats)

    async def _tell(self, process: asyncio.subprocess.Process, spec: WorkerSpec) -> None:
        stdin = process.stdin
        if stdin is None:
            return
        try:
            stdin.write(msgspec.json.encode(spec))
            await stdin.drain()
            stdin.close()
            await stdin.wait_closed()
        except (BrokenPipeError, ConnectionResetError, RuntimeError):  # uvloop: "the handler is closed"
            log.warning("%s ended before it read its spec", self.title)

    async def _watch(self, process: asyncio.subprocess.Process) -> int:
        rules = self._rules
        ended = asyncio.ensure_future(process.wait())
        killed = False
        while True:
            await asyncio.wait({ended}, timeout=min(0.5, rules.hung_after_s / 4))
            if ended.done():
                return ended.result()
            silent_s = time.monotonic() - self._last_beat
            allowed_s = rules.hung_after_s if self._serving else rules.start_s_max
            if silent_s > allowed_s and not killed and not self._stopping.is_set():
                log.error("%s gave no sign for %.1f s and is killed", self.title, silent_s)
                _signal(process, force=True)
                killed = True

    def _read_beats(self, beats: int) -> None:
        try:
            data = os.read(beats, 4096)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(beats)
            return
        self._last_beat = time.monotonic()
        if READY in data:
            self._serving = True
            self.ready.set()


def _signal(process: asyncio.subprocess.Process, *, force: bool) -> None:
    try:
        if force:
            process.kill()
        else:
            process.terminate()
    except ProcessLookupError:
        log.debug("process %s had ended already", process.pid)
