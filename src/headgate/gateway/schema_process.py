"""A process of its own that holds answers against schemas: both come from outside, and together they can take
any time and memory.

Reads jobs from its standard input and writes what it finds to its output, until the input ends. What takes
over half a second of processor time ends it at once, by the kernel: no code of ours has to notice. Never
sees a credential. Read next: `gateway.schema_checker`, which starts it and asks.
"""

import contextlib
import resource
import signal
import sys
from typing import BinaryIO, Final

import msgspec
import setproctitle

from headgate.core.chat import Fields
from headgate.wire.dialects.validating import fault_of, violations

PROCESSOR_S_MAX: Final = 0.5
MEMORY_BYTES_MAX: Final = 2 * 1024**3
LENGTH_BYTES: Final = 4


class Job(msgspec.Struct, frozen=True, array_like=True):
    """A schema as JSON, and an answer to hold against it; without one, the schema itself is looked at.

    `quotes`: whether what is found may quote the answer.
    """

    schema: bytes
    text: str | None = None
    quotes: bool = True


def framed(content: bytes) -> bytes:
    """Content with its length before it, as both sides write it."""
    return len(content).to_bytes(LENGTH_BYTES) + content


def found_by(job: Job) -> list[str]:
    """What is wrong with the job's schema, or with its answer; empty where nothing is."""
    schema = msgspec.json.decode(job.schema, type=Fields)
    if job.text is not None:
        return violations(job.text, schema, quotes=job.quotes)
    fault = fault_of(schema)
    return [] if fault is None else [fault]


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Do jobs until there are no more."""
    while len(head := jobs.read(LENGTH_BYTES)) == LENGTH_BYTES:
        job = msgspec.msgpack.decode(jobs.read(int.from_bytes(head)), type=Job)
        signal.setitimer(signal.ITIMER_PROF, PROCESSOR_S_MAX)
        found = found_by(job)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(framed(msgspec.msgpack.encode(found)))
        answers.flush()


if __name__ == "__main__":
    setproctitle.setproctitle("headgate schemas")
    with contextlib.suppress(ValueError):  # not every system bounds memory so
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    serve(sys.stdin.buffer, sys.stdout.buffer)
