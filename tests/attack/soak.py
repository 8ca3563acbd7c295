"""The soak: an hour of mixed load on a whole Headgate, then a million simulated schedules.

    python -m tests.attack.soak --minutes 60

Memory, handles, tasks and connections must stay flat, and every answered call be on record once.
Read next: `soak_load` (who comes), `soak_samples` (what is looked at, and the bounds).
"""

import argparse
import asyncio
import logging
import os
import subprocess
import sys
import time

import msgspec
import psycopg
from demo.running import Running, headgate
from tests.attack.soak_load import Load, Providers
from tests.attack.soak_samples import Row, Samples, table

SCHEDULES = 1_000_000
SHIPPED_S_MAX = 90.0
LIMITED_PART_MAX = 0.001
"""Shares of rate limits follow load that moves within two seconds, and refuse what comes before."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a soak found. `lost` were answered and are not on record; `twice` are there more than once."""

    rows: list[Row]
    counts: dict[str, int]
    answered: int
    lost: list[str]
    twice: list[str]
    surprises: list[str]
    errors: list[str]

    @property
    def problems(self) -> list[str]:
        """Everything that must not be."""
        found = [f"{row.measure} grows" for row in self.rows if row.judged == "GROWS"]
        limited = self.counts.get("limited", 0)
        if limited > LIMITED_PART_MAX * self.answered:
            found.append(f"{limited} calls were refused for rate limits that are hardly used")
        found += [f"answered and not on record: {name}" for name in self.lost[:5]]
        found += [f"on record more than once: {name}" for name in self.twice[:5]]
        return found + self.surprises[:10] + self.errors[:5]

    def text(self) -> str:
        """The table and the counts."""
        counted = ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))
        return (
            f"{table(self.rows)}\n\n{counted}\n{self.answered} calls answered, {len(self.lost)} not on record"
        )


async def soak(
    minutes: float, *, workers: int = 2, sample_s: float, settle_s: float, kill_s: float
) -> Outcome:
    """Load a Headgate of its own for so long and look at it meanwhile.

    The first `settle_s` seconds of a process's life don't count; a worker is killed every `kill_s` seconds.
    """
    async with Providers() as providers:
        place = headgate(providers.config(), workers=workers, environment={"SOAK_CLAUDE": "sk-soak"})
        running = await asyncio.to_thread(place.__enter__)
        try:
            key = await asyncio.to_thread(running.make_key, "soak", may_assert=True)
            load, samples = Load(running, key), Samples(running, settle_s)
            looking = asyncio.create_task(_look(samples, sample_s))
            try:
                await load.run(minutes * 60, kill_s)
            finally:
                looking.cancel()
                await asyncio.wait([looking])
            on_record = await asyncio.to_thread(_on_record, running, load.answered)
            counts = dict(load.counts)
        finally:
            await asyncio.to_thread(place.__exit__, None, None, None)
        return Outcome(
            rows=samples.rows(),
            counts=counts,
            answered=len(load.answered),
            lost=sorted(load.answered - set(on_record)),
            twice=sorted(name for name, times in on_record.items() if times > 1),
            surprises=load.surprises,
            errors=[] if not looking.cancelled() and looking.exception() is None else _told(looking),
        )


def _told(looking: "asyncio.Task[None]") -> list[str]:
    if looking.cancelled():
        return []
    return [f"the samples ended: {looking.exception()!r}"]


async def _look(samples: Samples, every_s: float) -> None:
    while True:
        await asyncio.to_thread(samples.look)
        await asyncio.sleep(every_s)


def _on_record(running: Running, answered: set[str]) -> dict[str, int]:
    """How often each call is on record, once all that were answered are, or time is up."""
    deadline = time.monotonic() + SHIPPED_S_MAX
    while True:
        with psycopg.connect(running.database_url(), autocommit=True) as connection:
            rows = connection.execute("select id::text, count(*) from requests group by id").fetchall()
        found = {str(name): int(times) for name, times in rows}
        if answered <= found.keys() or time.monotonic() > deadline:
            return found
        time.sleep(1.0)


def main() -> int:
    """Soak, then simulate; return 1 where anything did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--schedules", type=int, default=SCHEDULES, help="simulated schedules; 0 for none")
    given = parser.parse_args()
    # The stand-ins' server says so for each byte that a client who has gone does not take.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    outcome = asyncio.run(
        soak(
            given.minutes,
            workers=given.workers,
            sample_s=5.0,
            settle_s=min(600.0, given.minutes * 20),
            kill_s=300.0,
        )
    )
    print(outcome.text(), flush=True)
    for problem in outcome.problems:
        print(f"PROBLEM: {problem}", flush=True)
    failed = bool(outcome.problems)
    if given.schedules:
        command = [sys.executable, "-m", "tests.simulation.run", "--schedules", str(given.schedules)]
        command += ["--processes", str(os.cpu_count() or 1)]
        failed |= subprocess.run(command, check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
