"""The soak: an hour of mixed load on a whole Headgate, then a million simulated schedules.

    python -m tests.attack.soak --minutes 60

Memory, handles, tasks and connections must stay flat, every answered call be on record, and the budget have
spent what the records say.
Read next: `soak_load` (who comes), `soak_samples` (what is looked at, and the bounds).
"""

import argparse
import asyncio
import logging
import os
import subprocess
import sys
import time
from decimal import Decimal

import msgspec
import psycopg
from demo.running import Running, headgate
from tests.attack.soak_load import Load, Providers
from tests.attack.soak_samples import Row, Samples, table

SCHEDULES = 1_000_000
SHIPPED_S_MAX = 90.0
REFUSED_PART_MAX = 0.001
"""Shares of rate limits follow load that moves within two seconds, and refuse what comes before."""

_BOOKS = """
    select coalesce(sum(case when code = 'interrupted' then cost_usd else charged end), 0)::text
    from requests left join lateral (
        select sum((attempt ->> 'charged_usd')::numeric) charged
        from jsonb_array_elements(attempts) attempt where attempt ->> 'target' like 'near/%'
    ) on true where code <> 'interrupted' or target like 'near/%'
"""
"""What the records say that the provider near has cost."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a soak found. `lost` were answered and are not on record.

    `spent` is what the budget of one provider says, `booked` what the records say of the same: USD.
    """

    rows: list[Row]
    counts: dict[str, int]
    answered: int
    lost: list[str]
    spent: Decimal
    booked: Decimal
    surprises: list[str]
    errors: list[str]

    @property
    def problems(self) -> list[str]:
        """Everything that must not be."""
        found = [f"{row.measure} grows" for row in self.rows if row.judged == "GROWS"]
        found += [f"{row.measure} was seen too seldom" for row in self.rows if row.judged == "too few"]
        for what in ("limited", "refused", "control refused"):
            times = self.counts.get(what, 0)
            if times > max(2, REFUSED_PART_MAX * self.answered):
                found.append(f"{times} times {what} when nothing had been killed")
        if self.spent != self.booked:
            found.append(f"the budget has {self.spent} USD spent, the records {self.booked}")
        found += [f"answered and not on record: {name}" for name in self.lost[:5]]
        return found + self.surprises[:10] + self.errors[:5]

    def text(self) -> str:
        """The table and the counts."""
        counted = ", ".join(f"{name} {count}" for name, count in sorted(self.counts.items()))
        return (
            f"{table(self.rows)}\n\n{counted}\n"
            f"{self.answered} calls answered, {len(self.lost)} not on record; "
            f"{self.spent} USD spent, {self.booked} on record"
        )


async def soak(
    minutes: float, *, workers: int = 2, sample_s: float, settle_s: float, kill_s: float, kill_until_s: float
) -> Outcome:
    """Load a Headgate of its own for so long and look at it meanwhile.

    The first `settle_s` seconds of a process's life don't count; a worker is killed every `kill_s` seconds
    of the first `kill_until_s`, so that all that run at the end are seen for long.
    """
    async with Providers() as providers:
        place = headgate(providers.config(), workers=workers, environment={"SOAK_CLAUDE": "sk-soak"})
        running = await asyncio.to_thread(place.__enter__)
        try:
            key = await asyncio.to_thread(running.make_key, "soak", may_assert=True)
            load, samples = Load(running, key), Samples(running, settle_s)
            looking = asyncio.create_task(_look(samples, sample_s))
            try:
                await load.run(minutes * 60, kill_s, kill_until_s)
            finally:
                looking.cancel()
                await asyncio.wait([looking])
            lost = await asyncio.to_thread(_lost, running, load.answered)
            spent, booked = await asyncio.to_thread(_books, running)
            counts = dict(load.counts)
        finally:
            await asyncio.to_thread(place.__exit__, None, None, None)
        return Outcome(
            rows=samples.rows(),
            counts=counts,
            answered=len(load.answered),
            lost=lost,
            spent=spent,
            booked=booked,
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


def _lost(running: Running, answered: set[str]) -> list[str]:
    """Which calls are not on record, once all that were answered are, or time is up."""
    deadline = time.monotonic() + SHIPPED_S_MAX
    while True:
        with psycopg.connect(running.database_url(), autocommit=True) as connection:
            found = {str(name) for (name,) in connection.execute("select id::text from requests")}
        if answered <= found or time.monotonic() > deadline:
            return sorted(answered - found)
        time.sleep(1.0)


def _books(running: Running) -> tuple[Decimal, Decimal]:
    """What the provider near cost by its budget and by the records, once both agree or time is up."""
    deadline = time.monotonic() + SHIPPED_S_MAX
    while True:
        [wide] = [item for item in running.get("/budgets")["items"] if item["name"] == "wide"]
        with psycopg.connect(running.database_url(), autocommit=True) as connection:
            row = connection.execute(_BOOKS).fetchone()
        spent, booked = Decimal(wide["spent_usd"]), Decimal(row[0] if row else 0)
        if (spent == booked and not Decimal(wide["reserved_usd"])) or time.monotonic() > deadline:
            return spent, booked
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
            kill_s=120.0,
            kill_until_s=given.minutes * 20,
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
