"""Runs simulated schedules: `python -m tests.simulation.run --schedules N --seed S [--processes P]`.

Prints the first seed that breaks a promise, its trace, and the command that replays it. Exit status 1 then.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tests.simulation.events import run
from tests.simulation.world import World

CHUNK = 250
TRACE_LINES = 60


def broken_in(first: int, count: int) -> tuple[int, str] | None:
    """Run schedules of consecutive seeds; return the first that breaks a promise, and how."""
    for seed in range(first, first + count):
        try:
            run(World(seed))
        except Exception as error:  # whatever it is, its seed is what people need
            return seed, f"{type(error).__name__}: {error}"
    return None


def replay(seed: int, lines: int | None) -> str | None:
    """Run one schedule and print its trace; return how it broke a promise, if it did."""
    world = World(seed, is_traced=True)
    failure = None
    try:
        run(world)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    trace = world.trace or []
    for line in trace if lines is None else trace[-lines:]:
        print(line)
    return failure


def search(first: int, schedules: int, processes: int) -> tuple[int, str] | None:
    """Run many schedules with a progress bar; return the first failure found."""
    columns = (TextColumn("schedules"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    chunks = iter([(at, min(CHUNK, first + schedules - at)) for at in range(first, first + schedules, CHUNK)])
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        ProcessPoolExecutor(processes) as pool,
    ):
        task = progress.add_task("schedules", total=schedules)
        while batch := list(islice(chunks, 4 * processes)):
            for (_, count), found in zip(batch, _run_all(pool, batch), strict=True):
                progress.advance(task, count)
                if found is not None:
                    pool.shutdown(cancel_futures=True)
                    return found
    return None


def _run_all(pool: ProcessPoolExecutor, batch: list[tuple[int, int]]) -> Iterator[tuple[int, str] | None]:
    return pool.map(broken_in, [at for at, _ in batch], [count for _, count in batch])


def main(arguments: list[str] | None = None) -> int:
    """Search, or replay one seed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.run", description=__doc__)
    parser.add_argument("--schedules", type=int, default=10_000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--processes", type=int, default=1, help="how many at a time")
    parser.add_argument("--replay", action="store_true", help="run the one seed, with its whole trace")
    given = parser.parse_args(arguments)
    if given.replay:
        failure = replay(given.seed, None)
        print(failure or f"seed {given.seed} keeps all promises", file=sys.stderr)
        return 1 if failure else 0
    found = search(given.seed, given.schedules, given.processes)
    if found is None:
        last = given.seed + given.schedules - 1
        print(
            f"{given.schedules} schedules, seeds {given.seed} to {last}: all promises kept", file=sys.stderr
        )
        return 0
    seed, failure = found
    replay(seed, TRACE_LINES)
    print(f"seed {seed} breaks a promise: {failure}", file=sys.stderr)
    print(f"hint: python -m tests.simulation.run --seed {seed} --replay", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
