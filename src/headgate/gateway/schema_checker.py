"""Asks processes of their own whether answers keep to their schemas, so that no schema and no answer holds up
the calls of others.

At most two, started when the first is needed; one that is killed by its limits is replaced when the next is.
Waits are bounded, and never fail: what can't be found out is said like what was found. Read next:
`gateway.schema_process`, `gateway.validated`.
"""

import asyncio
import hashlib
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from typing import Final

import msgspec

from headgate.core.faults import Unavailable
from headgate.gateway.schema_process import LENGTH_BYTES, PROCESSOR_S_MAX, Job, framed

log = logging.getLogger("headgate.gateway")

PROCESSES_MAX: Final = 2
WAIT_S_MAX: Final = 10.0
"""For a process that is free, and for its answer: far more than its processor time, on a busy machine."""
GOODBYE_S_MAX: Final = 2.0
SCHEMAS_KNOWN_MAX: Final = 1024
SCHEMA_BYTES_MAX: Final = 1024 * 1024
ANSWER_CHARACTERS_MAX: Final = 8 * 1024 * 1024
MODULE: Final = "headgate.gateway.schema_process"


class _Ended(Exception):
    """A process is gone before it answered. `was_idle`: it may have died long before."""

    def __init__(self, *, was_idle: bool) -> None:
        super().__init__()
        self.was_idle = was_idle


class SchemaChecker:
    """Holds answers against schemas, in processes that it owns until `stop`."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(PROCESSES_MAX)
        self._idle: list[Process] = []
        self._killed: list[Process] = []
        self._known: dict[bytes, str | None] = {}

    @property
    def processes(self) -> tuple[Process, ...]:
        """Those that wait for work."""
        return tuple(self._idle)

    async def fault_of(self, schema: bytes) -> str | None:
        """Why no answer can be held against a schema (JSON); None where it is a good one.

        Remembered for a thousand schemas. Raises Unavailable where no process can be started.
        """
        if len(schema) > SCHEMA_BYTES_MAX:
            return f"it is larger than {SCHEMA_BYTES_MAX} bytes"
        digest = hashlib.blake2b(schema, digest_size=16).digest()
        if digest in self._known:
            return self._known[digest]
        found = await self._ask(Job(schema))
        fault = f"it can't be read within {PROCESSOR_S_MAX:g} s" if found is None else next(iter(found), None)
        self._remember(digest, fault)
        return fault

    async def violations(self, schema: bytes, text: str, *, quotes: bool) -> list[str]:
        """Where a text fails to be JSON that the schema admits, each as path and reason; empty where it is.

        A schema that takes too long is no good one from then on. Raises Unavailable as `fault_of`.
        """
        if len(text) > ANSWER_CHARACTERS_MAX:
            return [
                f"$: is longer than {ANSWER_CHARACTERS_MAX} characters, and is not held against the schema"
            ]
        found = await self._ask(Job(schema, text, quotes))
        if found is None:
            limit = f"within {PROCESSOR_S_MAX:g} s"
            fault = f"answers can't be held against it {limit}: make it simpler"
            self._remember(hashlib.blake2b(schema, digest_size=16).digest(), fault)
            return [f"$: can't be held against the schema {limit}"]
        return found

    async def stop(self) -> None:
        """End the processes that are idle; those at work end with what they are asked."""
        for process in self._idle:
            if process.stdin is not None:
                process.stdin.close()
        for process in [*self._idle, *self._killed]:
            try:
                async with asyncio.timeout(GOODBYE_S_MAX):
                    await process.wait()
            except TimeoutError:
                _kill(process)
        self._idle.clear()
        self._killed.clear()

    def _end(self, process: Process) -> None:
        """Kill a process; `stop` waits for those that are not gone by then."""
        _kill(process)
        self._killed = [one for one in self._killed if one.returncode is None]
        self._killed.append(process)

    def _remember(self, digest: bytes, fault: str | None) -> None:
        if len(self._known) >= SCHEMAS_KNOWN_MAX:
            self._known.clear()
        self._known[digest] = fault

    async def _ask(self, job: Job) -> list[str] | None:
        """What a process finds; None where it finds nothing out within its limits."""
        try:
            async with asyncio.timeout(WAIT_S_MAX):
                async with self._room:
                    try:
                        return await self._once(job)
                    except _Ended as ended:
                        if not ended.was_idle:
                            return None
                    return await self._once(job)
        except (TimeoutError, _Ended):
            return None

    async def _once(self, job: Job) -> list[str]:
        was_idle = bool(self._idle)
        process = self._idle.pop() if was_idle else await _started()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(framed(msgspec.msgpack.encode(job)))
            await process.stdin.drain()
            length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES))
            found = msgspec.msgpack.decode(await process.stdout.readexactly(length), type=list[str])
        except (
            asyncio.IncompleteReadError,
            ConnectionError,
            RuntimeError,
        ):  # uvloop: "the handler is closed"
            self._end(process)
            raise _Ended(was_idle=was_idle) from None
        except BaseException:  # what it would still say is nobody's answer any more
            self._end(process)
            raise
        self._idle.append(process)
        return found


async def _started() -> Process:
    """Start a process that knows where our code is, and nothing else of this one's environment."""
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            MODULE,
            stdin=PIPE,
            stdout=PIPE,
            env={"PYTHONPATH": paths},
            start_new_session=True,  # a Ctrl-C at the terminal is the supervisor's alone
        )
    except OSError as error:
        log.error("no process can be started that holds answers against schemas: %s", error)
        raise Unavailable("answers can't be held against schemas now: no process can be started") from None


def _kill(process: Process) -> None:
    try:
        process.kill()
    except ProcessLookupError:
        log.debug("process %s had ended already", process.pid)
