"""How long the report of an experiment takes: `python -m bench.experiment_report [--units 1000000]`.

Fills a database of its own with units, their calls and what three in ten said in a survey; then asks for the
report several times. `database` is how long this process waited, `own` the processor time that it used;
`server` the processor time of the server, which a busy machine takes longer for. The bar is two seconds for
a million units.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import psycopg
from demo.scratch import scratch_folder
from psycopg import sql

from bench.machine import cpu_s, tree
from headgate.experiments.definitions import sync_experiments
from headgate.experiments.model import Amount, Arm, Experiment, Metric, version_of
from headgate.experiments.reading import defined
from headgate.experiments.reporting import report
from headgate.store.database import Database
from headgate.store.embedded import EmbeddedPostgres
from headgate.store.migrate import migrate

BAR_S: Final = 2.0
ROUNDS: Final = 5
ANSWERING: Final = 0.3
BEFORE: Final = 0.1
"""The share of units that also said something before the experiment."""
SEEN_BEFORE: Final = 0.6
"""The share of units that made calls before it."""
CALLS_MEAN: Final = 3
DAYS: Final = 20
RARE: Final = 0.02
CHUNK: Final = 50_000
BEGINS: Final = datetime.now(UTC) - timedelta(days=30)
MARGIN: Final = Amount(value=0.2, is_relative=True)
GUARDRAILS: Final = (
    Metric(name="cost", measure="cost", role="guardrail", better="lower", margin=MARGIN),
    Metric(name="latency", measure="latency", role="guardrail", better="lower", margin=MARGIN),
    Metric(name="errors", measure="errors", role="guardrail", better="lower", margin=Amount(value=0.01)),
    Metric(name="refusals", measure="refusals", role="guardrail", better="lower", margin=Amount(value=0.01)),
)
SURVEY: Final = Metric(name="csat", kind="answer")


def experiment(*metrics: Metric) -> Experiment:
    """Return one of two arms with these metrics; they are no part of its version."""
    arms = (Arm(name="now", share=1), Arm(name="new", share=1, targets=("mock/tiny",)))
    made = Experiment(name="report", alias="assistant", arms=arms, metrics=metrics)
    return msgspec.structs.replace(made, version=version_of(made))


def copy(connection: psycopg.Connection, table: str, columns: str, lines: Iterable[str]) -> None:
    """Write lines into a table, in chunks."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns.split()))
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), names)
    chunk: list[str] = []
    with connection.cursor() as cursor, cursor.copy(statement) as writing:
        for line in lines:
            chunk.append(line)
            if len(chunk) == CHUNK:
                writing.write("".join(chunk))
                chunk.clear()
        writing.write("".join(chunk))


def fill(url: str, version: str, units: int, *, by_call: bool) -> None:
    """Write so many units, their first calls, and a survey: by user, or by the call that it is about."""
    draw = random.Random(8)
    unit_lines: list[str] = []
    call_lines: list[str] = []
    said_lines: list[str] = []
    places = list(range(units))
    draw.shuffle(places)  # units come in no order of their names
    for place in places:
        unit, call = f"u-{place}", f"00000000-0000-7000-8000-{place:012x}"
        arm = "new" if draw.random() < 0.5 else "now"
        first = BEGINS + timedelta(seconds=draw.random() * DAYS * 86400)
        calls = 1 + int(draw.expovariate(1 / CALLS_MEAN))
        errors, refusals = (draw.random() < RARE) * 1, (draw.random() < RARE) * 1
        sums = f"{calls}\t{errors}\t{refusals}\t{calls * draw.expovariate(1 / 900)}"
        cost = f"{calls * draw.random() / 100:.12f}"
        past = "\t".join(["\\N"] * 4)
        if draw.random() < SEEN_BEFORE:
            past = f"{calls}\t{draw.expovariate(1 / 900)}\t0\t{calls * draw.random() / 100}"
        unit_lines.append(f"{version}\tdefault\t{unit}\t{arm}\t{first}\t{sums}\t{cost}\t0\t0\t{past}\n")
        call_lines.append(f"{version}\tdefault\t{call}\t\\N\t\t{unit}\t{arm}\t{first}\n")
        about = f"request\t{call}\t" if by_call else f"user\t\\N\t{unit}"
        for share, after in ((ANSWERING, 1), (BEFORE, -1)):
            if draw.random() < share:
                at = first + timedelta(days=after)
                told = f"{draw.randint(1, 5)}\t\t\tperson\t\t{at}\t{about}\t\t\n"
                said_lines.append(f"default\t{place}{after}\tk\tcsat\tnumber\t{told}")
    score_columns = "project id key name kind value text comment source said_by at subject request_id user"
    with psycopg.connect(url, autocommit=True) as connection:
        unit_columns = "version project unit arm first_at calls errors refusals duration_ms cost_usd"
        past_columns = "past_calls past_call_ms past_error_rate past_cost_usd"
        copy(connection, "experiment_units", f"{unit_columns} unpriced crossed {past_columns}", unit_lines)
        call_columns = "version project request trace_id session unit arm at"
        copy(connection, "experiment_calls", call_columns, call_lines)
        copy(connection, "scores", f"{score_columns} session business_id", said_lines)
        connection.execute("vacuum analyze")


async def ask(url: str, one: Experiment, server: int) -> str:
    """Ask for the report several times, and return a line of the table: that of the median, and the worst."""
    times: list[tuple[float, float, float]] = []
    async with Database(url, name="bench") as database, database.transaction() as connection:
        await sync_experiments(connection, (one,))
        [found] = await defined(connection, one.name)
        for _ in range(ROUNDS):
            began, own_began, used = time.perf_counter(), time.process_time(), server_s(server)
            await report(connection, found, "running", now=datetime.now(UTC), project_ids=None)
            own = time.process_time() - own_began
            times.append((time.perf_counter() - began, own, server_s(server) - used))
    times.sort()
    whole, own, used = times[len(times) // 2]
    return f"{whole:7.2f} {whole - own:9.2f} {own:7.3f} {times[-1][0]:7.2f} {used:7.2f}"


def server_s(server: int) -> float:
    """The processor time of the server, with that of workers that ended."""
    return cpu_s(tree([server]), with_ended=True)


def measure(url: str, units: int, server: int) -> bool:
    """Print the table; say whether the survey with all guardrails holds the bar."""
    asyncio.run(migrate(url))
    version = experiment().version
    cases: dict[str, Callable[[], Experiment]] = {
        "one guardrail": lambda: experiment(GUARDRAILS[0]),
        "four guardrails": lambda: experiment(*GUARDRAILS),
        "a survey": lambda: experiment(SURVEY),
        "a survey and four guardrails": lambda: experiment(SURVEY, *GUARDRAILS),
    }
    holds = True
    print(f"{units:,} units, seconds\n  whole  database     own   worst  server")
    for by_call in (False, True):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("truncate experiment_units, experiment_calls, scores")
        fill(url, version, units, by_call=by_call)
        for name, make in cases.items():
            line = asyncio.run(ask(url, make(), server))
            holds = holds and float(line.split()[0]) < BAR_S
            print(f"{line}  {name}, said by {'call' if by_call else 'user'}", flush=True)
    return holds


def main() -> int:
    """Start a server, measure; 1 where a report takes longer than the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=1_000_000)
    units: int = parser.parse_args().units
    with tempfile.TemporaryDirectory(dir=scratch_folder(), ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder), settings={"fsync": "off", "max_wal_size": "4GB"})
        try:
            url = server.start()
            assert server.pid is not None
            return 0 if measure(url, units, server.pid) else 1
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
