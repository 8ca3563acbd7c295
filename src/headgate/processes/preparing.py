"""What is done once before any worker starts, in a process of its own: both ends of that.

The supervisor lives as long as all others together, so what only a start needs is never loaded into it.
Read next: `headgate.main.preparing`, `supervisor`.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
import setproctitle
import uvloop

from headgate.core.faults import Conflict, Fault, InvalidRequest, Misconfigured, Unavailable
from headgate.processes import log as logs
from headgate.processes.spec import Prepared, UpOptions
from headgate.processes.worker import die_with_parent

_FAULTS: Final = {each.__name__: each for each in (Conflict, InvalidRequest, Misconfigured, Unavailable)}


class PrepareSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is told on its standard input, and not in arguments: the URL may hold a password."""

    options: UpOptions
    database_url: str
    parent_pid: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the process says on its standard output; without `prepared`, the fault that it met."""

    prepared: Prepared | None = None
    fault: str = ""
    message: str = ""


Prepare = Callable[[UpOptions, str], Awaitable[Prepared]]
"""Takes the options and the database's URL, and does what has to be done before any worker starts."""


async def prepared_by(command: Sequence[str], options: UpOptions, database_url: str) -> Prepared:
    """Have a process of its own prepare, wait for its end, and return what it found.

    Raises the fault that it met; Misconfigured where it ended without a word, which its log explains.
    """
    spec = PrepareSpec(options=options, database_url=database_url, parent_pid=os.getpid())
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C at the terminal is the supervisor's alone
    )
    said, _ = await process.communicate(msgspec.json.encode(spec))
    try:
        outcome = msgspec.json.decode(said, type=Outcome)
    except msgspec.DecodeError:
        raise Misconfigured(
            f"what prepares the start ended with status {process.returncode}; its log says why"
        ) from None
    if outcome.prepared is None:
        raise _FAULTS.get(outcome.fault, Unavailable)(outcome.message)
    return outcome.prepared


def prepare_once(prepare: Prepare) -> int:
    """Prepare what standard input asks for and say on standard output what came of it; return the status."""
    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=PrepareSpec)
    setproctitle.setproctitle("headgate up, preparing")
    logs.configure("up", json=logs.wants_json(spec.options.log_json))
    die_with_parent(spec.parent_pid)
    outcome = uvloop.run(_outcome(prepare, spec))
    sys.stdout.buffer.write(msgspec.json.encode(outcome))
    sys.stdout.buffer.flush()
    return 0 if outcome.prepared is not None else 1


async def _outcome(prepare: Prepare, spec: PrepareSpec) -> Outcome:
    try:
        return Outcome(prepared=await prepare(spec.options, spec.database_url))
    except Fault as fault:
        return Outcome(fault=type(fault).__name__, message=fault.message)
